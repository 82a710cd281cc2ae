// Elements are made of parts, never of markup: a text can be nothing but a text.

/** Makes an element. Attributes that are functions are listeners, `true` is an empty attribute, false and null are left out. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, String(value));
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** A button whose key is shown on it and told to screen readers. */
export function button(label, action, { key, kind, ...attributes } = {}) {
  return make(
    "button",
    { type: "button", class: kind, "aria-keyshortcuts": key ? shortcut(key) : null, click: action, ...attributes },
    label,
    key ? make("kbd", { "aria-hidden": "true" }, key) : null,
  );
}

function shortcut(key) {
  return { "?": "Shift+?", "⌃↵": "Control+Enter" }[key] ?? key;
}

export function place(id) {
  return document.getElementById(id);
}

/** Tells screen readers something without moving the focus. */
export function announce(text) {
  const live = place("live");
  // The same words twice are otherwise said once.
  live.textContent = live.textContent === text ? text + "\u00a0" : text;
}

export const letters = ["A", "B", "C", "D", "E", "F"];

/** `made_up_fact` as people write it. */
export function words(name) {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// The comment and the written reason.

import { make } from "./elements.js";

export function remarksArea(context) {
  const comment = field("comment", "Comment", "c", "Anything worth telling the team. You may leave it empty.");
  const reason = context.task.wants_reason
    ? field("reason", "Reason", "r", "Please write a sentence: what makes the difference?")
    : null;
  const element = make("div", { class: "remarks" }, reason?.element, comment.element);

  function field(name, label, key, hint) {
    let before = null;
    const input = make("textarea", {
      id: name,
      rows: 2,
      "aria-describedby": `${name}-hint`,
      "aria-keyshortcuts": key,
      required: name === "reason",
      focus: () => (before = JSON.stringify(context.draft)),
      input: () => {
        // One step back takes all of it away that was written in one go.
        if (before !== null) context.remember(before);
        before = null;
        context.draft[name] = input.value;
        context.save();
      },
    });
    return {
      input,
      element: make(
        "div",
        { class: "field" },
        make("label", { for: name }, label, make("kbd", { "aria-hidden": "true" }, key)),
        input,
        make("p", { id: `${name}-hint`, class: "hint" }, hint),
      ),
    };
  }

  function render() {
    for (const each of [comment, reason]) {
      if (each && each.input.value !== context.draft[each.input.id]) each.input.value = context.draft[each.input.id];
    }
  }

  return { element, render, comment: comment.input, reason: reason?.input ?? null };
}

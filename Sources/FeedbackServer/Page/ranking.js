// Answers in order, from the best to the worst. Two can share a place.

import { button, letters, make } from "./elements.js";
import { answerCard } from "./answers.js";
import { remarksArea } from "./remarks.js";

export function rankingView(context) {
  const { task, project } = context;
  const places = task.answers.map((_, place) => place);
  const ranks = places.map((place) => button("", () => toggle(place), { kind: "rank", "aria-pressed": "false" }));
  const scores = places.map((place) => scoreRow(place));
  const cards = places.map((place) => answerCard(context, place, ranks[place], scores[place].element));
  const remarks = remarksArea(context);
  const equal = button("Same place as the one before", () => setEqual(!context.draft.isEqual), {
    key: "=", kind: "aside-choice", "aria-pressed": "false",
  });
  const sendButton = button("Send", () => context.send(), { key: "↵", kind: "primary", "aria-keyshortcuts": "Enter" });
  const order = make("p", { class: "order" });
  const element = make(
    "div",
    {},
    make("p", { class: "hint" }, "Rank the answers from the best to the worst: press their numbers in that order, or use their buttons."),
    make("div", { class: "cards many" }, ...cards.map((card) => card.element)),
    remarks.element,
    make(
      "section",
      { class: "decision", "aria-label": "Your decision" },
      order,
      make("div", { class: "beside" }, equal, ...context.common, sendButton),
    ),
  );

  function scoreRow(place) {
    const buttons = Array.from({ length: project.highest_score }, (_, index) =>
      button(`${index + 1}`, () => score(place, index + 1), {
        kind: "chip", "aria-pressed": "false", "aria-label": `Overall ${index + 1} for answer ${letters[place]}`,
      }),
    );
    return {
      buttons,
      element: make("div", { class: "scores", role: "group", "aria-label": `Overall score of answer ${letters[place]}` },
        make("span", { class: "label" }, "Overall"), ...buttons),
    };
  }

  function score(place, value) {
    context.change((draft) => (draft.scores[place] = draft.scores[place] === value ? null : value));
  }

  function toggle(place) {
    const isRanked = context.draft.groups.flat().includes(place);
    context.change((draft) => {
      if (isRanked) {
        draft.groups = draft.groups.map((group) => group.filter((other) => other !== place)).filter((group) => group.length > 0);
      } else if (draft.isEqual && draft.groups.length > 0) {
        draft.groups.at(-1).push(place);
      } else {
        draft.groups.push([place]);
      }
      draft.isEqual = false;
    });
    context.say(isRanked ? `${letters[place]} has no place any more` : `${letters[place]} is ${rank(place)}. ${orderText()}`);
  }

  function setEqual(isEqual) {
    context.change((draft) => (draft.isEqual = isEqual && draft.groups.length > 0));
    context.say(context.draft.isEqual ? "The next one shares the place of the last" : "The next one gets a place of its own");
  }

  function rank(place) {
    let before = 0;
    for (const group of context.draft.groups) {
      if (group.includes(place)) return `number ${before + 1}`;
      before += group.length;
    }
    return null;
  }

  function orderText() {
    if (context.draft.groups.length === 0) return "No order yet.";
    return "Best first: " + context.draft.groups.map((group) => group.map((place) => letters[place]).join(" = ")).join(", ");
  }

  function render() {
    for (const part of [...cards, remarks]) part.render();
    for (const place of places) {
      const number = rank(place);
      ranks[place].replaceChildren(
        number ? `${letters[place]} is ${number}` : `Rank ${letters[place]} next`, make("kbd", { "aria-hidden": "true" }, `${place + 1}`));
      ranks[place].setAttribute("aria-pressed", String(number !== null));
      scores[place].buttons.forEach((each, index) =>
        each.setAttribute("aria-pressed", String(context.draft.scores[place] === index + 1)));
    }
    equal.setAttribute("aria-pressed", String(context.draft.isEqual === true));
    order.textContent = orderText();
  }

  function judgement() {
    const { groups } = context.draft;
    if (groups.flat().length < places.length) return `Give each of the ${places.length} answers a place first.`;
    return { kind: "ranking", groups };
  }

  return {
    element, render, judgement, remarks, cards, summary: orderText,
    keys: {
      ...Object.fromEntries(places.map((place) => [`${place + 1}`, () => toggle(place)])),
      "=": () => setEqual(!context.draft.isEqual),
      Enter: () => context.send(),
    },
  };
}

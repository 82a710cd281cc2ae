// Each answer by named criteria. Digits fill one criterion after the other.

import { button, letters, make, words } from "./elements.js";
import { answerCard } from "./answers.js";
import { remarksArea } from "./remarks.js";

export function ratingView(context) {
  const { task, project } = context;
  const cells = task.answers.flatMap((_, place) => project.criteria.map((criterion) => ({ place, criterion })));
  for (const cell of cells) {
    const name = `${cell.place}-${cell.criterion}`;
    cell.inputs = Array.from({ length: project.highest_score }, (_, index) =>
      make("input", { type: "radio", name, id: `${name}-${index + 1}`, value: index + 1, change: () => set(cell, index + 1) }));
    cell.element = make(
      "fieldset",
      { class: "criterion" },
      make("legend", {}, words(cell.criterion)),
      make("div", { class: "points" },
        ...cell.inputs.flatMap((input, index) => [input, make("label", { for: input.id }, `${index + 1}`)])),
    );
  }
  const cards = task.answers.map((_, place) =>
    answerCard(context, place, ...cells.filter((cell) => cell.place === place).map((cell) => cell.element)));
  const remarks = remarksArea(context);
  const sendButton = button("Send", () => context.send(), { key: "↵", kind: "primary", "aria-keyshortcuts": "Enter" });
  const element = make(
    "div",
    {},
    make("p", { class: "hint" }, `Rate from 1 (poor) to ${project.highest_score} (excellent).`),
    make("div", { class: task.answers.length === 2 ? "cards two" : "cards many" }, ...cards.map((card) => card.element)),
    remarks.element,
    make("section", { class: "decision", "aria-label": "Your decision" },
      make("div", { class: "beside" }, ...context.common, sendButton)),
  );

  function value(cell) {
    return context.draft.ratings[cell.place][cell.criterion] ?? null;
  }

  function set(cell, score) {
    context.change((draft) => (draft.ratings[cell.place][cell.criterion] = score));
  }

  function next() {
    return cells.find((cell) => value(cell) === null) ?? null;
  }

  function press(score) {
    const cell = next();
    if (!cell || score > project.highest_score) return;
    set(cell, score);
    const after = next();
    const said = `Answer ${letters[cell.place]}, ${words(cell.criterion)}: ${score}.`;
    context.say(after ? `${said} Next: answer ${letters[after.place]}, ${words(after.criterion)}` : `${said} Press Enter to send.`);
  }

  function render() {
    for (const part of [...cards, remarks]) part.render();
    const current = next();
    for (const cell of cells) {
      cell.element.classList.toggle("current", cell === current);
      cell.inputs.forEach((input, index) => (input.checked = value(cell) === index + 1));
    }
  }

  function judgement() {
    const missing = next();
    if (missing) return `Rate answer ${letters[missing.place]} by "${words(missing.criterion)}" first.`;
    return { kind: "rating", ratings: context.draft.ratings.map((scores, place) => ({ place, scores })) };
  }

  return {
    element, render, judgement, remarks, cards, summary: () => "Ratings",
    keys: {
      ...Object.fromEntries(Array.from({ length: project.highest_score }, (_, index) => [`${index + 1}`, () => press(index + 1)])),
      Enter: () => context.send(),
    },
  };
}

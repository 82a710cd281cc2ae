// Head to head: seven steps from "A is much better" to "B is much better", and what is beside the scale.

import { button, make } from "./elements.js";
import { answerCard } from "./answers.js";
import { remarksArea } from "./remarks.js";

const steps = [
  { key: "1", side: "A", words: "much better", short: "much", place: 0, strength: 3 },
  { key: "2", side: "A", words: "better", short: "better", place: 0, strength: 2 },
  { key: "3", side: "A", words: "slightly better", short: "slightly", place: 0, strength: 1 },
  { key: "4", side: "=", words: "tie", short: "tie", outcome: "tie" },
  { key: "5", side: "B", words: "slightly better", short: "slightly", place: 1, strength: 1 },
  { key: "6", side: "B", words: "better", short: "better", place: 1, strength: 2 },
  { key: "7", side: "B", words: "much better", short: "much", place: 1, strength: 3 },
];
const bothBad = { key: "0", side: "", words: "both bad", short: "Both bad", outcome: "both_bad" };

export function pairView(context) {
  const cards = [0, 1].map((place) => answerCard(context, place));
  const remarks = remarksArea(context);
  const scale = steps.map((step) =>
    button([make("strong", { "aria-hidden": "true" }, step.side), make("span", { "aria-hidden": "true" }, step.short)], () => choose(step), {
      key: step.key,
      kind: `step step-${step.side === "A" ? "a" : step.side === "B" ? "b" : "tie"}-${step.strength ?? 0}`,
      "aria-label": sentence(step),
      "aria-pressed": "false",
    }),
  );
  const bad = button(bothBad.short, () => choose(bothBad), { key: "0", kind: "aside-choice", "aria-pressed": "false" });
  const sendButton = context.task.wants_reason
    ? button("Send", () => context.send(), { key: "⌃↵", kind: "primary" })
    : null;
  const element = make(
    "div",
    {},
    make("div", { class: "cards two" }, ...cards.map((card) => card.element)),
    remarks.element,
    make(
      "section",
      { class: "decision", "aria-label": "Your decision" },
      make("div", { class: "scale", role: "group", "aria-label": "Which answer is better?" }, ...scale),
      make("div", { class: "beside" }, bad, ...context.common, sendButton),
    ),
  );

  function choose(step) {
    context.change((draft) => (draft.choice = step.key));
    if (context.task.wants_reason && context.draft.reason.trim() === "") {
      context.say(`${sentence(step)}. Please write why, then press Control and Enter.`);
      remarks.reason.focus();
    } else if (!context.task.wants_reason) {
      context.send();
    }
  }

  function render() {
    for (const part of [...cards, remarks]) part.render();
    [...steps, bothBad].forEach((step, index) =>
      (scale[index] ?? bad).setAttribute("aria-pressed", String(context.draft.choice === step.key)),
    );
  }

  function judgement() {
    const step = [...steps, bothBad].find((each) => each.key === context.draft.choice);
    if (!step) return "Choose first which answer is better.";
    return { kind: "pair", outcome: step.outcome ?? "better", place: step.place, strength: step.strength };
  }

  return {
    element, render, judgement, remarks, cards,
    keys: Object.fromEntries([...steps, bothBad].map((step) => [step.key, () => choose(step)])),
    summary: () => sentence([...steps, bothBad].find((each) => each.key === context.draft.choice) ?? bothBad),
  };
}

/** What the draft of an answer that was taken back had chosen. */
export function pairChoice(judgement) {
  const match = (step) =>
    (step.outcome ?? "better") === judgement.outcome &&
    (step.outcome || (step.place === judgement.place && step.strength === judgement.strength));
  return [...steps, bothBad].find(match)?.key ?? null;
}

/** The same in words, for lists of votes. */
export function pairSentence(judgement) {
  const key = pairChoice(judgement);
  return sentence([...steps, bothBad].find((step) => step.key === key) ?? bothBad);
}

function sentence(step) {
  if (step.outcome === "tie") return "Tie";
  if (step.outcome === "both_bad") return "Both bad";
  return `${step.side} is ${step.words}`;
}

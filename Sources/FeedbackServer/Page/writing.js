// An answer of one's own, or a better version of a given one; and the second look at such a text.

import { button, letters, make } from "./elements.js";
import { answerCard } from "./answers.js";
import { remarksArea } from "./remarks.js";

/** A text that is written, with what the draft keeps of it. */
function editor(context, label) {
  let before = null;
  const input = make("textarea", {
    id: "text", rows: 10, class: "writing",
    focus: () => (before = JSON.stringify(context.draft)),
    input: () => {
      if (before !== null) context.remember(before);
      before = null;
      context.draft.text = input.value;
      context.save();
    },
  });
  return {
    input,
    element: make("div", { class: "field" }, make("label", { for: "text" }, label), input),
    render: () => {
      if (input.value !== context.draft.text) input.value = context.draft.text;
    },
  };
}

export function writingView(context) {
  const { task } = context;
  const chooses = task.answers.map((_, place) =>
    button(`Correct answer ${letters[place]}`, () => correct(place), { key: `${place + 1}`, kind: "rank", "aria-pressed": "false" }));
  const cards = task.answers.map((_, place) => answerCard(context, place, chooses[place]));
  const text = editor(context, "Your answer");
  const remarks = remarksArea(context);
  const sendButton = button("Send", () => context.send(), { key: "⌃↵", kind: "primary" });
  const element = make(
    "div",
    {},
    task.note ? make("p", { class: "notice" }, make("strong", {}, "The reviewer asks for a change: "), task.note) : null,
    make("p", { class: "hint" }, task.answers.length > 0
      ? "Write the best answer that you can, or choose the better one of these and correct it."
      : "Write the best answer that you can. Somebody else reviews it before a model learns from it."),
    make("div", { class: task.answers.length === 2 ? "cards two" : "cards many" }, ...cards.map((card) => card.element)),
    text.element,
    remarks.element,
    make("section", { class: "decision", "aria-label": "Your decision" },
      make("div", { class: "beside" }, ...context.common, sendButton)),
  );

  function correct(place) {
    context.change((draft) => {
      const isChosen = draft.corrects === place;
      draft.corrects = isChosen ? null : place;
      if (!isChosen && draft.text.trim() === "") draft.text = task.answers[place].text;
    });
    context.say(context.draft.corrects === null ? "A text of your own" : `You correct answer ${letters[place]}`);
    text.input.focus();
  }

  return {
    element, remarks, cards, summary: () => "Your text", first: text.input,
    render: () => {
      for (const part of [...cards, text, remarks]) part.render();
      chooses.forEach((each, place) => each.setAttribute("aria-pressed", String(context.draft.corrects === place)));
    },
    judgement: () => {
      if (context.draft.text.trim() === "") return "Write your answer first.";
      return { kind: "writing", text: context.draft.text, place: context.draft.corrects };
    },
    keys: { w: () => text.input.focus(), ...Object.fromEntries(task.answers.map((_, place) => [`${place + 1}`, () => correct(place)])) },
  };
}

const reviews = { approve: "Approved", edit: "Approved with changes", send_back: "Sent back" };

export function reviewView(context) {
  const card = answerCard(context, 0);
  const text = editor(context, "Your version");
  const remarks = remarksArea(context);
  const choices = [
    button("Approve", () => choose("approve"), { key: "a", kind: "aside-choice" }),
    button("Approve with changes", () => choose("edit"), { key: "e", kind: "aside-choice", "aria-pressed": "false" }),
    button("Send back", () => choose("send_back"), { key: "b", kind: "aside-choice" }),
  ];
  const sendButton = button("Send", () => context.send(), { key: "⌃↵", kind: "primary" });
  const element = make(
    "div",
    {},
    make("p", { class: "hint" }, "Somebody wrote this answer. Is it good enough for a model to learn from?"),
    make("div", { class: "cards many" }, card.element),
    text.element,
    remarks.element,
    make("section", { class: "decision", "aria-label": "Your decision" },
      make("div", { class: "beside" }, ...choices, ...context.common, sendButton)),
  );

  function choose(word) {
    context.change((draft) => {
      draft.word = word;
      if (word === "edit" && draft.text === "") draft.text = context.task.answers[0].text;
    });
    if (word === "edit") {
      text.input.focus();
    } else if (word === "send_back" && context.draft.comment.trim() === "") {
      context.say("Write in the comment what the author should change, then press Control and Enter.");
      remarks.comment.focus();
    } else {
      context.send();
    }
  }

  return {
    element, remarks, cards: [card], summary: () => reviews[context.draft.word] ?? "",
    render: () => {
      for (const part of [card, text, remarks]) part.render();
      text.element.hidden = sendButton.hidden = context.draft.word !== "edit" && context.draft.word !== "send_back";
      text.element.hidden = context.draft.word !== "edit";
      choices[1].setAttribute("aria-pressed", String(context.draft.word === "edit"));
    },
    judgement: () => {
      const { word } = context.draft;
      if (!word) return "Say first whether the text is good enough.";
      return { kind: "review", word, text: word === "edit" ? context.draft.text : undefined };
    },
    keys: { a: () => choose("approve"), e: () => choose("edit"), b: () => choose("send_back") },
  };
}

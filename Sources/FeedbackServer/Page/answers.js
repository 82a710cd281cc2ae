// One answer: its text as Markdown, as it is written, or with the words that the other one lacks; and its problems.

import { button, letters, make, words } from "./elements.js";
import { differences, marked } from "./differences.js";
import { markdown } from "./markdown.js";

/** Keys that lead to the problems of the first and the second answer. */
export const flagKeys = ["f", "g"];

export function answerCard(context, place, ...controls) {
  const { task, project } = context;
  const name = task.answers.length > 1 ? `Answer ${letters[place]}` : "Answer";
  const body = make("div", { class: "text" });
  const key = task.answers.length === 2 ? flagKeys[place] : null;
  const flags = project.flags.map((flag, index) =>
    button(words(flag), () => toggle(flag), { key: key ? `${index + 1}` : null, kind: "chip", "aria-pressed": "false" }),
  );
  const problems = make(
    "fieldset",
    { class: "flags", "data-flags": place },
    make("legend", {}, `Problems of ${name}`, key ? make("kbd", { "aria-hidden": "true" }, key) : null),
    ...flags,
  );
  const heading = make("h3", { id: `answer-${place}` }, name);
  const element = make("article", { class: "card", "aria-labelledby": heading.id }, heading, body, ...controls, problems);

  function toggle(flag) {
    context.change((draft) => {
      const set = new Set(draft.flags[place]);
      if (!set.delete(flag)) set.add(flag);
      draft.flags[place] = project.flags.filter((other) => set.has(other));
    });
    context.say(`${words(flag)} of ${name}: ${context.draft.flags[place].includes(flag) ? "on" : "off"}`);
  }

  let shown = null;
  function render() {
    const mode = context.draft.mode;
    if (shown !== mode) {
      body.replaceChildren(text(mode));
      shown = mode;
    }
    project.flags.forEach((flag, index) =>
      flags[index].setAttribute("aria-pressed", String(context.draft.flags[place].includes(flag))),
    );
  }

  function text(mode) {
    const answer = task.answers[place].text;
    if (mode === "differences" && task.answers.length === 2) {
      return marked(differences(task.answers[0].text, task.answers[1].text)[place]);
    }
    if (answer === "") return make("p", { class: "quiet" }, "This answer is empty.");
    return mode === "plain" ? make("div", { class: "plain" }, answer) : markdown(answer);
  }

  return { element, render, problems, flags };
}

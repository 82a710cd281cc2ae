// What leads see: people by their pseudonyms, disagreements to settle, and all votes.

import { button, make } from "./elements.js";
import { ask } from "./server.js";
import { pairSentence } from "./pair.js";

export async function leadView(settle, back) {
  const [overview, votes] = [await ask("GET", "/api/lead"), await ask("GET", "/api/lead/votes")];
  return make(
    "div",
    { class: "lead" },
    make("h2", { tabindex: -1, id: "heading" }, "Overview"),
    make("p", {}, `${overview.votes} of ${overview.wanted} answers. ${overview.dispute_count} open disagreement${overview.dispute_count === 1 ? "" : "s"}.`),
    button("Back to my task", back, { kind: "primary" }),
    make("h3", {}, "Disagreements"),
    overview.disputes.length === 0 ? make("p", { class: "quiet" }, "People agree so far.") : make("ul", { class: "disputes" },
      ...overview.disputes.map((dispute) => make("li", {},
        make("span", {}, `Task ${dispute.task}: `, sides(dispute.votes)),
        button("Settle", () => settle(dispute.task), { kind: "aside-choice", "aria-label": `Settle task ${dispute.task}` })))),
    make("h3", {}, "People"),
    table(["Who", "Answers", "Skips", "Minutes", "Gold questions", "State"], overview.people.map((person) => [
      person.pseudonym + (person.is_lead ? " (lead)" : ""), person.votes, person.skips, Math.round(person.seconds / 6) / 10,
      person.gold_answered > 0 ? `${person.gold_right} of ${person.gold_answered}` : "none",
      !person.is_active ? "revoked" : person.has_task ? "has a task" : "away"])),
    make("h3", {}, "Newest answers"),
    table(["Task", "Who", "Answer", "Problems", "Comment and reason", "Seconds", "When (UTC)"], votes.map((vote) => [
      vote.task, vote.annotator, sentence(vote), vote.flags.map((flag) => `${"ABCDEF"[flag.place]}: ${flag.names.join(", ")}`).join("; "),
      [vote.comment, vote.reason].filter(Boolean).join(" / "), Math.round(vote.seconds * 10) / 10,
      new Date(vote.voted_at_ms).toISOString().slice(0, 19).replace("T", " ")])),
  );
}

/** Who said what, by the places of the task and not as each was shown. */
function sides(votes) {
  return votes.map((vote) => `${vote.annotator}: ${pairSentence(vote.judgement)}`).join("; ");
}

function sentence(vote) {
  const { judgement } = vote;
  if (judgement.kind === "pair") return pairSentence(judgement) + (vote.is_adjudication ? " (settled)" : "");
  if (judgement.kind === "ranking") return judgement.groups.map((group) => group.map((place) => "ABCDEF"[place]).join(" = ")).join(", ");
  return judgement.word ?? judgement.kind;
}

function table(head, rows) {
  return make("div", { class: "wide", tabindex: 0 }, make("table", {},
    make("thead", {}, make("tr", {}, ...head.map((cell) => make("th", { scope: "col" }, cell)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, String(cell))))))));
}

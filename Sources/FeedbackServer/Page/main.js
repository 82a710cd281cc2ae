// The page: what a person has in front of them, the draft of their answer, keys, and steps back.

import { announce, button, make, place } from "./elements.js";
import { Refused, ask, mention, watchTrouble } from "./server.js";
import { VisibleClock } from "./clock.js";
import { flagKeys } from "./answers.js";
import { leadView } from "./lead.js";
import { markdown } from "./markdown.js";
import { pairChoice, pairSentence, pairView } from "./pair.js";
import { rankingView } from "./ranking.js";
import { ratingView } from "./rating.js";
import { reviewView, writingView } from "./writing.js";

const views = { pair: pairView, ranking: rankingView, rating: ratingView, writing: writingView, review: reviewView };
const renewEvery = 60_000;
const lookEvery = 20_000;
const mostSteps = 50;

const clock = new VisibleClock();
let desk = null;
let context = null;
let view = null;
let isBusy = false;
let looking = null;

// --- Drafts: what is chosen, flagged and written, kept for this tab so that loading the page again loses nothing ---

function freshDraft(task, project) {
  const { draft } = task;
  const perAnswer = (items, empty, value) =>
    task.answers.map((_, index) => {
      const item = items?.find((each) => each.place === index);
      return item ? value(item) : empty();
    });
  const fresh = {
    choice: null,
    groups: draft?.judgement.groups ?? [],
    ratings: perAnswer(draft?.judgement.ratings, () => ({}), (item) => item.scores),
    text: draft?.judgement.text ?? "",
    corrects: null,
    word: null,
    flags: perAnswer(draft?.flags, () => [], (item) => item.names.filter((name) => project.flags.includes(name))),
    scores: perAnswer(draft?.scores, () => null, (item) => item.scores.overall ?? null),
    comment: draft?.comment ?? "",
    reason: draft?.reason ?? "",
    mode: "markdown",
  };
  if (draft?.judgement.kind === "pair") fresh.choice = pairChoice(draft.judgement);
  if (draft?.judgement.kind === "writing") fresh.corrects = draft.judgement.place ?? null;
  if (draft?.judgement.kind === "review") fresh.word = draft.judgement.word;
  return fresh;
}

const storageKey = (lease) => `lease ${lease}`;

function stored(lease) {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey(lease)) ?? "null");
  } catch {
    return null;
  }
}

function makeContext(task, project) {
  const known = stored(task.lease);
  const steps = known?.steps ?? [];
  clock.start(known?.times);
  return {
    task, project,
    draft: known?.draft ?? freshDraft(task, project),
    /** Changes the draft so that it can be taken back. */
    change(body) {
      steps.push(JSON.stringify(this.draft));
      body(this.draft);
      this.save();
      view.render();
    },
    remember(before) {
      steps.push(before);
    },
    /** One step back within the task; false when there is none. */
    stepBack() {
      const before = steps.pop();
      if (before === undefined) return false;
      this.draft = JSON.parse(before);
      this.save();
      view.render();
      return true;
    },
    save() {
      const kept = { draft: this.draft, times: clock.times, steps: steps.slice(-mostSteps) };
      sessionStorage.setItem(storageKey(task.lease), JSON.stringify(kept));
    },
    say: announce,
    send,
    common: [
      button("Skip", skip, { key: "s", kind: "aside-choice" }),
      button("Undo", undo, { key: "u", kind: "aside-choice" }),
    ],
  };
}

// --- What the server is told ---

/** Shows what the server answers. While it is asked, nothing else is. */
async function request(path, body, said) {
  if (isBusy) return;
  isBusy = true;
  place("main").setAttribute("aria-busy", "true");
  try {
    const data = await ask("POST", path, body);
    if (context && path === "/api/acts") sessionStorage.removeItem(storageKey(context.task.lease));
    show(data, said);
  } catch (error) {
    await refused(error);
  } finally {
    isBusy = false;
    place("main").removeAttribute("aria-busy");
  }
}

async function refused(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 401) return showSignIn(error.message);
  if (error.code === "lease_gone") show(await ask("GET", "/api/desk"));
  notice(error.message);
  if (error.code === "reason_needed") (view?.remarks.reason ?? view?.remarks.comment)?.focus();
}

function act(judgement, said) {
  const { draft, task } = context;
  const { active, idle } = clock.times;
  return request("/api/acts", {
    lease: task.lease,
    judgement,
    flags: draft.flags.map((names, index) => ({ place: index, names })).filter(({ names }) => names.length > 0),
    scores: draft.scores.map((overall, index) => ({ place: index, scores: { overall } })).filter(({ scores }) => scores.overall),
    comment: draft.comment,
    reason: draft.reason,
    seconds: Math.round(active) / 1000,
    idle_seconds: Math.round(idle) / 1000,
  }, said);
}

function send() {
  if (!view || isBusy) return;
  const judgement = view.judgement();
  if (typeof judgement === "string") return notice(judgement);
  return act(judgement, `${view.summary()}. Saved.`);
}

function skip() {
  if (view && !isBusy) return act({ kind: "skip" }, "Skipped.");
}

function undo() {
  if (isBusy) return;
  if (context?.stepBack()) return announce("Last change taken back");
  return request("/api/undo", {}, "Your last answer is taken back. Here it is again.");
}

// --- What is shown ---

function show(data, said = "") {
  clearTimeout(looking);
  desk = data;
  if (said !== "" || data.content !== "task" || data.task.lease !== context?.task.lease) notice(null);
  place("title").textContent = data.project.title;
  showProgress(data.progress);
  showMenu(data);
  showGuidelines(data.project.guidelines);
  ({ consent: showConsent, task: showTask, empty: showEmpty })[data.content](data);
  if (said !== "" || data.content === "empty") announce(`${said} ${status(data)}`.trim());
}

function status(data) {
  if (data.content === "empty") return data.empty.sentence;
  if (data.content === "consent") return "Please read what is recorded.";
  return `Next task. ${data.progress.mine} done by you.`;
}

function fill(...children) {
  view = null;
  context = null;
  clock.stop();
  delete place("main").dataset.lease;
  place("main").replaceChildren(...children);
  scrollTo(0, 0);
}

function heading(text) {
  return make("h2", { tabindex: -1, id: "heading" }, text);
}

function showTask(data) {
  const { task, project } = data;
  if (context?.task.lease === task.lease && view) return;
  fill();
  context = makeContext(task, project);
  view = views[task.kind](context);
  place("main").dataset.lease = task.lease;
  const title = heading(task.is_adjudication ? "Settle a disagreement" : task.kind === "review" ? "Review" : "Prompt");
  place("main").replaceChildren(
    make("section", { class: "prompt", "aria-labelledby": "heading" },
      title, ...task.prompt.map((turn) => turnElement(turn, task.prompt.length))),
    task.votes.length > 0 ? othersVotes(task.votes) : "",
    make("section", { "aria-label": "Answers" }, modes(), view.element),
  );
  view.render();
  renderModes();
  title.focus({ preventScroll: true });
}

function turnElement(turn, count) {
  const role = { user: "Person", assistant: "Model", system: "Instructions" }[turn.role] ?? turn.role;
  return make("div", { class: `turn turn-${turn.role === "assistant" ? "model" : "person"}` },
    count > 1 || turn.role !== "user" ? make("p", { class: "role" }, role) : null, make("div", { class: "plain" }, turn.content));
}

function othersVotes(votes) {
  return make("section", { class: "votes", "aria-label": "What others said" }, make("ul", {}, ...votes.map((vote) =>
    make("li", {}, make("strong", {}, vote.annotator), ": ",
      vote.judgement.kind === "pair" ? pairSentence(vote.judgement) : vote.judgement.kind,
      vote.reason ? `. ${vote.reason}` : "", vote.comment ? ` (${vote.comment})` : ""))));
}

// How texts are shown: as Markdown, as they are written, or by their differences.
let modeButtons = [];

function modes() {
  const two = context.task.answers.length === 2;
  modeButtons = [
    ["markdown", button("Markdown", () => setMode("markdown"), { key: "m", kind: "chip" })],
    ["plain", button("As written", () => setMode("plain"), { kind: "chip" })],
    ...(two ? [["differences", button("Differences", () => setMode("differences"), { key: "d", kind: "chip" })]] : []),
  ];
  const legend = make("span", { class: "hint", id: "mode-hint" });
  return make("div", { class: "modes", role: "group", "aria-label": "How texts are shown" },
    ...modeButtons.map(([, each]) => each), legend);
}

function setMode(mode) {
  if (!context || (mode === "differences" && context.task.answers.length !== 2)) return;
  context.draft.mode = mode;
  context.save();
  view.render();
  renderModes();
  announce({ markdown: "Texts as Markdown", plain: "Texts as written", differences: "Words that only one answer has are marked" }[mode]);
}

function renderModes() {
  for (const [mode, each] of modeButtons) each.setAttribute("aria-pressed", String(context.draft.mode === mode));
  place("mode-hint").textContent = context.draft.mode === "differences" ? "Marked words are in one answer only." : "";
}

function showEmpty(data) {
  fill(make("section", { class: "notice calm", "aria-labelledby": "heading" },
    heading(data.empty.code === "all_done" ? "All done" : "No task for you right now"),
    make("p", {}, data.empty.sentence),
    make("div", { class: "beside" },
      button("Look again", load, { kind: "primary" }), button("Undo my last answer", undo, { key: "u", kind: "aside-choice" }))));
  looking = setTimeout(load, lookEvery);
}

function showConsent(data) {
  fill(make("section", { class: "notice calm", "aria-labelledby": "heading" },
    heading("Before you start"),
    make("p", {}, "This is what is recorded while you work here:"),
    make("ul", {}, ...data.recorded.map((sentence) => make("li", {}, sentence))),
    make("p", {}, `Exports call you ${data.person.pseudonym}.`),
    button("I agree, start", () => request("/api/consent", {}, "Thank you."), { kind: "primary", id: "agree" })));
}

function showSignIn(message = "") {
  clearTimeout(looking);
  place("progress").replaceChildren();
  place("menu").replaceChildren();
  place("guidelines").hidden = true;
  fill(make("section", { class: "notice calm", "aria-labelledby": "heading" },
    heading("Open your personal link"),
    make("p", {}, message || "This page opens with the personal link that your team sent you.")));
  announce(message || "Open your personal link.");
}

function showProgress({ mine, my_skips: skips, votes, wanted }) {
  place("progress").replaceChildren(
    make("progress", { max: Math.max(1, wanted), value: votes, "aria-label": "Progress of the project" }),
    make("span", {}, `${mine} by you${skips > 0 ? `, ${skips} skipped` : ""} · ${votes} of ${wanted} in all`));
}

function showMenu(data) {
  place("menu").replaceChildren(
    ...(data.project.guidelines ? [button("Guidelines", toggleGuidelines, { key: "i", "aria-expanded": String(!place("guidelines").hidden), id: "guidelines-button" })] : []),
    button("Keys", showHelp, { key: "?", kind: "keys" }),
    ...(data.person.is_lead && data.content !== "consent" ? [button("Overview", showLead)] : []),
    button("Stop", stop));
}

function stop() {
  return request("/api/give-back", {}, "").then(() => {
    clearTimeout(looking);
    fill(make("section", { class: "notice calm", "aria-labelledby": "heading" },
      heading("You have stopped"),
      make("p", {}, "The task in front of you goes to somebody else. Everything you answered is saved."),
      make("div", { class: "beside" }, button("Go on", load, { kind: "primary" }), button("Sign out", signOut, { kind: "aside-choice" }))));
    place("heading").focus();
  });
}

async function signOut() {
  await ask("DELETE", "/api/session");
  showSignIn("You are signed out.");
}

async function showLead() {
  try {
    const element = await leadView((task) => request("/api/lead/adjudicate", { task }, "A disagreement to settle."), load);
    fill(element);
    place("heading").focus();
  } catch (error) {
    await refused(error);
  }
}

// --- Guidelines, help, notices ---

let hasGuidelines = null;

function showGuidelines(text) {
  const aside = place("guidelines");
  if (hasGuidelines !== text) {
    hasGuidelines = text;
    aside.replaceChildren(make("h2", {}, "Guidelines"), markdown(text));
    aside.hidden = text === "" || innerWidth < 1100;
  }
  place("guidelines-button")?.setAttribute("aria-expanded", String(!aside.hidden));
}

function toggleGuidelines() {
  const aside = place("guidelines");
  if (!hasGuidelines) return;
  aside.hidden = !aside.hidden;
  place("guidelines-button")?.setAttribute("aria-expanded", String(!aside.hidden));
  if (!aside.hidden) aside.scrollIntoView({ block: "nearest" });
}

function notice(text) {
  const line = place("trouble");
  line.hidden = text === null;
  line.textContent = text ?? "";
}

const areKeysOn = () => localStorage.getItem("keys") !== "off";

function showHelp() {
  const dialog = place("help");
  const keys = [
    ["1 2 3", "A is much better, better, slightly better"], ["4", "Tie"], ["5 6 7", "B is slightly better, better, much better"],
    ["0", "Both are bad"], ["s", "Skip"], ["u", "Take the last change or answer back"],
    ["f g", "Problems of A, of B: then a number; Escape ends"], ["c r", "Comment, reason; Escape ends"],
    ["d m", "Differences, Markdown or as written"], ["i", "Guidelines"], ["Ctrl Enter", "Send"],
    ["1 to 6", "In a ranking: the next best answer. In ratings: the next score. Enter sends"],
  ];
  const toggle = make("input", {
    type: "checkbox", id: "keys-on", change: () => localStorage.setItem("keys", toggle.checked ? "on" : "off"),
  });
  toggle.checked = areKeysOn();
  dialog.replaceChildren(
    make("h2", { id: "help-title" }, "Keys"),
    make("dl", {}, ...keys.flatMap(([key, text]) => [make("dt", {}, ...key.split(" ").map((each) => make("kbd", {}, each))), make("dd", {}, text)])),
    make("p", { class: "check" }, toggle, make("label", { for: "keys-on" }, "Single keys are on")),
    button("Close", () => dialog.close(), { kind: "primary" }));
  dialog.showModal();
}

// --- Keys ---

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || place("help").open) return;
  const { target } = event;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return void send();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isText = target.matches?.("textarea, input:not([type=radio]):not([type=checkbox])");
  if (event.key === "Escape" && (isText || target.closest?.("[data-flags]"))) {
    event.preventDefault();
    target.blur();
    return void place("heading")?.focus({ preventScroll: true });
  }
  if (isText || event.repeat || !areKeysOn()) return;
  if (event.key === "Enter" && target.matches?.("button, a, summary, input")) return;
  const action = keyAction(event.key, target);
  if (!action) return;
  event.preventDefault();
  action();
}

function keyAction(key, target) {
  const flags = target.closest?.("[data-flags]");
  if (flags && view && /^[1-9]$/.test(key)) {
    const chip = view.cards[Number(flags.dataset.flags)].flags[Number(key) - 1];
    return () => chip?.click();
  }
  const always = { "?": showHelp, i: toggleGuidelines, u: undo };
  if (!view) return always[key];
  const flagged = flagKeys.indexOf(key);
  const inTask = {
    ...always,
    s: skip,
    c: () => view.remarks.comment.focus(),
    r: () => view.remarks.reason?.focus(),
    d: () => setMode(context.draft.mode === "differences" ? "markdown" : "differences"),
    m: () => setMode(context.draft.mode === "markdown" ? "plain" : "markdown"),
  };
  if (flagged >= 0 && view.cards.length === 2) inTask[key] = () => view.cards[flagged].flags[0]?.focus();
  return view.keys[key] ?? inTask[key];
}

// --- Start ---

async function load() {
  try {
    show(await ask("GET", "/api/desk"));
  } catch (error) {
    await refused(error);
  }
}

/** The secret of the link leaves the address at once, in exchange for a cookie that no script can read. */
async function signIn() {
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  if (link) {
    history.replaceState(null, "", location.pathname);
    await ask("POST", "/api/session", { link });
  }
}

async function start() {
  try {
    await signIn();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return showSignIn(error.message);
  }
  await load();
}

watchTrouble(notice);
addEventListener("keydown", onKey);
addEventListener("hashchange", start);
addEventListener("pagehide", () => context?.save());
setInterval(() => {
  if (context && !isBusy && clock.wasActive(renewEvery)) {
    context.save();
    mention("POST", "/api/renew", { lease: context.task.lease });
  }
}, renewEvery);
start();

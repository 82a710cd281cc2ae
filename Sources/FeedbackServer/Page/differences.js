// Which words two texts do not share: Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), section 3.

import { make } from "./elements.js";

/** More changes than this are not worth aligning: everything between the common ends is shown as changed. */
const mostChanges = 1500;

/** Words, blanks and single signs. */
function tokens(text) {
  return text.match(/\s+|[\p{L}\p{N}\p{M}_]+|[\s\S]/gu) ?? [];
}

/** For each text, its tokens as `[token, is in the other text, too]`. */
export function differences(left, right) {
  const [a, b] = [tokens(left), tokens(right)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const common = commonPairs(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const isShared = (place, size, found) => place < start || place >= size - end || found.has(place - start);
  return [
    a.map((token, place) => [token, isShared(place, a.length, common[0])]),
    b.map((token, place) => [token, isShared(place, b.length, common[1])]),
  ];
}

/** Places of the longest common subsequence in both. `reach[line + offset]` is how far into `a` a diagonal was followed. */
function commonPairs(a, b) {
  const most = Math.min(a.length + b.length, mostChanges);
  const offset = most + 1;
  const reach = new Int32Array(2 * most + 3);
  const trace = [];
  for (let changes = 0; changes <= most; changes += 1) {
    trace.push(reach.slice());
    for (let line = -changes; line <= changes; line += 2) {
      let x = start(reach, offset, line, changes)[0];
      while (x < a.length && x - line < b.length && a[x] === b[x - line]) x += 1;
      reach[line + offset] = x;
      if (x >= a.length && x - line >= b.length) return walkBack(a, b, trace, offset);
    }
  }
  return [new Set(), new Set()];
}

/** Where a diagonal begins after so many changes, in `a`, and from which other diagonal it is reached. */
function start(reach, offset, line, changes) {
  if (changes === 0) return [0, 0];
  const [below, above] = [reach[line - 1 + offset], reach[line + 1 + offset]];
  const isDown = line === -changes || (line !== changes && below < above);
  return isDown ? [above, line + 1] : [below + 1, line - 1];
}

function walkBack(a, b, trace, offset) {
  const found = [new Set(), new Set()];
  let [x, y] = [a.length, b.length];
  for (let changes = trace.length - 1; changes >= 0; changes -= 1) {
    const line = x - y;
    const [from, other] = start(trace[changes], offset, line, changes);
    while (x > from) {
      x -= 1;
      y -= 1;
      found[0].add(x);
      found[1].add(y);
    }
    if (changes > 0) {
      x = trace[changes][other + offset];
      y = x - other;
    }
  }
  return found;
}

/** Tokens as text with marks around what the other text does not have. */
export function marked(parts) {
  const result = [];
  let run = "";
  let isShared = true;
  const close = () => {
    if (run !== "") result.push(isShared ? run : make("mark", {}, run));
    run = "";
  };
  for (const [token, shared] of parts) {
    // Blanks between two changed words belong to the change.
    if (shared !== isShared) {
      close();
      isShared = shared;
    }
    run += token;
  }
  close();
  return make("div", { class: "plain" }, ...result);
}

// Markdown as elements. Nothing is left out: what is not understood, such as HTML and images, is shown as it is written.

import { make } from "./elements.js";

const deepest = 8;

/** A fragment that shows the text. */
export function markdown(text) {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(text.replaceAll("\r\n", "\n").split("\n"), 0));
  return fragment;
}

const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const rule = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const quote = /^ {0,3}> ?/;
const item = /^( {0,3})([-*+]|\d{1,9}[.)])(\s+)(.*)$/;
const row = /^\s*\|.*\|\s*$/;
const separator = /^\s*\|(\s*:?-+:?\s*\|)+\s*$/;

function blocks(lines, depth) {
  const result = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index];
    if (line.trim() === "") {
      index += 1;
      continue;
    }
    const [element, next] = block(lines, index, depth);
    result.push(element);
    index = next;
  }
  return result;
}

function block(lines, index, depth) {
  const line = lines[index];
  const fenced = line.match(fence);
  if (fenced) return code(lines, index, fenced);
  const titled = line.match(heading);
  // The page has headings of its own above.
  if (titled) return [make("p", { class: `heading heading-${titled[1].length}` }, ...spans(titled[2], 0)), index + 1];
  if (rule.test(line)) return [make("hr"), index + 1];
  if (depth < deepest) {
    if (quote.test(line)) return quoted(lines, index, depth);
    if (item.test(line)) return list(lines, index, depth);
  }
  if (row.test(line) && separator.test(lines[index + 1] ?? "")) return table(lines, index);
  return paragraph(lines, index);
}

function code(lines, index, [, mark]) {
  const body = [];
  let next = index + 1;
  const end = new RegExp(`^ {0,3}${mark[0] === "`" ? "`" : "~"}{${mark.length},}\\s*$`);
  while (next < lines.length && !end.test(lines[next])) body.push(lines[next++]);
  return [make("pre", { tabindex: 0 }, make("code", {}, body.join("\n"))), next + 1];
}

function quoted(lines, index, depth) {
  const body = [];
  let next = index;
  while (next < lines.length && quote.test(lines[next])) body.push(lines[next++].replace(quote, ""));
  return [make("blockquote", {}, ...blocks(body, depth + 1)), next];
}

function list(lines, index, depth) {
  const first = lines[index].match(item);
  const isOrdered = /\d/.test(first[2]);
  const start = isOrdered ? Number.parseInt(first[2], 10) : null;
  const element = make(isOrdered ? "ol" : "ul", { start: start === 1 ? null : start });
  let next = index;
  while (next < lines.length) {
    const match = lines[next].match(item);
    if (!match || /\d/.test(match[2]) !== isOrdered || rule.test(lines[next])) break;
    const inset = match[1].length + match[2].length + Math.min(match[3].length, 4);
    const body = [match[4]];
    next += 1;
    while (next < lines.length) {
      const line = lines[next];
      const indent = line.length - line.trimStart().length;
      if (line.trim() === "") {
        const after = lines[next + 1] ?? "";
        if (after.trim() === "" || after.length - after.trimStart().length < inset) break;
      } else if (indent < Math.min(inset, 2)) {
        break;
      }
      body.push(line.slice(Math.min(indent, inset)));
      next += 1;
    }
    element.append(make("li", {}, ...inner(blocks(body, depth + 1))));
    while (next < lines.length && lines[next].trim() === "" && item.test(lines[next + 1] ?? "")) next += 1;
  }
  return [element, next];
}

/** A list of one paragraph an item needs no paragraphs. */
function inner(children) {
  return children.flatMap((child) => (child.tagName === "P" && !child.className ? [...child.childNodes] : [child]));
}

function table(lines, index) {
  const cells = (line) =>
    line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  const line = (text, name) => make("tr", {}, ...cells(text).map((cell) => make(name, {}, ...spans(cell, 0))));
  const body = make("tbody");
  let next = index + 2;
  while (next < lines.length && row.test(lines[next])) body.append(line(lines[next++], "td"));
  const element = make("table", {}, make("thead", {}, line(lines[index], "th")), body);
  return [make("div", { class: "wide", tabindex: 0 }, element), next];
}

function paragraph(lines, index) {
  const body = [];
  let next = index;
  while (next < lines.length && lines[next].trim() !== "") {
    const line = lines[next];
    if (next > index && (fence.test(line) || heading.test(line) || quote.test(line) || item.test(line))) break;
    body.push(line);
    next += 1;
  }
  return [make("p", {}, ...spans(body.join("\n"), 0)), next];
}

const span =
  /(?<code>`+)(?<body>[\s\S]*?[^`])\k<code>(?!`)|\*\*(?<strong>(?=\S)[\s\S]*?\S)\*\*|(?<![\p{L}\p{N}])__(?<strong2>(?=\S)[\s\S]*?\S)__(?![\p{L}\p{N}])|\*(?<em>(?=[^\s*])[^*]*?[^\s*]|[^\s*])\*|(?<![\p{L}\p{N}])_(?<em2>(?=[^\s_])[^_]*?[^\s_]|[^\s_])_(?![\p{L}\p{N}])|~~(?<del>(?=\S)[^~]*?\S)~~|(?<!!)\[(?<label>[^\][]*)\]\((?<url>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)|\\(?<escaped>[!-/:-@[-`{-~])/u;

/** A longer paragraph is shown as plain text, so that no text can keep the page busy. */
const longest = 8_000;

function spans(text, depth) {
  const result = [];
  let rest = text;
  while (rest !== "") {
    const match = depth < deepest && rest.length <= longest ? rest.match(span) : null;
    if (!match) {
      result.push(...broken(rest));
      break;
    }
    if (match.index > 0) result.push(...broken(rest.slice(0, match.index)));
    result.push(...piece(match.groups, match[0], depth + 1));
    rest = rest.slice(match.index + match[0].length);
  }
  return result;
}

function piece(found, whole, depth) {
  if (found.code) return [make("code", {}, found.body.replace(/^ (.*\S.*) $/s, "$1"))];
  if (found.strong ?? found.strong2) return [make("strong", {}, ...spans(found.strong ?? found.strong2, depth))];
  if (found.em ?? found.em2) return [make("em", {}, ...spans(found.em ?? found.em2, depth))];
  if (found.del) return [make("s", {}, ...spans(found.del, depth))];
  if (found.escaped) return [found.escaped];
  // Where a link goes stands beside it. One that is not of the web is a text.
  if (!/^https?:\/\//i.test(found.url)) return [whole];
  const label = found.label.trim() === "" ? found.url : found.label;
  return [
    make("a", { href: found.url, rel: "noopener noreferrer nofollow", target: "_blank" }, ...spans(label, depth)),
    ...(label === found.url ? [] : [make("span", { class: "address" }, ` (${found.url})`)]),
  ];
}

/** Two blanks or a backslash before the end of a line break it; other ends of lines are kept as they are. */
function broken(text) {
  return text.split(/(?: {2,}|\\)\n/).flatMap((part, index) => (index > 0 ? [make("br"), part] : [part]));
}

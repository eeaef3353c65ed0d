/**
 * Render the `markdown` block: the part of CommonMark and GFM which Slack shows.
 *
 * Reference: https://docs.slack.dev/reference/block-kit/blocks/markdown-block. Raw HTML stays text.
 */

import { fragment, h } from "./dom.js";
import { renderEmoji, renderLink } from "./mrkdwn.js";

const INLINE = new RegExp(
  [
    "\\\\(?<escaped>[!-/:-@[-`{-~])",
    "(?<fence>`+)(?<code>[^\\n]*?[^`])\\k<fence>(?!`)",
    "(?<image>!)?\\[(?<label>(?:[^\\[\\]\\n]|\\[[^\\]\\n]*\\])*)\\]\\((?<target>[^\\s()]*(?:\\([^\\s()]*\\)[^\\s()]*)*)(?:\\s+\"[^\"\\n]*\")?\\)",
    "<(?<auto>https?://[^\\s<>]+|mailto:[^\\s<>]+)>",
    "\\*\\*(?<strong>[^\\s*](?:.*?[^\\s])?)\\*\\*",
    "(?<![\\p{L}\\p{N}_])__(?<strong2>[^\\s_](?:.*?[^\\s])?)__(?![\\p{L}\\p{N}_])",
    "\\*(?<em>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*",
    "(?<![\\p{L}\\p{N}_])_(?<em2>[^\\s_](?:[^_\\n]*[^\\s_])?)_(?![\\p{L}\\p{N}_])",
    "~~(?<strike>[^\\s~](?:.*?[^\\s~])?)~~",
    ":(?<emoji>[a-z0-9_+'-]+):",
    "(?<url>https?://[^\\s<>]*[^\\s<>.,;:!?'\")\\]*_])",
  ].join("|"),
  "gu",
);

const TAGS = { strong: "strong", strong2: "strong", em: "em", em2: "em", strike: "s" };

function renderInline(text) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > last) nodes.push(text.slice(last, match.index));
    nodes.push(inlineNode(match.groups));
    last = match.index + match[0].length;
  }
  nodes.push(text.slice(last));
  return nodes;
}

function inlineNode(groups) {
  if (groups.escaped !== undefined) return groups.escaped;
  if (groups.code !== undefined) return h("code", {}, groups.code.replace(/^ (.*) $/, "$1"));
  if (groups.target !== undefined) return renderLink(groups.target, groups.image ? groups.label || groups.target : fragment(renderInline(groups.label)));
  if (groups.auto !== undefined) return renderLink(groups.auto);
  if (groups.url !== undefined) return renderLink(groups.url);
  if (groups.emoji !== undefined) return renderEmoji(groups.emoji);
  const name = Object.keys(TAGS).find((key) => groups[key] !== undefined);
  return h(TAGS[name], {}, renderInline(groups[name]));
}

const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^\s{0,3}([-*_])(?:\s*\1){2,}\s*$/;
const FENCE = /^\s{0,3}(```+|~~~+)(.*)$/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const DELIMITERS = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** Read lines from `lines[at]` on while `test` holds; return them and where the next block begins. */
function take(lines, at, test) {
  let end = at;
  while (end < lines.length && test(lines[end], end)) end += 1;
  return [lines.slice(at, end), end];
}

function fencedCode(lines, at) {
  const marker = FENCE.exec(lines[at])[1];
  const [body, end] = take(lines, at + 1, (line) => !line.trim().startsWith(marker));
  return [h("pre", { tabindex: "0" }, h("code", {}, body.join("\n"))), end + 1];
}

function quote(lines, at) {
  const [body, end] = take(lines, at, (line) => /^\s{0,3}>/.test(line));
  return [h("blockquote", {}, renderMarkdown(body.map((line) => line.replace(/^\s{0,3}>\s?/, "")).join("\n"))), end];
}

function list(lines, at) {
  const base = ITEM.exec(lines[at])[1].length;
  const ordered = /\d/.test(ITEM.exec(lines[at])[2]);
  const start = ordered ? Number.parseInt(ITEM.exec(lines[at])[2], 10) : null;
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (item && item[1].length <= base + 1) {
      if (/\d/.test(item[2]) !== ordered) break;
      items.push({ text: item[3], rest: [] });
    } else if (items.length && /^\s{2,}\S/.test(lines[end])) items.at(-1).rest.push(lines[end].slice(Math.min(base + 2, lines[end].search(/\S/))));
    else break;
    end += 1;
  }
  const render = ({ text, rest }) => {
    const task = /^\[([ xX])\]\s+(.*)$/.exec(text);
    const box = task && h("span", { class: "task-box", role: "img", "aria-label": task[1] === " " ? "not done" : "done" }, task[1] === " " ? "☐" : "☑");
    return h("li", { class: task ? "task-item" : null }, box, renderInline(task ? task[2] : text), rest.length ? renderMarkdown(rest.join("\n")) : null);
  };
  return [h(ordered ? "ol" : "ul", { start: start > 1 ? start : null }, items.map(render)), end];
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

function table(lines, at) {
  const aligns = cells(lines[at + 1]).map((cell) => (/^:-+:$/.test(cell) ? "center" : /-:$/.test(cell) ? "right" : "left"));
  const [rows, end] = take(lines, at + 2, (line) => line.includes("|"));
  const row = (tag, line) => h("tr", {}, cells(line).map((cell, index) => h(tag, { class: `align-${aligns[index] ?? "left"}` }, renderInline(cell))));
  const body = h("table", {}, h("thead", {}, row("th", lines[at])), h("tbody", {}, rows.map((line) => row("td", line))));
  return [h("div", { class: "table-scroll", tabindex: "0" }, body), end];
}

function paragraph(lines, at) {
  const starts = (line, index) => index > at && (!line.trim() || FENCE.test(line) || HEADING.test(line) || RULE.test(line) || ITEM.test(line) || /^\s{0,3}>/.test(line));
  const [body, end] = take(lines, at, (line, index) => !starts(line, index));
  return [h("p", {}, renderInline(body.join("\n"))), end];
}

function nextBlock(lines, at) {
  const line = lines[at];
  if (FENCE.test(line)) return fencedCode(lines, at);
  const heading = HEADING.exec(line);
  if (heading) return [h("p", { class: `md-heading md-h${heading[1].length}`, role: "heading", "aria-level": heading[1].length + 2 }, renderInline(heading[2])), at + 1];
  if (RULE.test(line)) return [h("hr"), at + 1];
  if (/^\s{0,3}>/.test(line)) return quote(lines, at);
  if (ITEM.test(line)) return list(lines, at);
  if (line.includes("|") && DELIMITERS.test(lines[at + 1] ?? "") && (lines[at + 1] ?? "").includes("-")) return table(lines, at);
  return paragraph(lines, at);
}

/** Return a `div.markdown` for standard Markdown text. */
export function renderMarkdown(text) {
  const lines = String(text ?? "").replaceAll("\r\n", "\n").split("\n");
  const root = h("div", { class: "markdown" });
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) at += 1;
    else {
      const [node, next] = nextBlock(lines, at);
      root.append(node);
      at = Math.max(next, at + 1);
    }
  }
  return root;
}

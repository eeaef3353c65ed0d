/**
 * Render the `markdown` block: CommonMark and GFM as `marked` reads them, as DOM nodes.
 *
 * Reference: https://docs.slack.dev/reference/block-kit/blocks/markdown-block. Only the lexer is used: its tokens become nodes here, so raw
 * HTML stays text and nothing has to be sanitised.
 */

import { fragment, h } from "./dom.js";
import { renderEmoji, renderLink } from "./mrkdwn.js";
import { Lexer } from "./vendor/marked.js";

const ENTITY = /&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});/gi;
const decoder = new DOMParser();

/** Turn character references into characters, as CommonMark wants it in text. */
const decoded = (text) => text.replace(ENTITY, (entity) => decoder.parseFromString(entity, "text/html").body.textContent || entity);

/** Return text with Slack's emoji names shown. */
const withEmoji = (text) => fragment(decoded(text).split(/:([a-z0-9_+'-]+):/).map((part, index) => (index % 2 ? renderEmoji(part) : part)));

const inside = (token) => (token.tokens ?? []).map(render);
const scrolling = (table) => h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Table" }, table);

function list(token) {
  const item = (one) => {
    const box = one.task && h("span", { class: "task-box", role: "img", "aria-label": one.checked ? "done" : "not done" }, one.checked ? "☑" : "☐");
    return h("li", { class: one.task ? "task-item" : null }, box, inside(one));
  };
  return h(token.ordered ? "ol" : "ul", { start: token.start > 1 ? token.start : null }, token.items.map(item));
}

function table(token) {
  const row = (tag, cells) => h("tr", {}, cells.map((cell) => h(tag, { class: `align-${cell.align ?? "left"}`, scope: tag === "th" ? "col" : null }, inside(cell))));
  return scrolling(h("table", {}, h("thead", {}, row("th", token.header)), h("tbody", {}, token.rows.map((cells) => row("td", cells)))));
}

const MAKERS = {
  space: () => null,
  def: () => null,
  checkbox: () => null,
  hr: () => h("hr"),
  br: () => h("br"),
  code: (token) => h("pre", { tabindex: "0", data: { language: token.lang ?? "" } }, h("code", {}, token.text)),
  codespan: (token) => h("code", {}, token.text),
  heading: (token) => h("p", { class: `md-heading md-h${token.depth}`, role: "heading", "aria-level": Math.min(token.depth + 2, 6) }, inside(token)),
  paragraph: (token) => h("p", {}, inside(token)),
  blockquote: (token) => h("blockquote", {}, inside(token)),
  strong: (token) => h("strong", {}, inside(token)),
  em: (token) => h("em", {}, inside(token)),
  del: (token) => h("s", {}, inside(token)),
  link: (token) => renderLink(token.href, fragment(inside(token))),
  image: (token) => renderLink(token.href, token.text || token.href),
  escape: (token) => token.text,
  html: (token) => token.raw.trimEnd(),
  list,
  table,
};

/** Return the node, text or null of one token; one that is not known shows its source. */
function render(token) {
  if (token.type === "text") return token.tokens ? fragment(inside(token)) : withEmoji(token.text);
  return MAKERS[token.type] ? MAKERS[token.type](token) : token.raw;
}

/** Return a `div.markdown` for standard Markdown text. */
export function renderMarkdown(text) {
  return h("div", { class: "markdown" }, new Lexer({ gfm: true }).lex(String(text ?? "")).map(render));
}

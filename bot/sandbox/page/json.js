/**
 * Show a JSON value as readable text: keys, strings and the rest apart, nothing as markup.
 */

import { fragment, h } from "./dom.js";

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Return a fragment of the indented JSON. */
export function renderJson(value) {
  const text = JSON.stringify(value, null, 2);
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon] = match;
    nodes.push(text.slice(last, match.index));
    if (colon) nodes.push(h("span", { class: "json-key" }, string), colon);
    else nodes.push(h("span", { class: string ? "json-string" : "json-value" }, whole));
    last = match.index + whole.length;
  }
  return fragment(nodes, text.slice(last));
}

/**
 * The editor of a rich_text_input: what a person formats becomes a rich_text block.
 *
 * Reference: https://docs.slack.dev/reference/block-kit/block-elements/rich-text-input-element.
 */

import { fill, h, iconButton } from "./dom.js";
import { renderRichText } from "./richtext.js";

const STYLES = { B: "bold", STRONG: "bold", I: "italic", EM: "italic", S: "strike", STRIKE: "strike", DEL: "strike", CODE: "code" };
const BLOCKS = new Set(["DIV", "P", "LI", "UL", "OL", "BLOCKQUOTE", "PRE"]);

const text = (value, style) => ({ type: "text", text: value, ...(Object.keys(style).length ? { style } : {}) });

/** The leaves of a line: text with its styles, links, line breaks. */
function leaves(node, style = {}) {
  if (node.nodeType === Node.TEXT_NODE) return node.data ? [text(node.data.replaceAll("\u00a0", " "), style)] : [];
  if (node.nodeName === "BR") return [text("\n", style)];
  const inner = STYLES[node.nodeName] ? { ...style, [STYLES[node.nodeName]]: true } : style;
  if (node.nodeName === "A" && node.href) return [{ type: "link", url: node.href, text: node.textContent, ...(Object.keys(inner).length ? { style: inner } : {}) }];
  return [...node.childNodes].flatMap((child) => leaves(child, inner));
}

const section = (elements) => ({ type: "rich_text_section", elements });

const MAKERS = {
  UL: (node) => ({ type: "rich_text_list", style: "bullet", elements: items(node) }),
  OL: (node) => ({ type: "rich_text_list", style: "ordered", elements: items(node) }),
  BLOCKQUOTE: (node) => ({ type: "rich_text_quote", elements: leaves(node) }),
  PRE: (node) => ({ type: "rich_text_preformatted", elements: [text(node.textContent, {})] }),
};

const items = (node) => [...node.children].map((item) => section(leaves(item)));

/** Return the rich_text block of what stands in the editor, null where there is nothing. */
export function readRichText(root) {
  const elements = [];
  let line = [];
  const end = () => {
    if (line.some((leaf) => leaf.text?.trim() || leaf.url)) elements.push(section(line));
    line = [];
  };
  const walk = (node) => {
    for (const child of node.childNodes) {
      if (MAKERS[child.nodeName]) {
        end();
        elements.push(MAKERS[child.nodeName](child));
      } else if (BLOCKS.has(child.nodeName)) {
        if (line.length) line.push(text("\n", {}));
        walk(child);
      } else line.push(...leaves(child));
    }
  };
  walk(root);
  end();
  return elements.length ? { type: "rich_text", elements } : null;
}

const TOOLS = [["bold", "Bold", "bold"], ["italic", "Italic", "italic"], ["strike", "Strikethrough", "strikeThrough"], ["list", "Bulleted list", "insertUnorderedList"], ["ordered", "Numbered list", "insertOrderedList"]];

/**
 * Make the editor.
 *
 * @param {{value: object|string|undefined, placeholder: string, workspace: object, change: (block: object|null) => void, props: object}} options
 */
export function richTextField({ value, placeholder, workspace, change, props }) {
  const field = h("div", { class: "field rich-field", contenteditable: "true", role: "textbox", "aria-multiline": "true", ...props });
  if (value?.elements) fill(field, renderRichText(value, workspace));
  else if (value) fill(field, value);
  field.dataset.placeholder = placeholder;
  const tell = () => change(readRichText(field));
  const apply = (command) => {
    field.focus();
    document.execCommand(command);
    marks();
  };
  const tools = TOOLS.map(([sign, label, command]) => iconButton(sign, label, () => apply(command), { "aria-pressed": "false", data: { command }, on: { click: () => apply(command), pointerdown: (event) => event.preventDefault() } }));
  const marks = () => tools.forEach((tool) => tool.setAttribute("aria-pressed", String(document.queryCommandState(tool.dataset.command))));
  field.addEventListener("input", tell);
  field.addEventListener("keyup", marks);
  field.addEventListener("pointerup", marks);
  // What is pasted brings its words, not its markup.
  field.addEventListener("paste", (event) => {
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  return h("div", { class: "rich-input" }, h("div", { class: "rich-tools", role: "toolbar", "aria-label": "Formatting" }, tools), field);
}

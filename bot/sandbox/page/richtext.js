/**
 * Render rich_text blocks (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
 */

import { formatDate, isoTime } from "./dates.js";
import { emojiOf } from "./emoji.js";
import { fragment, h } from "./dom.js";
import { renderChannel, renderEmoji, renderLink, renderUser } from "./mrkdwn.js";

const STYLE_TAGS = [["code", "code"], ["bold", "b"], ["italic", "i"], ["strike", "s"], ["underline", "u"]];

function styled(node, style) {
  return STYLE_TAGS.reduce((inner, [name, tag]) => (style?.[name] ? h(tag, {}, inner) : inner), node);
}

const PARTS = {
  text: (part) => fragment(part.text),
  link: (part) => renderLink(part.url, part.text || part.url),
  user: (part, workspace) => renderUser(part.user_id, null, workspace),
  channel: (part, workspace) => renderChannel(part.channel_id, null, workspace),
  usergroup: (part, workspace) => h("span", { class: "mention" }, workspace.groupName?.(part.usergroup_id) ?? `@${part.usergroup_id}`),
  broadcast: (part) => h("span", { class: "mention mention-me" }, `@${part.range}`),
  color: (part) => h("span", { class: "color-chip" }, h("i", { class: "swatch", style: { background: part.value } }), part.value),
  emoji: (part) => (part.unicode && !emojiOf(part.name) ? fragment(fromCodepoints(part.unicode)) : renderEmoji(part.name)),
  date: (part) => h("time", { datetime: isoTime(part.timestamp) }, formatDate(part.timestamp, part.format, part.fallback ?? "")),
};

function fromCodepoints(unicode) {
  const points = unicode.split("-").map((point) => Number.parseInt(point, 16));
  return points.every((point) => point > 0 && point <= 0x10ffff) ? String.fromCodePoint(...points) : "";
}

const renderParts = (parts, workspace) =>
  (parts ?? []).map((part) => styled(PARTS[part.type]?.(part, workspace) ?? fragment(part.text ?? ""), part.style));

function renderList(list, workspace) {
  const indent = { marginInlineStart: `${Math.min(list.indent ?? 0, 8) * 1.4}em` };
  const props = { class: `rich-list${list.border ? " has-border" : ""}`, style: indent };
  if (list.style === "ordered" && list.offset) props.start = Number(list.offset) + 1;
  return h(list.style === "ordered" ? "ol" : "ul", props, (list.elements ?? []).map((item) => h("li", {}, renderParts(item.elements, workspace))));
}

/** Return a node for a whole rich_text block or for the one element of a task's details. */
export function renderRichText(block, workspace) {
  const elements = block.type === "rich_text" ? block.elements ?? [] : [block];
  return h("div", { class: "rich-text" }, elements.map((element) => {
    const border = element.border ? " has-border" : "";
    if (element.type === "rich_text_list") return renderList(element, workspace);
    if (element.type === "rich_text_quote") return h("blockquote", { class: border }, renderParts(element.elements, workspace));
    if (element.type === "rich_text_preformatted") {
      return h("pre", { tabindex: "0", class: border }, h("code", {}, renderParts(element.elements, workspace)));
    }
    return h("div", { class: "rich-section" }, renderParts(element.elements, workspace));
  }));
}

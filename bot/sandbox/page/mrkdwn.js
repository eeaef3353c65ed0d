/**
 * Render Slack's mrkdwn and plain text as DOM nodes.
 *
 * Format: https://docs.slack.dev/messaging/formatting-message-text. Text from the wire never becomes markup: each piece ends as
 * a text node or as one of the elements made here.
 */

import { formatDate } from "./dates.js";
import { emojiOf } from "./emoji.js";
import { fragment, h, safeUrl } from "./dom.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** Turn Slack's three escapes back into characters. */
export function unescapeText(text) {
  return text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);
}

/** Escape what a person typed, as Slack's own client does before it sends a message. */
export function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Return a span showing an emoji by its short name, or the name with its colons when it is not known. */
export function renderEmoji(name) {
  const character = emojiOf(name);
  if (!character) return document.createTextNode(`:${name}:`);
  return h("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, character);
}

/** Return a link that opens in a new tab, or its plain label where the address is not http, https or mailto. */
export function renderLink(address, label, props = {}) {
  const url = safeUrl(unescapeText(address));
  const content = label ?? unescapeText(address);
  if (!url || !/^(https?:|mailto:)/i.test(unescapeText(address).trim())) return h("span", { class: "dead-link" }, content);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer", ...props }, content);
}

const mention = (text, mine) => h("span", { class: mine ? "mention mention-me" : "mention" }, text);

/** Return a mention of a person; mentions of the viewer stand out. */
export function renderUser(id, label, workspace) {
  const name = workspace.userName(id) ?? label ?? id;
  return mention(`@${unescapeText(name).replace(/^@/, "")}`, id === workspace.viewer);
}

/** Return a mention of a channel that opens it on click where the viewer can see it. */
export function renderChannel(id, label, workspace) {
  const name = workspace.channelName(id) ?? label;
  if (!name) return mention("#private-channel", false);
  if (!workspace.channels.has(id)) return mention(`#${name}`, false);
  return h("button", { type: "button", class: "mention mention-channel", on: { click: () => workspace.go({ channel: id }) } }, `#${name}`);
}

/** Return `<!here>`, `<!channel>`, `<!everyone>`, `<!subteam^S…>` and `<!date^…>` as nodes. */
function renderSpecial(body, label, workspace) {
  const [word, ...rest] = body.split("^");
  if (word === "date") {
    const [stamp, format, link] = rest;
    const text = formatDate(Number(stamp), unescapeText(format ?? ""), unescapeText(label ?? ""));
    const node = h("time", { datetime: isoOf(stamp), title: isoOf(stamp) }, text);
    return link ? renderLink(link, node) : node;
  }
  if (word === "subteam") return mention(unescapeText(label ?? workspace.groupName?.(rest[0]) ?? rest[0] ?? "group"), false);
  if (["here", "channel", "everyone"].includes(word)) return mention(`@${word}`, true);
  return document.createTextNode(unescapeText(label ?? `<!${body}>`));
}

function isoOf(stamp) {
  const time = new Date(Number(stamp) * 1000);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString();
}

/** Return the node for what stands between `<` and `>`. */
function renderToken(token, workspace, inline) {
  const cut = token.indexOf("|");
  const body = cut < 0 ? token : token.slice(0, cut);
  const label = cut < 0 ? null : token.slice(cut + 1);
  if (body.startsWith("@")) return renderUser(body.slice(1), label, workspace);
  if (body.startsWith("#")) return renderChannel(body.slice(1), label, workspace);
  if (body.startsWith("!")) return renderSpecial(body.slice(1), label, workspace);
  if (/^[a-z][a-z0-9+.-]*:/i.test(body)) return renderLink(body, label === null ? null : fragment(inline(label)));
  return document.createTextNode(unescapeText(`<${token}>`));
}

// One alternation, tried from left to right at each place: code, token, emoji, style, bare address.
const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    "<(?<token>[^<>\\n]+)>",
    ":(?<emoji>[a-z0-9_+'-]+(?:::skin-tone-[2-6])?):",
    "(?<![\\p{L}\\p{N}*])\\*(?<bold>[^\\s*](?:[^*\\n]*[^\\s*])?)\\*(?![\\p{L}\\p{N}*])",
    "(?<![\\p{L}\\p{N}_])_(?<italic>[^\\s_](?:[^\\n]*?[^\\s_])?)_(?![\\p{L}\\p{N}_])",
    "(?<![\\p{L}\\p{N}~])~(?<strike>[^\\s~](?:[^~\\n]*[^\\s~])?)~(?![\\p{L}\\p{N}~])",
    "(?<url>https?://[^\\s<>|]*[^\\s<>|.,;:!?'\")\\]])",
  ].join("|"),
  "giu",
);

const STYLES = { bold: "b", italic: "i", strike: "s" };

function renderInline(text, workspace) {
  const inline = (piece) => renderInline(piece, workspace);
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    const groups = match.groups;
    let node;
    if (groups.code !== undefined) node = h("code", {}, unescapeText(groups.code));
    else if (groups.token !== undefined) node = renderToken(groups.token, workspace, inline);
    else if (groups.emoji !== undefined) node = renderEmoji(groups.emoji);
    else if (groups.url !== undefined) node = renderLink(groups.url);
    else {
      const style = Object.keys(STYLES).find((name) => groups[name] !== undefined);
      node = h(STYLES[style], {}, inline(groups[style]));
    }
    if (match.index > last) nodes.push(unescapeText(text.slice(last, match.index)));
    nodes.push(node);
    last = match.index + match[0].length;
  }
  if (last < text.length) nodes.push(unescapeText(text.slice(last)));
  return nodes;
}

const LIST_ITEM = /^(\s*)([•◦▪-]|\d{1,3}[.)])\s+(.*)$/u;
const QUOTE = /^(?:>|&gt;)\s?/;

/** Render lines outside of preformatted text: quotes, list items with a hanging marker, and plain lines. */
function renderLines(text, workspace) {
  const nodes = [];
  let quote = null;
  let all = false;
  let plain = false;
  for (const line of text.split("\n")) {
    const whole = /^(?:>>>|&gt;&gt;&gt;)\s?/.exec(line);
    if (all || whole || QUOTE.test(line)) {
      const body = whole ? line.slice(whole[0].length) : all ? line : line.replace(QUOTE, "");
      all = all || Boolean(whole);
      if (quote) quote.append("\n");
      else nodes.push((quote = h("blockquote", {})));
      quote.append(fragment(renderInline(body, workspace)));
      plain = false;
      continue;
    }
    quote = null;
    const item = LIST_ITEM.exec(line);
    if (item) {
      const indent = { style: { marginInlineStart: `${Math.min(item[1].length, 8) * 0.5}em` } };
      nodes.push(h("span", { class: "list-line", ...indent }, h("span", { class: "list-mark" }, item[2]), h("span", {}, renderInline(item[3], workspace))));
      plain = false;
      continue;
    }
    if (plain) nodes.push("\n");
    nodes.push(...renderInline(line, workspace));
    plain = true;
  }
  return nodes;
}

/** Return a fragment for mrkdwn text; line breaks stay "\n" and are shown by `white-space: pre-wrap`. */
export function renderMrkdwn(text, workspace) {
  const nodes = [];
  String(text ?? "").split(/```/).forEach((part, index, parts) => {
    const fenced = index % 2 === 1 && index < parts.length - 1;
    if (fenced) nodes.push(h("pre", { tabindex: "0" }, h("code", {}, preformatted(part))));
    else if (index % 2 === 1) nodes.push(...renderLines("```" + part, workspace));
    else if (part) {
      const trimmed = (index > 0 ? part.replace(/^\n/, "") : part).replace(index < parts.length - 1 ? /\n$/ : /$^/, "");
      if (trimmed) nodes.push(...renderLines(trimmed, workspace));
    }
  });
  return fragment(nodes);
}

/** Return preformatted text with link tokens shown as their label, as Slack does. */
function preformatted(text) {
  return unescapeText(text.replace(/^\n|\n$/g, "").replace(/<((?:https?|mailto):[^<>|\n]+)(?:\|([^<>\n]+))?>/g, (_, address, label) => label ?? address));
}

/** Return a fragment for a plain_text object: emoji short names work, nothing else does. */
export function renderPlain(text, emoji = true) {
  const value = String(text ?? "");
  if (!emoji) return fragment(unescapeText(value));
  const nodes = value.split(/:([a-z0-9_+'-]+):/).map((part, index) => {
    if (index % 2 === 0) return unescapeText(part);
    return renderEmoji(part);
  });
  return fragment(nodes);
}

/** Render a text object of either type, or a bare string as plain text. */
export function renderText(object, workspace) {
  if (object === null || object === undefined) return fragment();
  if (typeof object === "string") return renderPlain(object);
  return object.type === "mrkdwn" ? renderMrkdwn(object.text, workspace) : renderPlain(object.text, object.emoji !== false);
}

/** Return the text of an object without any markup, for labels and notifications. */
export function plainOf(object, workspace) {
  const holder = document.createElement("div");
  holder.append(typeof object === "string" ? renderMrkdwn(object, workspace) : renderText(object, workspace));
  return holder.textContent.replace(/\s+/g, " ").trim();
}

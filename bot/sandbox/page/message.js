/**
 * One message as a row: who, when, what, reactions, thread.
 */

import { patchBlocks, picture, renderAttachment } from "./blocks.js";
import { commandIn } from "./completion.js";
import { clockTime, dayName, fullTime, isoTime } from "./dates.js";
import { fill, h, icon } from "./dom.js";
import { isPicture, renderFile } from "./files.js";
import { plainOf, renderMrkdwn } from "./mrkdwn.js";
import { avatar, standing } from "./people.js";
import { renderReactions } from "./reactions.js";
import { isReply } from "./state.js";
import { messageSurface } from "./surface.js";

/** The name a message is shown under. */
export function authorName(message, workspace) {
  return message.username || workspace.userName(message.user) || message.user || "unknown";
}

/** The words of a message without markup: for announcements, copying and labels. */
export function wordsOf(message, workspace) {
  const text = message.text ? plainOf(message.text, workspace) : "";
  return text || (message.files?.length ? message.files.map((file) => file.title || file.name).join(", ") : "a card");
}

function attached(file, context) {
  if (!isPicture(file)) return renderFile(file);
  const title = file.title || file.name || "picture";
  return picture(file.url_private, file.alt_txt || title, { type: "plain_text", text: title, emoji: false }, context);
}

function head(message, { workspace }, edited) {
  const user = workspace.user(message.user);
  const bot = message.bot_id || user?.is_bot;
  const foreign = user && !user.is_bot && standing(user, workspace.team);
  return h("div", { class: "message-head" },
    h("span", { class: "author" }, authorName(message, workspace)),
    bot ? h("span", { class: "badge" }, "APP") : null,
    foreign && /guest|organisation|deactivated/.test(foreign) ? h("span", { class: "badge soft" }, /organisation/.test(foreign) ? "other organisation" : /guest/.test(foreign) ? "guest" : "deactivated") : null,
    h("time", { datetime: isoTime(message.ts), title: fullTime(message.ts) }, clockTime(message.ts)), edited);
}

function threadBar(message, context) {
  const { workspace, channel, inThread } = context;
  if (inThread) return null;
  if (message.subtype === "thread_broadcast" || (isReply(message) && message.thread_ts)) {
    const root = channel.messages.find((one) => one.ts === message.thread_ts);
    const said = root ? wordsOf(root, workspace).slice(0, 70) : "";
    return h("button", { type: "button", class: "thread-bar", on: { click: () => workspace.go({ thread: message.thread_ts }) } }, icon("reply"), "from a thread", said ? h("small", {}, said) : null);
  }
  const replies = workspace.thread(channel, message.ts).filter(isReply);
  if (!replies.length) return null;
  const people = [...new Set(replies.map((reply) => reply.user))].slice(0, 4);
  const last = replies.at(-1);
  return h("button", { type: "button", class: "thread-bar", data: { focus: "thread" }, on: { click: () => workspace.go({ thread: message.ts }) } },
    people.map((id) => avatar(workspace.user(id), "tiny")),
    h("b", {}, `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`),
    h("small", { title: fullTime(last.ts) }, `last at ${dayName(last.ts) === "Today" ? "" : `${dayName(last.ts)}, `}${clockTime(last.ts)}`));
}

/** Redraw a part of a row only if what it shows differs. */
function part(node, signature, build) {
  if (node.signature === signature) return;
  node.signature = signature;
  fill(node, build());
}

function edited(message) {
  if (!message.edited) return null;
  return h("span", { class: "edited", title: message.edited.ts ? `Edited ${fullTime(message.edited.ts)}` : null }, "(edited)");
}

function content(node, message, context) {
  const { workspace, channel } = context;
  const inside = { workspace, surface: messageSurface(workspace, channel, message) };
  // What a person typed comes with a rich_text block that holds the bare text: the text says more.
  const typed = !message.app_id && message.blocks?.every((block) => block.type === "rich_text");
  const blocks = message.blocks?.length && !typed ? message.blocks : null;
  if (blocks) {
    part(node.parts.text, "", () => []);
    patchBlocks(node.parts.blocks, blocks, inside, (block) => (JSON.stringify(block).includes("_select") ? workspace.users.size : ""));
  } else {
    fill(node.parts.blocks);
    part(node.parts.text, `${message.text}\n${workspace.viewer}`, () => (message.text ? h("div", { class: "text" }, renderMrkdwn(message.text, workspace)) : []));
  }
  offerCommands(node, workspace);
  part(node.parts.pinned, String(channel.pins?.includes(message.ts) ?? false), () => (channel.pins?.includes(message.ts) ? h("span", { class: "pinned" }, "📌 Pinned") : []));
  part(node.parts.edited, JSON.stringify(message.edited ?? null), () => edited(message) ?? []);
  part(node.parts.attachments, JSON.stringify(message.attachments ?? []), () => (message.attachments ?? []).map((one) => renderAttachment(one, inside)));
  part(node.parts.files, JSON.stringify(message.files ?? []), () => (message.files ?? []).map((file) => attached(file, inside)));
}

/** Put a button beside each block of code that is a command, which takes it into the message box. */
function offerCommands(node, workspace) {
  for (const pre of node.querySelectorAll("pre")) {
    const line = pre.textContent.trim();
    if (line.includes("\n") || !commandIn(workspace, line) || pre.parentElement.classList.contains("offered")) continue;
    const offer = h("button", { type: "button", class: "button", title: "Put it into the message box", "aria-label": `Use ${line}`, on: { click: () => workspace.emit("suggest", { line }) } }, "Use");
    const holder = h("div", { class: "offered" });
    pre.replaceWith(holder);
    holder.append(pre, offer);
  }
}

/** What of a message is its content, as against reactions and replies; a change of it is an edit. */
const contentSignature = (message) => JSON.stringify([message.text, message.blocks, message.attachments, message.files]);

function update(node, { message, context, compact }) {
  const { workspace } = context;
  node.message = message;
  node.classList.toggle("compact", compact);
  node.classList.toggle("ephemeral", Boolean(message.ephemeral_to));
  node.setAttribute("aria-label", `${authorName(message, workspace)}, ${clockTime(message.ts)}`);
  content(node, message, context);
  part(node.parts.reactions, JSON.stringify([message.reactions ?? [], workspace.viewer]), () => renderReactions(message, context) ?? []);
  const replies = context.inThread ? "" : workspace.replyKey(context.channel, message.ts);
  part(node.parts.thread, JSON.stringify([replies, message.thread_ts, message.subtype]), () => threadBar(message, context) ?? []);
  const signature = contentSignature(message);
  if (node.contentSignature && node.contentSignature !== signature) highlight(node);
  node.contentSignature = signature;
}

// A card that is edited every second lights up now and then, not all the time.
const QUIET = 5000;

function highlight(node) {
  const now = performance.now();
  if (now - (node.highlighted ?? -QUIET) < QUIET) return;
  node.highlighted = now;
  node.classList.remove("just-edited");
  requestAnimationFrame(() => node.classList.add("just-edited"));
  node.addEventListener("animationend", (event) => event.animationName === "edited" && node.classList.remove("just-edited"));
}

function ephemeralNote(message, { dismiss }) {
  return h("div", { class: "only-you" }, icon("eye"), "Only visible to you",
    dismiss ? h("button", { type: "button", class: "link-button", on: { click: () => dismiss(message) } }, "Dismiss") : null);
}

/** Return the row of a message; `item` is `{message, context: {workspace, channel, inThread, dismiss?}, compact}`. */
export function renderMessage(item) {
  const { message, context } = item;
  const { workspace } = context;
  const parts = Object.fromEntries(["pinned", "text", "blocks", "edited", "attachments", "files", "reactions", "thread"].map((name) => [name, h("div", { class: `part-${name}` })]));
  parts.blocks.classList.add("blocks");
  const user = workspace.user(message.user) ?? { real_name: message.username, id: message.user };
  const node = h("article", { class: "message", tabindex: "-1", data: { ts: message.ts } },
    h("div", { class: "gutter" }, avatar(message.username ? { ...user, real_name: message.username } : user), h("time", { class: "gutter-time", datetime: isoTime(message.ts), title: fullTime(message.ts) }, clockTime(message.ts))),
    h("div", { class: "message-body" }, message.ephemeral_to ? ephemeralNote(message, context) : null, parts.pinned, head(message, context, parts.edited),
      parts.text, parts.blocks, parts.attachments, parts.files, parts.reactions, parts.thread));
  node.parts = parts;
  update(node, item);
  return node;
}

/** Patch a row in place. */
export function updateMessage(node, item) {
  update(node, item);
  return true;
}

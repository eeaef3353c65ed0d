/**
 * The actions of a message: one small bar that moves to the row under the pointer or focus.
 */

import { post } from "./api.js";
import { copyText, h, iconButton } from "./dom.js";
import { emojiOf, pickEmoji } from "./emoji.js";
import { wordsOf } from "./message.js";
import { hasPopover, note, openMenu } from "./overlay.js";
import { deleteMessage, editMessage, isOwn } from "./own.js";
import { toggle } from "./reactions.js";

/** Shortcuts of one type that the apps declare, as menu items. */
export function shortcutItems(workspace, type, target) {
  return workspace.apps.flatMap((app) => (app.shortcuts ?? []).filter((shortcut) => shortcut.type === type).map((shortcut) => ({
    label: shortcut.name, hint: shortcut.description || app.name, icon: "bolt",
    async select() {
      try {
        await post("shortcuts", { user: workspace.viewer, callback_id: shortcut.callback_id, ...target });
      } catch (error) {
        if (!error.body?.ts) note(error.message, { error: true });
      }
    },
  })));
}

function moreMenu(anchor, list, message) {
  const { workspace, channel } = list;
  const link = `${location.origin}/#${new URLSearchParams({ viewer: workspace.user(workspace.viewer).name, channel: channel.name || channel.id, ts: message.ts })}`;
  const copied = async (text, what) => note((await copyText(text)) ? `${what} copied` : "Copying is not allowed here", {});
  const shortcuts = shortcutItems(workspace, "message", { channel: channel.id, ts: message.ts });
  openMenu(anchor, [
    message.ephemeral_to ? false : { label: "Add reaction…", icon: "smile", select: () => react(anchor, list, message) },
    message.ephemeral_to || list.inThread ? false : { label: "Reply in thread", icon: "reply", select: () => workspace.go({ thread: message.thread_ts || message.ts }) },
    { label: "Copy text", icon: "copy", select: () => copied(wordsOf(message, workspace), "Text") },
    { label: "Copy link", icon: "link", select: () => copied(link, "Link") },
    ...(isOwn(message, workspace) ? [{ label: "Edit message", icon: "pencil", select: () => editMessage(workspace, channel, message) }, { label: "Delete message…", icon: "trash", danger: true, select: () => deleteMessage(workspace, channel, message) }] : []),
    { label: "Inspect", hint: "requests and answers about it", icon: "wire", select: () => workspace.emit("inspect", { channel, message }) },
    { label: "Copy as JSON", icon: "code", select: () => copied(JSON.stringify(message, null, 2), "JSON") },
    ...(shortcuts.length ? [null, "Shortcuts", ...shortcuts] : []),
  ].filter((item) => item !== false), { label: "Message actions" });
}

const react = (anchor, { workspace, channel }, message) => pickEmoji(anchor, (name) => toggle(workspace, channel, message, name));

// What people answer a deployment or an alert with; everything else is in the picker.
const QUICK = ["white_check_mark", "eyes", "raised_hands"];

/** Give a MessageList its toolbar. */
export function attachToolbar(list) {
  let row = null;
  const current = () => row.message;
  const quick = QUICK.map((name) => h("button", {
    type: "button", class: "icon-button emoji", "aria-label": `React with ${name.replaceAll("_", " ")}`, title: `:${name}:`, on: { click: () => toggle(list.workspace, list.channel, current(), name) },
  }, emojiOf(name)));
  const reactButton = iconButton("smile", "Add reaction", (event) => react(event.currentTarget, list, current()), { "aria-haspopup": "dialog" });
  const replyButton = iconButton("reply", "Reply in thread", () => list.workspace.go({ thread: current().thread_ts || current().ts }));
  const moreButton = iconButton("more", "More actions", (event) => moreMenu(event.currentTarget, list, current()), { "aria-haspopup": "menu" });
  const bar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Message actions" }, quick, reactButton, replyButton, moreButton);
  const move = (event) => {
    const target = event.target.closest?.("article.message");
    if (!target || target === row || hasPopover(bar)) return;
    row = target;
    for (const button of [...quick, reactButton]) button.hidden = Boolean(row.message.ephemeral_to);
    replyButton.hidden = Boolean(row.message.ephemeral_to) || list.inThread;
    row.append(bar);
  };
  list.rows.addEventListener("pointerover", move);
  list.rows.addEventListener("focusin", move);
  list.rows.addEventListener("keydown", (event) => {
    if (event.target !== row || event.ctrlKey || event.metaKey || event.altKey) return;
    const button = { r: reactButton, t: replyButton, ".": moreButton }[event.key];
    if (!button || button.hidden) return;
    event.preventDefault();
    button.click();
  });
}

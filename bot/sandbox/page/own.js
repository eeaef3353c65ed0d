/**
 * What a person does with messages of their own: edit and delete them. And channels they make.
 */

import { post } from "./api.js";
import { h } from "./dom.js";
import { askToConfirm, note, openDialog } from "./overlay.js";
import { unescapeText } from "./mrkdwn.js";

/** Tell whether the viewer wrote the message and may change it. */
export const isOwn = (message, workspace) => message.user === workspace.viewer && !message.bot_id && !message.ephemeral_to;

/** Return the text as it was typed: mentions by name, links bare. */
export function typedText(text, workspace) {
  const plain = String(text ?? "").replace(/<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>/g, (_, sign, body, label) => {
    if (sign === "@") return `@${workspace.user(body)?.name ?? body}`;
    if (sign === "#") return `#${label || workspace.channels.get(body)?.name || body}`;
    if (sign === "!") return body.startsWith("subteam^") ? workspace.groupName(body.slice(8)) ?? label ?? "@group" : `@${body.split("^")[0]}`;
    return body;
  });
  return unescapeText(plain);
}

const said = async (path, body) => {
  try {
    await post(path, body);
  } catch (error) {
    note(error.message, { error: true });
  }
};

/** Ask for another text and put it in the message's place. */
export async function editMessage(workspace, channel, message) {
  const before = typedText(message.text, workspace);
  const field = h("textarea", { class: "field", rows: 4, autofocus: true, "aria-label": "Message", value: before });
  const text = await openDialog((close) => {
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      close(field.value);
    });
    return [h("h2", {}, "Edit message"), h("div", { class: "dialog-body" }, field), h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button", on: { click: () => close(null) } }, "Cancel"), h("button", { type: "button", class: "button primary", on: { click: () => close(field.value) } }, "Save"))];
  }, { label: "Edit message", className: "confirm" });
  if (text?.trim() && text !== before) await said("edits", { user: workspace.viewer, channel: channel.id, ts: message.ts, text });
}

/** Ask whether, then delete the message. */
export async function deleteMessage(workspace, channel, message) {
  const sure = await askToConfirm({ title: "Delete message?", text: "It is gone for everybody.", confirm: "Delete", deny: "Keep it", style: "danger", label: "Delete message?" });
  if (sure) await said("deletions", { user: workspace.viewer, channel: channel.id, ts: message.ts });
}

/** Ask for a name and make a channel with the viewer in it. */
export async function makeChannel(workspace) {
  const name = h("input", { type: "text", class: "field", autofocus: true, "aria-label": "Name", placeholder: "team-harbour", maxlength: 80, autocomplete: "off" });
  const hidden = h("input", { type: "checkbox" });
  const wish = await openDialog((close) => {
    const done = () => name.value.trim() && close({ name: name.value.trim().toLowerCase().replace(/\s+/g, "-"), private: hidden.checked });
    name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      // Else the key would press the button that gets the focus back.
      event.preventDefault();
      done();
    });
    return [h("h2", {}, "New channel"), h("div", { class: "dialog-body blocks" }, name, h("label", { class: "option" }, hidden, "Private: only its members see it")), h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button", on: { click: () => close(null) } }, "Cancel"), h("button", { type: "button", class: "button primary", on: { click: done } }, "Create"))];
  }, { label: "New channel", className: "confirm" });
  if (wish) await said("channels", { ...wish, members: [workspace.viewer] });
}

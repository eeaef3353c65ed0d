/**
 * Reactions under a message: each a button that toggles, and one that adds another.
 */

import { post } from "./api.js";
import { h, icon } from "./dom.js";
import { emojiOf, pickEmoji } from "./emoji.js";
import { note } from "./overlay.js";

async function send(workspace, channel, message, name, remove) {
  try {
    await post("reactions", { user: workspace.viewer, channel: channel.id, ts: message.ts, name, ...(remove ? { remove: true } : {}) });
  } catch (error) {
    note(error.message, { error: true });
  }
}

/** Add the reaction, or take it back if the viewer has given it. */
export function toggle(workspace, channel, message, name) {
  const mine = message.reactions?.find((reaction) => reaction.name === name)?.users.includes(workspace.viewer);
  return send(workspace, channel, message, name, mine);
}

/** Return the row of reactions; each is a button that toggles. */
export function renderReactions(message, { workspace, channel }) {
  if (!message.reactions?.length) return null;
  const chips = message.reactions.map((reaction) => {
    const who = reaction.users.map((id) => (id === workspace.viewer ? "you" : workspace.userName(id) ?? id)).join(", ");
    const mine = reaction.users.includes(workspace.viewer);
    return h("button", {
      type: "button", class: "reaction", "aria-pressed": String(mine), title: `${who} reacted with :${reaction.name}:`,
      "aria-label": `${reaction.name.replaceAll("_", " ")}, ${reaction.count ?? reaction.users.length}: ${who}`, data: { focus: `reaction/${reaction.name}` },
      on: { click: () => toggle(workspace, channel, message, reaction.name) },
    }, h("span", { class: "emoji" }, emojiOf(reaction.name) ?? `:${reaction.name}:`), h("span", { class: "reaction-count" }, reaction.count ?? reaction.users.length));
  });
  const add = h("button", {
    type: "button", class: "reaction add", "aria-label": "Add reaction", title: "Add reaction", data: { focus: "reaction/add" },
    on: { click: (event) => pickEmoji(event.currentTarget, (name) => toggle(workspace, channel, message, name)) },
  }, icon("smile"));
  return h("div", { class: "reactions" }, chips, add);
}

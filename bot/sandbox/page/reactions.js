/**
 * Reactions under a message and the picker that adds one.
 */

import { post } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { emojiOf, findEmoji } from "./emoji.js";
import { note, openPopover } from "./overlay.js";

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

/** Open the picker at an anchor; `choose(name)` gets the short name. */
export function pickEmoji(anchor, choose) {
  const grid = h("div", { class: "emoji-grid", role: "group", "aria-label": "Emoji" });
  const hint = h("div", { class: "choices-status", role: "status" });
  const search = h("input", { type: "text", class: "choices-search", placeholder: "Search emoji", "aria-label": "Search emoji", autocomplete: "off", spellcheck: "false" });
  const popover = openPopover(anchor, [h("div", { class: "choices-head" }, icon("search"), search), grid, hint], { label: "Choose a reaction", className: "emoji-popover" });
  const pick = (name) => {
    popover.close();
    choose(name);
  };
  const show = () => {
    const names = findEmoji(search.value);
    fill(grid, names.map((name) => h("button", {
      type: "button", class: "emoji-choice", "aria-label": name.replaceAll("_", " "), title: `:${name}:`,
      on: { click: () => pick(name), focus: () => (hint.textContent = `:${name}:`), pointerenter: () => (hint.textContent = `:${name}:`) },
    }, emojiOf(name))));
    const custom = search.value.trim().replace(/^:|:$/g, "");
    hint.textContent = names.length ? "" : `No emoji is called “${custom}”.`;
  };
  search.addEventListener("input", show);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      const [first] = findEmoji(search.value);
      if (first) pick(first);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      grid.querySelector("button")?.focus();
    }
  });
  grid.addEventListener("keydown", (event) => {
    const buttons = [...grid.children];
    const columns = Math.max(1, Math.round(grid.clientWidth / (buttons[0]?.offsetWidth || 36)));
    const at = buttons.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (next < 0) search.focus();
    else buttons[Math.min(next, buttons.length - 1)]?.focus();
  });
  show();
  popover.update();
  search.focus();
}

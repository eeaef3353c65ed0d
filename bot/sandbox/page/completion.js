/**
 * What the composer offers while a person types: slash commands, people, channels, emoji.
 */

import { fill, h } from "./dom.js";
import { emojiOf, findEmoji } from "./emoji.js";
import { avatar } from "./people.js";
import { isDirect } from "./state.js";

const LIMIT = 8;

/** All commands of the installed apps, by name. */
export function commandsOf(workspace) {
  return workspace.apps
    .flatMap((app) => (app.commands ?? []).map((command) => ({ ...command, app: app.name })))
    .sort((a, b) => a.command.localeCompare(b.command));
}

/** The command a line begins with, if an app declares it. */
export function commandIn(workspace, line) {
  const word = /^(\/\S+)/.exec(line)?.[1].toLowerCase();
  return word ? commandsOf(workspace).find((command) => command.command.toLowerCase() === word) ?? null : null;
}

/** The declared command whose name is nearest to a misspelt one, or null. */
export function nearestCommand(workspace, word) {
  const scored = commandsOf(workspace).map((command) => [distance(word.toLowerCase(), command.command.toLowerCase()), command.command]);
  scored.sort((a, b) => a[0] - b[0]);
  return scored[0] && scored[0][0] <= Math.max(2, Math.floor(word.length / 3)) ? scored[0][1] : null;
}

function distance(a, b) {
  let row = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

const SOURCES = {
  "/": (workspace, word) => commandsOf(workspace)
    .filter((command) => command.command.slice(1).toLowerCase().startsWith(word))
    .map((command) => ({ insert: `${command.command} `, title: command.command, usage: command.usage_hint, detail: command.description, side: command.app })),
  "@": (workspace, word) => [
    ...[...workspace.users.values()].filter((user) => !user.is_slackbot).map((user) => ({ insert: `@${user.name} `, title: user.real_name || user.name, detail: `@${user.name}`, avatar: avatar(user, "small") })),
    ...[...workspace.groups.values()].map((group) => ({ insert: `@${group.handle} `, title: group.name, detail: `@${group.handle}` })),
    { insert: "@here ", title: "@here", detail: "everyone who is active" }, { insert: "@channel ", title: "@channel", detail: "everyone in the channel" },
  ].filter((item) => `${item.title} ${item.detail}`.toLowerCase().split(/[\s@]+/).some((part) => part.startsWith(word))),
  "#": (workspace, word) => [...workspace.channels.values()]
    .filter((channel) => !isDirect(channel) && channel.name.startsWith(word))
    .map((channel) => ({ insert: `#${channel.name} `, title: `#${channel.name}`, detail: channel.topic })),
  ":": (workspace, word) => (word.length < 2 ? [] : findEmoji(word, LIMIT)).map((name) => ({ insert: `:${name}: `, title: `${emojiOf(name)}  :${name}:` })),
};

/** The word being typed at the caret that a menu can complete: `{sigil, word, from}` or null. */
export function wordAtCaret(text, caret) {
  const before = text.slice(0, caret);
  const command = /^\/(\S*)$/.exec(before);
  if (command) return { sigil: "/", word: command[1].toLowerCase(), from: 0 };
  const match = /(?:^|[\s(])([@#:])([\w.+-]*)$/.exec(before);
  return match ? { sigil: match[1], word: match[2].toLowerCase(), from: caret - match[2].length - 1 } : null;
}

/** The menu above a composer; arrow keys choose, Tab or Enter takes, Esc closes. */
export class CompletionMenu {
  #items = [];
  #active = 0;
  #at = null;
  #declined = null;

  constructor(workspace, field, id) {
    this.workspace = workspace;
    this.field = field;
    this.id = id;
    this.element = h("div", { class: "completion", role: "listbox", id, "aria-label": "Suggestions", hidden: true });
  }

  get open() {
    return !this.element.hidden;
  }

  /** Look again at what is typed. */
  refresh() {
    const at = wordAtCaret(this.field.value, this.field.selectionStart);
    if (this.#declined !== null && at?.from !== this.#declined) this.#declined = null;
    const items = at && this.#declined === null ? SOURCES[at.sigil](this.workspace, at.word).slice(0, at.sigil === "/" ? 30 : LIMIT) : [];
    this.#at = at;
    this.#items = items;
    this.#active = 0;
    this.#draw();
  }

  close() {
    this.#items = [];
    this.#draw();
  }

  /** Handle a key while open; return whether it was ours. */
  key(event) {
    if (!this.open) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.#active = (this.#active + step + this.#items.length) % this.#items.length;
      this.#draw();
    } else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) {
      if (event.key === "Enter" && this.#complete()) return false;
      this.#take(this.#items[this.#active]);
    } else if (event.key === "Escape") {
      this.#declined = this.#at?.from ?? null;
      this.close();
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  // "/where" typed in full: Enter runs it instead of adding a space.
  #complete() {
    return this.#at?.sigil === "/" && this.#items.some((item) => item.title.toLowerCase() === `/${this.#at.word}`);
  }

  #take(item) {
    const { field } = this;
    const end = field.selectionStart;
    field.setRangeText(item.insert, this.#at.from, end, "end");
    this.close();
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #draw() {
    const items = this.#items;
    this.element.hidden = items.length === 0;
    this.field.setAttribute("aria-expanded", String(items.length > 0));
    fill(this.element, items.map((item, index) => h("div", {
      role: "option", id: `${this.id}-${index}`, class: index === this.#active ? "suggestion active" : "suggestion", "aria-selected": String(index === this.#active),
      on: { pointerdown: (event) => { event.preventDefault(); this.#take(item); } },
    }, item.avatar ?? null, h("span", { class: "suggestion-text" }, h("b", {}, item.title), item.usage ? h("code", {}, ` ${item.usage}`) : null, item.detail ? h("small", {}, item.detail) : null),
    item.side ? h("small", { class: "suggestion-side" }, item.side) : null)));
    if (items.length) {
      this.field.setAttribute("aria-activedescendant", `${this.id}-${this.#active}`);
      this.element.children[this.#active].scrollIntoView({ block: "nearest" });
    } else this.field.removeAttribute("aria-activedescendant");
  }
}

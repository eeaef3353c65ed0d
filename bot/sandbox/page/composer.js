/**
 * The box that takes messages and slash commands.
 */

import { post } from "./api.js";
import { CompletionMenu, commandIn, nearestCommand } from "./completion.js";
import { fill, h, icon, iconButton } from "./dom.js";
import { pickEmoji } from "./emoji.js";
import { Enclosures } from "./enclosures.js";
import { openMenu } from "./overlay.js";
import { shortcutItems } from "./toolbar.js";

const history = [];
let serial = 0;

/** What to say below the box about an error; Slackbot has told the person in the channel where the answer has a `ts`. */
function inline(error, line, workspace) {
  const word = line.split(/\s/)[0];
  if (error.code === "unknown_command") {
    const near = nearestCommand(workspace, word);
    return near ? `No app answers ${word}. Did you mean ${near}?` : `No app answers ${word}. Type / to see what there is.`;
  }
  if (error.code === "operation_timeout" || error.code === "dispatch_failed") return "Is the app running? The inspector shows what was sent to it.";
  return error.body?.ts ? "" : error.message;
}

/** A text field with completion, history and inline errors; one for the channel, one for the thread. */
export class Composer {
  #draft = "";
  #past = -1;
  #drafts = new Map();
  #key = null;

  /**
   * @param {{workspace: object, label: string, target: () => ({channel: string, thread_ts?: string} | null), sent?: Function}} options
   */
  constructor({ workspace, label, target, sent = () => {} }) {
    this.workspace = workspace;
    this.target = target;
    this.sent = sent;
    const id = `composer-${++serial}`;
    this.field = h("textarea", {
      rows: 1, id, class: "composer-field", "aria-label": label, role: "combobox", "aria-autocomplete": "list", "aria-haspopup": "listbox",
      "aria-controls": `${id}-menu`, "aria-expanded": "false", "aria-describedby": `${id}-usage`, autocomplete: "off",
      on: { input: () => this.#typed(), keydown: (event) => this.#keys(event), blur: () => this.menu.close(), click: () => this.menu.refresh() },
    });
    this.menu = new CompletionMenu(workspace, this.field, `${id}-menu`);
    this.usage = h("div", { class: "composer-usage", id: `${id}-usage` });
    this.error = h("div", { class: "composer-error", role: "alert" });
    this.send = h("button", { type: "button", class: "send", "aria-label": "Send", title: "Send (Enter)", disabled: true, on: { click: () => this.submit() } }, icon("send"));
    this.shortcuts = iconButton("bolt", "Shortcuts", (event) => this.#openShortcuts(event.currentTarget), { "aria-haspopup": "menu", class: "icon-button composer-shortcuts" });
    this.enclosed = new Enclosures(workspace, { changed: () => this.#resize(), failed: (text) => this.#fail(text) });
    this.smile = iconButton("smile", "Emoji", (event) => pickEmoji(event.currentTarget, (name) => this.#insert(`:${name}: `), "Choose an emoji"), { "aria-haspopup": "dialog", class: "icon-button composer-emoji" });
    this.row = h("div", { class: "composer-row" }, this.shortcuts, this.enclosed.button, this.field, this.smile, this.send);
    this.element = h("div", { class: "composer" }, this.menu.element, this.error, this.enclosed.element, this.row, this.usage);
    this.enclosed.acceptFrom(this.element, this.field);
  }

  /** Go to another place: keep this place's draft, bring back that one's. */
  place(key, { placeholder }) {
    if (key !== this.#key) {
      if (this.#key) this.#drafts.set(this.#key, this.field.value);
      this.#key = key;
      this.field.value = this.#drafts.get(key) ?? "";
      this.#fail("");
      this.#past = -1;
      this.menu.close();
      this.#resize();
    }
    this.field.placeholder = placeholder;
    this.shortcuts.hidden = shortcutItems(this.workspace, "global", {}).length === 0;
    this.#hint();
  }

  /** Put a line into the field, for the person to change and send. */
  suggest(line) {
    this.field.value = line;
    this.field.focus();
    this.field.setSelectionRange(line.length, line.length);
    this.#typed();
    this.menu.close();
  }

  #insert(text) {
    const { field } = this;
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    this.#typed();
  }

  #openShortcuts(anchor) {
    openMenu(anchor, ["Shortcuts", ...shortcutItems(this.workspace, "global", {})], { label: "Shortcuts" });
  }

  #typed() {
    this.#past = -1;
    this.#fail("");
    this.#resize();
    this.#hint();
    this.menu.refresh();
  }

  #resize() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 220)}px`;
    this.send.disabled = !this.field.value.trim() && !this.enclosed.files.length;
  }

  #hint() {
    const command = commandIn(this.workspace, this.field.value);
    const shown = command && /\s/.test(this.field.value);
    fill(this.usage, shown ? [h("code", {}, `${command.command} ${command.usage_hint ?? ""}`), command.description ? ` — ${command.description}` : ""] : h("span", { class: "keys" }, "Enter sends · Shift+Enter new line · / commands"));
  }

  #fail(text) {
    fill(this.error, text ? [icon("warning"), h("span", {}, text)] : []);
  }

  #keys(event) {
    if (event.isComposing || this.menu.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && this.#mayRecall()) this.#recall(event, 1);
    else if (event.key === "ArrowDown" && this.#past >= 0) this.#recall(event, -1);
  }

  #mayRecall() {
    return this.#past >= 0 || this.field.value === "";
  }

  #recall(event, step) {
    const next = this.#past + step;
    if (next >= history.length) return;
    event.preventDefault();
    if (this.#past < 0) this.#draft = this.field.value;
    this.#past = next;
    this.field.value = next < 0 ? this.#draft : history[next];
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
    this.#resize();
    this.#hint();
  }

  /** Send what is in the field: a slash command if it begins with `/word`, else a message. */
  async submit() {
    const line = this.field.value.trim();
    const where = this.target();
    const files = this.enclosed.files.map((file) => file.id);
    if ((!line && !files.length) || !where) return;
    if (line && history[0] !== line) history.unshift(line);
    const key = this.#key;
    this.field.value = "";
    this.#typed();
    this.menu.close();
    this.element.setAttribute("aria-busy", "true");
    try {
      await this.#deliver(line, where, files);
      this.sent();
    } catch (error) {
      if (this.#key === key && !this.field.value) this.field.value = line;
      this.#resize();
      this.#fail(inline(error, line, this.workspace));
    } finally {
      this.element.removeAttribute("aria-busy");
    }
  }

  async #deliver(line, where, files) {
    const user = this.workspace.viewer;
    const command = /^(\/[A-Za-z0-9_-]+)(?:\s+([\s\S]*))?$/.exec(line);
    if (!command) {
      await post("messages", { user, text: line, ...(files.length ? { files } : {}), ...where });
      return this.enclosed.clear();
    }
    const { broadcast, ...place } = where;
    return post("commands", { user, command: command[1], text: command[2] ?? "", ...place });
  }
}

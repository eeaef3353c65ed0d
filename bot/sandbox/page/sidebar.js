/**
 * The left bar: who you are, the switch between people, channels, direct messages and apps.
 */

import { fill, h, icon, iconButton } from "./dom.js";
import { makeChannel } from "./own.js";
import { avatar, standing } from "./people.js";
import { isDirect } from "./state.js";
import { openSwitcher } from "./switcher.js";

const heading = (name, label, click) => h("div", { class: "places-head" }, h("h2", {}, name), iconButton("plus", label, click, { data: { focus: `head/${name}` } }));

/** The left bar; a drawer on narrow windows. */
export class Sidebar {
  constructor(workspace, { leave }) {
    this.workspace = workspace;
    this.leave = leave;
    this.name = h("div", { class: "team-name" });
    this.you = h("div", { class: "you" });
    this.people = h("div", { class: "people", role: "group", "aria-label": "Act as" });
    this.places = h("nav", { class: "places", "aria-label": "Channels and apps" });
    this.element = h("div", { class: "sidebar", id: "sidebar" }, this.name, this.you, this.people, this.places,
      h("p", { class: "sidebar-foot" }, h("kbd", {}, "Alt 1…9"), " person ", h("kbd", {}, "Ctrl K"), " go to"));
    this.places.addEventListener("keydown", (event) => this.#keys(event));
  }

  #keys(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const links = [...this.places.querySelectorAll("button")];
    links[(links.indexOf(document.activeElement) + step + links.length) % links.length]?.focus();
  }

  /** Act as the person at this position in the switch; false when there is none. */
  async become(index) {
    const person = this.workspace.people()[index];
    if (!person || person.id === this.workspace.viewer) return Boolean(person);
    await this.workspace.become(person.id);
    return true;
  }

  /** Draw everything from the workspace. */
  draw() {
    const focus = document.activeElement?.dataset?.focus;
    const inside = this.element.contains(document.activeElement);
    const { workspace } = this;
    const viewer = workspace.user(workspace.viewer);
    fill(this.name, workspace.team.name ?? "Workspace", h("small", {}, "local workspace"));
    fill(this.you, avatar(viewer, "large"), h("div", { "aria-live": "polite" }, h("span", { class: "you-are" }, "You are "), h("b", {}, viewer?.real_name ?? ""), h("small", {}, standing(viewer, workspace.team))));
    fill(this.people, workspace.people().map((person, index) => this.#person(person, index)));
    fill(this.places, this.#channels(), this.#apps(), this.#directs());
    if (inside && focus) this.element.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  #person(person, index) {
    const { workspace } = this;
    const current = person.id === workspace.viewer;
    const waiting = current ? 0 : workspace.marks.waitingFor(person.id);
    const what = standing(person, workspace.team);
    const first = (person.real_name || person.name).split(" ")[0];
    return h("button", {
      type: "button", class: "person", "aria-pressed": String(current), title: `Act as ${person.real_name} · ${what} (Alt+${index + 1})`,
      "aria-label": `Act as ${person.real_name}, ${what}${waiting ? `, ${waiting} unread mentions` : ""}`, data: { focus: `person/${person.id}` },
      on: { click: () => this.become(index) },
    }, avatar(person), h("span", {}, first), waiting ? h("span", { class: "count" }, waiting) : null);
  }

  #place(channel, { glyph, name, extra = null, current, go }) {
    const { count, named } = channel ? this.workspace.marks.unread(channel) : { count: 0, named: 0 };
    const unread = count > 0 && !current;
    const words = unread ? `, ${count} unread${named ? `, ${named} for you` : ""}` : "";
    return h("button", {
      type: "button", class: unread ? "place unread" : "place", "aria-current": current ? "page" : null, "aria-label": `${name}${words}`,
      data: { focus: `place/${channel?.id ?? name}`, channel: channel?.id ?? "" },
      on: { click: () => { go(); this.leave(); } },
    }, glyph, h("span", { class: "place-name" }, name), extra, unread ? (named ? h("span", { class: "count" }, named) : h("span", { class: "dot", "aria-hidden": "true" })) : null);
  }

  #channels() {
    const { workspace } = this;
    const list = [...workspace.channels.values()].filter((channel) => !isDirect(channel));
    return h("section", {}, heading("Channels", "New channel", () => makeChannel(workspace)), list.map((channel) => this.#place(channel, {
      glyph: icon(channel.is_private ? "lock" : "hash"), name: channel.name, current: !workspace.place.app && workspace.place.channel === channel.id,
      extra: channel.is_ext_shared ? h("span", { class: "shared", title: "Shared with another organisation" }, icon("globe"), h("span", { class: "visually-hidden" }, "shared")) : null,
      go: () => workspace.go({ channel: channel.id, app: null, tab: "messages" }),
    })), list.length ? null : h("p", { class: "none" }, "None that you can see"));
  }

  #apps() {
    const { workspace } = this;
    if (!workspace.apps.length) return h("section", {}, h("h2", {}, "Apps"), h("p", { class: "none" }, "No app is installed yet"));
    return h("section", {}, h("h2", {}, "Apps"), workspace.apps.map((app) => {
      const channel = workspace.directWith(app.bot_user_id);
      const bot = workspace.user(app.bot_user_id) ?? { id: app.id, real_name: app.name, is_bot: true };
      return this.#place(channel, {
        glyph: avatar({ ...bot, real_name: app.name }, "small"), name: app.name, current: workspace.place.app === app.id,
        extra: h("span", { class: app.connected === false ? "link-state off" : "link-state" }, app.connected === false ? "offline" : ""),
        go: () => workspace.go({ channel: channel?.id ?? null, app: app.id, tab: "messages" }),
      });
    }));
  }

  #directs() {
    const { workspace } = this;
    const bots = new Set(workspace.apps.map((app) => app.bot_user_id));
    const list = [...workspace.channels.values()].filter((channel) => isDirect(channel) && !bots.has(workspace.other(channel)));
    const others = (one) => one.go.person;
    return h("section", {}, heading("Direct messages", "New message", () => openSwitcher(workspace, { only: others, label: "Write to" })), list.map((channel) => this.#place(channel, {
      glyph: avatar(workspace.user(workspace.other(channel)), "small"), name: workspace.title(channel),
      current: !workspace.place.app && workspace.place.channel === channel.id, go: () => workspace.go({ channel: channel.id, app: null }),
    })));
  }
}

/**
 * The middle of the page: head of the conversation, its messages or the app's Home, and the composer.
 */

import { Composer } from "./composer.js";
import { copyText, fill, h, icon, iconButton } from "./dom.js";
import { HomeTab } from "./home.js";
import { renderEmoji, renderLink } from "./mrkdwn.js";
import { note } from "./overlay.js";
import { avatar } from "./people.js";
import { PinsButton } from "./pins.js";
import { isDirect } from "./state.js";
import { MessageList } from "./stream.js";

/** The conversation in view. */
export class MainPane {
  constructor(workspace, { menu, inspect, reveal }) {
    this.workspace = workspace;
    this.title = h("h1", {});
    this.topic = h("div", { class: "topic" });
    this.you = h("button", { type: "button", class: "button quiet you-chip", on: { click: menu } });
    this.bookmarks = h("nav", { class: "bookmarks", "aria-label": "Bookmarks", hidden: true });
    this.link = h("div", { class: "link-note", role: "status" });
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "App", hidden: true });
    this.home = new HomeTab(workspace);
    this.pins = new PinsButton(workspace, { reveal });
    this.list = new MessageList({
      workspace, label: "Messages", empty: (channel) => this.#empty(channel),
      seen: (channel) => workspace.marks.mark(channel) && workspace.emit("read"),
    });
    this.composer = new Composer({ workspace, label: "Message", target: () => this.#target(), sent: () => this.list.toEnd() });
    this.element = h("main", { class: "main" },
      h("header", { class: "main-head" },
        iconButton("menu", "Channels and people", menu, { class: "icon-button drawer-button", "aria-controls": "sidebar", "aria-expanded": "false", id: "drawer-button" }),
        h("div", { class: "main-title" }, this.title, this.topic),
        this.pins.element, this.you,
        h("button", { type: "button", class: "button quiet", id: "wire-button", "aria-pressed": "false", title: "What passes between the workspace and its apps", on: { click: inspect } }, icon("wire"), h("span", {}, "Inspector"))),
      this.bookmarks, this.link, this.tabs, this.list.element, this.home.element, this.composer.element);
  }

  #target() {
    const { workspace } = this;
    if (workspace.channel) return { channel: workspace.channel.id };
    const other = workspace.app ? workspace.user(workspace.app.bot_user_id) : workspace.stranger;
    return other ? { channel: `@${other.name}` } : null;
  }

  /** Draw what the place says. */
  draw() {
    const { workspace } = this;
    const { app, channel } = workspace;
    const home = Boolean(app && workspace.place.tab === "home");
    this.#drawHead(app, channel);
    this.pins.draw();
    this.#drawBookmarks(home ? [] : channel?.bookmarks ?? []);
    this.#drawTabs(app, home);
    this.#drawLink();
    this.home.element.hidden = !home;
    this.list.element.hidden = home;
    this.composer.element.hidden = home || (!app && !channel && !workspace.stranger);
    if (home) return void this.home.draw(app);
    this.home.left();
    this.#drawMessages(app, channel);
  }

  #drawMessages(app, channel) {
    const { workspace } = this;
    const { stranger } = workspace;
    const shown = channel ?? { id: `app-${app?.id ?? stranger?.id ?? "none"}`, name: app?.name ?? stranger?.real_name ?? "", messages: [], is_im: true };
    const key = `${workspace.viewer}/${shown.id}`;
    this.list.show(shown, workspace.stream(shown), key, channel ? workspace.marks.upTo(channel.id) : "");
    const name = app ? app.name : stranger ? stranger.real_name : channel ? (isDirect(channel) ? workspace.title(channel) : `#${channel.name}`) : "";
    this.composer.place(key, { placeholder: `Message ${name}` });
  }

  #drawHead(app, channel) {
    const { workspace } = this;
    const viewer = workspace.user(workspace.viewer);
    if (app) fill(this.title, app.name, h("span", { class: "badge" }, "APP"));
    else if (this.workspace.stranger) fill(this.title, this.workspace.stranger.real_name);
    else fill(this.title, channel ? [isDirect(channel) ? null : icon("hash"), workspace.title(channel)] : "No channel");
    fill(this.you, avatar(viewer, "small"), h("span", {}, (viewer?.real_name ?? "").split(" ")[0]));
    this.you.setAttribute("aria-label", `You are ${viewer?.real_name ?? ""}; switch person`);
    const topic = app ? app.description : channel?.topic;
    const people = !app && channel?.members ? `${channel.members.length} members` : null;
    fill(this.topic, channel?.is_ext_shared ? h("span", { class: "badge soft" }, icon("globe"), "shared with another organisation") : null,
      [people, topic].filter(Boolean).join(" · "));
    document.title = `${app?.name ?? (channel ? workspace.title(channel) : "")} · ${viewer?.real_name ?? ""} · ${workspace.team.name}`;
  }

  #drawBookmarks(bookmarks) {
    this.bookmarks.hidden = bookmarks.length === 0;
    fill(this.bookmarks, bookmarks.map(({ emoji, title, link }) => renderLink(link, [emoji ? renderEmoji(emoji.replaceAll(":", "")) : icon("link"), title], { class: "bookmark" })));
  }

  #drawTabs(app, home) {
    this.tabs.hidden = !app;
    if (!app) return;
    const tab = (name, label, selected) => h("button", {
      type: "button", role: "tab", "aria-selected": String(selected), class: "tab", data: { focus: `tab/${name}` }, on: { click: () => this.workspace.go({ tab: name }) },
    }, label);
    const had = this.tabs.contains(document.activeElement);
    fill(this.tabs, tab("home", "Home", home), tab("messages", "Messages", !home));
    if (had) this.tabs.querySelector("[aria-selected=true]").focus();
  }

  #drawLink() {
    const off = this.workspace.apps.filter((app) => app.connected === false);
    const lost = this.workspace.lost;
    this.link.classList.toggle("lost", lost);
    if (lost) fill(this.link, icon("warning"), "Disconnected, retrying… What you see may be old.");
    else if (off.length) fill(this.link, icon("warning"), `${off.map((app) => app.name).join(", ")} is not connected, so commands and buttons get no answer.`);
    else fill(this.link);
  }

  #empty(channel) {
    const { workspace } = this;
    const name = isDirect(channel) ? (channel.members ? workspace.title(channel) : channel.name) : `#${channel.name}`;
    const hints = workspace.hints.length ? [h("p", {}, "Things to try:"), h("ul", { class: "hints" }, workspace.hints.map((hint) => this.#hint(hint)))] : h("p", {}, "Write a message, or type / to see what the app can do.");
    return h("div", { class: "empty" }, h("h2", {}, isDirect(channel) ? `Say something to ${name}` : `This is the beginning of ${name}`), hints);
  }

  #hint(hint) {
    return h("li", { class: "hint" },
      h("button", { type: "button", class: "hint-line", title: "Put it into the message box", on: { click: () => this.composer.suggest(hint) } }, h("code", {}, hint)),
      iconButton("copy", `Copy: ${hint}`, async () => note((await copyText(hint)) ? "Copied" : "Copying is not allowed here")));
  }
}

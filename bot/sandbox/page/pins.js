/**
 * The pinned messages of a channel, one click away from its head.
 */

import { fill, h, icon } from "./dom.js";
import { clockTime, dayName } from "./dates.js";
import { authorName, wordsOf } from "./message.js";
import { openMenu } from "./overlay.js";

/** A button that counts the pins of the channel in view and lists them. */
export class PinsButton {
  /** @param {object} workspace  @param {{reveal: (channel: string, ts: string) => void}} hooks */
  constructor(workspace, { reveal }) {
    this.workspace = workspace;
    this.reveal = reveal;
    this.element = h("button", { type: "button", class: "button quiet pins", "aria-haspopup": "menu", hidden: true, on: { click: (event) => this.#open(event.currentTarget) } });
  }

  #pinned() {
    const { channel } = this.workspace;
    const pins = new Set(channel?.pins ?? []);
    return channel ? channel.messages.filter((message) => pins.has(message.ts)) : [];
  }

  draw() {
    const { length } = this.#pinned();
    this.element.hidden = length === 0;
    fill(this.element, icon("pin"), String(length));
    this.element.setAttribute("aria-label", `${length} pinned ${length === 1 ? "message" : "messages"}`);
  }

  #open(anchor) {
    const { workspace } = this;
    const items = this.#pinned().map((message) => ({
      label: wordsOf(message, workspace).slice(0, 120), hint: `${authorName(message, workspace)}, ${dayName(message.ts)} ${clockTime(message.ts)}`, select: () => this.reveal(workspace.channel.id, message.ts),
    }));
    openMenu(anchor, ["Pinned here", ...items], { label: "Pinned messages" });
  }
}

/**
 * The thread pane at the right: the first message, its replies, and a composer of its own.
 */

import { Composer } from "./composer.js";
import { fill, h, iconButton } from "./dom.js";
import { MessageList } from "./stream.js";

/** Make the pane; it shows itself when the place has a thread. */
export class ThreadPane {
  constructor(workspace) {
    this.workspace = workspace;
    this.title = h("h2", {});
    this.list = new MessageList({ workspace, label: "Thread", inThread: true });
    this.also = h("input", { type: "checkbox" });
    this.composer = new Composer({
      workspace, label: "Reply in thread",
      target: () => ({ channel: workspace.channel.id, thread_ts: workspace.place.thread, ...(this.also.checked ? { broadcast: true } : {}) }),
      sent: () => {
        this.also.checked = false;
        this.list.toEnd();
      },
    });
    this.where = h("span", {});
    this.composer.row.after(h("label", { class: "option also" }, this.also, this.where));
    this.element = h("aside", { class: "pane thread", "aria-label": "Thread", hidden: true, on: { keydown: (event) => this.#keys(event) } },
      h("header", { class: "pane-head" }, this.title, iconButton("close", "Close thread", () => this.close())),
      this.list.element, this.composer.element);
  }

  close() {
    this.workspace.go({ thread: null });
    document.querySelector(".main .composer-field")?.focus();
  }

  #keys(event) {
    if (event.key === "Escape" && !event.defaultPrevented) this.close();
  }

  /** Draw what the place says. */
  draw() {
    const { workspace } = this;
    const { channel } = workspace;
    const ts = workspace.place.thread;
    const opened = this.element.hidden && Boolean(ts);
    this.element.hidden = !ts || !channel;
    if (this.element.hidden) return;
    fill(this.title, "Thread ", h("small", {}, channel.is_im ? workspace.title(channel) : `#${workspace.title(channel)}`));
    const key = `${workspace.viewer}/${channel.id}/${ts}`;
    this.list.show(channel, workspace.thread(channel, ts), key);
    fill(this.where, channel.is_im ? "Also send as a message" : `Also send to #${workspace.title(channel)}`);
    this.composer.place(key, { placeholder: "Reply…" });
    if (opened && matchMedia("(hover: hover)").matches) this.composer.field.focus();
  }
}

/**
 * A list of messages that keeps the reader's place: at the end if they were there, else exactly where they were.
 */

import { dayKey, dayName } from "./dates.js";
import { fill, h, icon } from "./dom.js";
import { authorName, renderMessage, updateMessage, wordsOf } from "./message.js";
import { reconcile } from "./reconcile.js";
import { attachToolbar } from "./toolbar.js";
import { isReply } from "./state.js";

const PAGE = 60;
const GROUP_SECONDS = 300;
const NEAR = 60;

const dismissed = new Set();

/** Messages of a channel or of a thread, with day lines, a "new" line, paging backwards and a jump to the end. */
export class MessageList {
  /** @param {{workspace: object, label: string, inThread?: boolean, empty?: Function, seen?: Function}} options */
  constructor({ workspace, label, inThread = false, empty = () => null, seen = () => {} }) {
    this.workspace = workspace;
    this.inThread = inThread;
    this.empty = empty;
    this.seen = seen;
    this.limit = PAGE;
    this.key = null;
    this.stuck = true;
    this.rows = h("div", { class: "rows", role: "list" });
    this.earlier = h("button", { type: "button", class: "earlier button", hidden: true, on: { click: () => this.#showEarlier() } }, "Show earlier messages");
    this.blank = h("div", { class: "blank" });
    this.inner = h("div", { class: "stream-inner" }, this.earlier, this.blank, this.rows);
    this.scroller = h("div", { class: "stream", tabindex: "0", role: "region", "aria-label": label }, this.inner);
    this.jump = h("button", { type: "button", class: "jump", hidden: true, on: { click: () => this.toEnd(true) } }, icon("down"), h("span", {}, "Latest"));
    this.element = h("div", { class: "stream-box" }, this.scroller, this.jump);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.scroller.addEventListener("keydown", (event) => this.#keys(event));
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.inner);
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.scroller);
    attachToolbar(this);
  }

  /**
   * Show messages of `channel`; `key` names what is shown, so that a change of place starts at the end.
   *
   * @param {object} channel  @param {object[]} messages  @param {string} key  @param {string} readUpTo - ts of the last one read
   */
  show(channel, messages, key, readUpTo = "") {
    const moved = key !== this.key;
    if (moved) {
      this.key = key;
      this.limit = PAGE;
      this.newFrom = readUpTo;
      this.stuck = true;
      fill(this.rows);
    }
    this.channel = channel;
    this.messages = messages.filter((message) => !dismissed.has(message.ts));
    const result = this.#draw();
    if (moved || this.stuck) this.toEnd();
    if (!moved) this.#announce(result.added);
    this.#report(result.added);
  }

  #draw() {
    const { workspace, channel, inThread } = this;
    const first = this.stuck ? -1 : this.messages.findIndex((message) => message.ts === this.firstShown);
    if (first >= 0) this.limit = Math.max(this.limit, this.messages.length - first);
    const from = Math.max(0, this.messages.length - this.limit);
    this.firstShown = this.messages[from]?.ts;
    const context = { workspace, channel, inThread, dismiss: (message) => this.#dismiss(message) };
    const items = listItems(this.messages.slice(from), context, this.newFrom, workspace.viewer);
    this.earlier.hidden = from === 0;
    const blank = this.messages.length ? null : this.empty(channel);
    this.blank.hidden = !blank;
    if (blank && this.blank.signature !== this.key) fill(this.blank, blank);
    this.blank.signature = blank ? this.key : null;
    return reconcile(this.rows, items, {
      key: (item) => item.key,
      signature: (item) => item.signature,
      render: (item) => (item.message ? listed(renderMessage(item)) : divider(item)),
      update: (node, item) => (item.message ? updateMessage(node, item) : false),
    });
  }

  #dismiss(message) {
    dismissed.add(message.ts);
    this.messages = this.messages.filter((other) => other.ts !== message.ts);
    this.#draw();
    this.scroller.focus();
  }

  #announce(keys) {
    const added = this.messages.filter((message) => keys.includes(`m-${message.ts}`) && message.user !== this.workspace.viewer);
    const last = added.at(-1);
    if (!last) return;
    const text = `${authorName(last, this.workspace)}: ${wordsOf(last, this.workspace)}`;
    document.getElementById("announcements").textContent = text.slice(0, 240);
  }

  #report(added) {
    if (this.stuck && !document.hidden) this.seen(this.channel);
    else if (added.length) this.jump.classList.add("fresh");
    this.jump.hidden = this.stuck;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.stuck = scrollHeight - scrollTop - clientHeight < NEAR;
    this.jump.hidden = this.stuck;
    if (this.stuck && this.channel) {
      this.jump.classList.remove("fresh");
      this.seen(this.channel);
    }
    if (scrollTop < 120 && !this.earlier.hidden) this.#showEarlier();
  }

  #showEarlier() {
    const before = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.limit += PAGE;
    this.#draw();
    this.scroller.scrollTop = this.scroller.scrollHeight - before;
  }

  /** Scroll to the newest message. */
  toEnd(focus = false) {
    this.stuck = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.jump.hidden = true;
    if (focus) this.scroller.focus({ preventScroll: true });
  }

  /** Scroll to a message and mark it for a moment; load as much as is needed for it. */
  reveal(ts) {
    const at = this.messages.findIndex((message) => message.ts === ts);
    if (at < 0) return false;
    this.limit = Math.max(this.limit, this.messages.length - at + 10);
    this.#draw();
    const row = this.rows.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
    this.stuck = false;
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
    return true;
  }

  #keys(event) {
    if (!["ArrowDown", "ArrowUp"].includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
    const onRow = event.target === this.scroller || event.target.matches?.("article.message");
    if (!onRow) return;
    const rows = [...this.rows.querySelectorAll("article.message")];
    const at = rows.indexOf(document.activeElement);
    const next = at < 0 ? rows.at(-1) : rows[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function listed(node) {
  node.setAttribute("role", "listitem");
  return node;
}

function divider(item) {
  return h("div", { class: `divider-line ${item.kind}`, role: "listitem" }, h("span", { role: "separator", "aria-label": item.label }, item.label));
}

/** Put day lines and the "new" line between messages, and say which rows need no head of their own. */
function listItems(messages, context, newFrom, viewer) {
  const items = [];
  let previous = null;
  let marked = !newFrom || context.inThread;
  for (const message of messages) {
    const day = dayKey(message.ts);
    if (!context.inThread && (!previous || dayKey(previous.ts) !== day)) {
      items.push({ key: `day-${day}`, signature: dayName(message.ts), kind: "day", label: dayName(message.ts) });
      previous = null;
    }
    if (!marked && message.ts > newFrom && message.user !== viewer) {
      items.push({ key: "new", signature: "new", kind: "new", label: "New" });
      marked = true;
      previous = null;
    }
    const compact = Boolean(previous && follows(previous, message));
    const replies = context.inThread ? "" : repliesKey(message, context);
    items.push({ key: `m-${message.ts}`, signature: `${compact}${replies}${viewer}${context.channel.pins?.includes(message.ts)}${JSON.stringify(message)}`, message, compact, context });
    previous = message;
    if (context.inThread && !isReply(message)) {
      const count = messages.length - 1;
      if (count > 0) items.push({ key: "replies", signature: String(count), kind: "count", label: `${count} ${count === 1 ? "reply" : "replies"}` });
      previous = null;
    }
  }
  return items;
}

const repliesKey = (message, { channel, workspace }) => workspace.replyKey(channel, message.ts);

function follows(previous, message) {
  return previous.user === message.user && previous.username === message.username && !message.ephemeral_to && !previous.ephemeral_to
    && !message.bot_id && !message.edited && message.ts - previous.ts < GROUP_SECONDS && message.subtype !== "thread_broadcast";
}

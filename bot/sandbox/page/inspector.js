/**
 * The inspector: each request and answer that passed between the workspace and its apps, all of them or those of one message.
 */

import { get } from "./api.js";
import { clockTime } from "./dates.js";
import { copyText, fill, h, icon, iconButton } from "./dom.js";
import { renderJson } from "./json.js";
import { note } from "./overlay.js";
import { reconcile } from "./reconcile.js";

const SHOWN = 150;
const PAUSE = 120;

const KINDS = { web_api: "Web API", response_url: "response URL", slash_commands: "slash command", interactive: "interaction", events_api: "event", socket: "socket" };

/** How an exchange ended, in a word: Slack's error code, or the status of the app's acknowledgement. */
function outcome({ direction, kind, response, fault }) {
  const planned = fault ?? response?.fault;
  if (planned) return { word: `fault: ${planned}`, bad: true };
  if (kind === "socket") return { word: "", bad: false };
  if (direction === "to_app") return { word: response?.status ?? "waiting", bad: Boolean(response) && response.status !== "ok" };
  return response?.ok === false ? { word: response.error ?? "refused", bad: true } : { word: "ok", bad: false };
}

/** Exchanges with the depth of each below what led to it. */
function nested(exchanges) {
  const depths = new Map();
  return exchanges.map((exchange) => {
    const depth = depths.has(exchange.caused_by) ? Math.min(depths.get(exchange.caused_by) + 1, 4) : 0;
    depths.set(exchange.id, depth);
    return { exchange, depth };
  });
}

const copy = async (value) => note((await copyText(JSON.stringify(value, null, 2))) ? "JSON copied" : "Copying is not allowed here");

function side(title, value) {
  if (value === undefined || value === null) return h("div", { class: "wire-side" }, h("h3", {}, title), h("p", { class: "none" }, "nothing"));
  return h("div", { class: "wire-side" }, h("h3", {}, title, iconButton("copy", `Copy: ${title}`, () => copy(value))), h("pre", { tabindex: "0", "aria-label": title }, renderJson(value)));
}

/** The inspector's pane; hidden until it is asked for. */
export class Inspector {
  #timer = 0;
  #subject = null;
  #before = null;

  /** @param {object} workspace  @param {{reveal: (channel: string, ts: string) => void}} hooks */
  constructor(workspace, { reveal }) {
    this.workspace = workspace;
    this.reveal = reveal;
    this.title = h("h2", {});
    this.all = h("button", { type: "button", class: "button quiet", on: { click: () => this.open() } }, "Show all");
    this.list = h("div", { class: "wire-list" });
    this.element = h("section", { class: "pane wire", "aria-label": "Inspector", hidden: true, on: { keydown: (event) => this.#keys(event) } },
      h("header", { class: "pane-head" }, this.title, this.all,
        h("a", { class: "icon-button", href: "/_sandbox/export", download: "slack-wire.json", "aria-label": "Export everything as JSON", title: "Export everything as JSON" }, icon("save")),
        iconButton("close", "Close inspector", () => this.close())), this.list);
    for (const event of ["wire", "loaded"]) workspace.addEventListener(event, () => this.#soon());
  }

  /** Show everything, or with `{channel, message}` what has to do with that message. */
  open(subject = null) {
    if (this.element.hidden) this.#before = document.activeElement;
    this.#subject = subject;
    this.element.hidden = false;
    this.all.hidden = !subject;
    fill(this.title, "Inspector ", h("small", {}, subject ? `message of ${clockTime(subject.message.ts)}` : "newest first"));
    document.getElementById("wire-button")?.setAttribute("aria-pressed", "true");
    fill(this.list, h("p", { class: "blank" }, "Asking…"));
    this.#mark(subject);
    this.#refresh(true);
    this.element.querySelector("[aria-label='Close inspector']").focus();
  }

  // The message stands out in the conversation as long as one looks at what caused it.
  #mark(subject) {
    for (const row of document.querySelectorAll(".inspected")) row.classList.remove("inspected");
    if (!subject) return;
    for (const row of document.querySelectorAll(`[data-ts="${CSS.escape(subject.message.ts)}"]`)) row.classList.add("inspected");
  }

  close() {
    this.element.hidden = true;
    this.#mark(null);
    document.getElementById("wire-button")?.setAttribute("aria-pressed", "false");
    if (this.#before?.isConnected) this.#before.focus({ preventScroll: true });
  }

  toggle() {
    if (this.element.hidden) this.open();
    else this.close();
  }

  #keys(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    this.close();
  }

  #soon() {
    if (this.element.hidden || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#refresh();
    }, PAUSE);
  }

  async #refresh(first = false) {
    const subject = this.#subject;
    let exchanges;
    try {
      ({ exchanges } = await get("wire", subject ? { message: `${subject.channel.id}:${subject.message.ts}` } : { limit: SHOWN }));
    } catch (error) {
      fill(this.list, h("p", { class: "blank" }, error.message));
      return;
    }
    if (subject !== this.#subject) return;
    if (first || !exchanges.length) fill(this.list);
    if (!exchanges.length) return void fill(this.list, h("p", { class: "blank" }, subject ? "Nothing passed between the workspace and an app about this message." : "Nothing has passed yet."));
    const items = subject ? nested(exchanges) : exchanges.reverse().map((exchange) => ({ exchange, depth: 0 }));
    reconcile(this.list, items, {
      key: ({ exchange }) => String(exchange.id),
      signature: ({ exchange, depth }) => `${depth}${JSON.stringify(exchange.response ?? null).length}${Object.keys(exchange.messages ?? {}).length}`,
      render: (item) => this.#row(item, Boolean(subject)),
    });
  }

  #row({ exchange, depth }, alone) {
    const { word, bad } = outcome(exchange);
    const out = exchange.direction === "to_app";
    const name = `${exchange.type}${exchange.retry_num ? ` (retry ${exchange.retry_num})` : ""}`;
    const summary = h("summary", {}, h("span", { class: out ? "wire-way out" : "wire-way" }, out ? "→ app" : "← app"), h("b", {}, name),
      word ? h("span", { class: bad ? "wire-outcome bad" : "wire-outcome" }, word) : null, h("span", { class: "wire-time" }, `${Math.round((exchange.ms ?? 0) * 10) / 10} ms`));
    const details = h("details", { class: "wire-row", style: { marginInlineStart: `${depth * 14}px` } }, summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(this.#body(exchange, alone));
    });
    return details;
  }

  #body(exchange, alone) {
    const out = exchange.direction === "to_app";
    const app = this.workspace.apps.find((one) => one.id === exchange.app_id);
    const facts = [KINDS[exchange.kind] ?? exchange.kind, app?.name, exchange.transport && `over ${exchange.transport}`, exchange.http_status && `HTTP ${exchange.http_status}`, clockTime(exchange.at)].filter(Boolean);
    const places = alone ? [] : Object.entries(exchange.messages ?? {});
    return h("div", { class: "wire-body" }, h("p", { class: "wire-facts" }, facts.join(" · ")),
      places.length ? h("p", {}, places.map(([key, what]) => this.#place(key, what))) : null,
      side(out ? "Payload" : "Request", exchange.request ?? exchange.payload), side(out ? "Acknowledgement" : "Answer", exchange.response));
  }

  #place(key, what) {
    const [channel, ts] = key.split(":");
    const name = this.workspace.channelName(channel);
    if (!name) return null;
    return h("button", { type: "button", class: "button quiet wire-place", on: { click: () => this.reveal(channel, ts) } }, `${what === "subject" ? "about a message" : what} in ${name}, ${clockTime(ts)}`);
  }
}

/**
 * The wire drawer: what passed between the workspace and its apps, newest first, for those who build them.
 */

import { get } from "./api.js";
import { fill, h, iconButton } from "./dom.js";
import { reconcile } from "./reconcile.js";

const SHOWN = 80;

/** How an exchange ended, in a word: Slack's error code, or the status of the app's acknowledgement. */
function outcome({ direction, response }) {
  if (direction === "to_app") return { word: response?.status ?? "?", bad: response?.status !== "ok" };
  if (response?.fault) return { word: `fault: ${response.fault}`, bad: true };
  return response?.ok === false ? { word: response.error ?? "refused", bad: true } : { word: "ok", bad: false };
}

function row(delivery) {
  const { word, bad } = outcome(delivery);
  const name = `${delivery.type}${delivery.retry_num ? ` (retry ${delivery.retry_num})` : ""}`;
  const summary = h("summary", {}, h("span", { class: "wire-way" }, delivery.direction === "to_app" ? "→ app" : "← app"), h("b", {}, name),
    h("span", { class: bad ? "wire-outcome bad" : "wire-outcome" }, word), h("span", { class: "wire-time" }, `${Math.round((delivery.ms ?? 0) * 10) / 10} ms`));
  const details = h("details", { class: "wire-row" }, summary);
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(h("pre", { tabindex: "0" }, JSON.stringify(delivery, null, 2)));
  });
  return details;
}

/** The drawer; hidden until it is asked for. */
export class WireDrawer {
  #timer = 0;

  constructor(workspace) {
    this.list = h("div", { class: "wire-list" });
    this.count = h("small", {});
    this.element = h("section", { class: "wire", "aria-label": "Wire: deliveries and calls", hidden: true },
      h("header", { class: "pane-head" }, h("h2", {}, "Wire ", this.count), iconButton("close", "Close wire", () => this.toggle(false))), this.list);
    workspace.addEventListener("wire", () => this.#soon());
    workspace.addEventListener("loaded", () => this.#soon());
  }

  toggle(open = this.element.hidden) {
    this.element.hidden = !open;
    document.getElementById("wire-button")?.setAttribute("aria-pressed", String(open));
    if (open) this.#refresh();
  }

  #soon() {
    if (this.element.hidden || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#refresh();
    }, 250);
  }

  async #refresh() {
    let deliveries;
    try {
      deliveries = (await get("deliveries", { limit: SHOWN })).deliveries.reverse();
    } catch (error) {
      fill(this.list, h("p", { class: "blank" }, error.message));
      return;
    }
    this.count.textContent = deliveries.length ? `last ${deliveries.length}` : "nothing yet";
    const seen = new Map();
    const keyed = deliveries.map((delivery) => {
      const base = `${delivery.at}/${delivery.type}`;
      seen.set(base, (seen.get(base) ?? 0) + 1);
      return { delivery, key: `${base}#${seen.get(base)}` };
    });
    reconcile(this.list, keyed, { key: (item) => item.key, signature: (item) => item.key, render: (item) => row(item.delivery) });
  }
}

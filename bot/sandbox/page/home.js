/**
 * The Home tab of an app: the view it published for this person.
 */

import { get, post } from "./api.js";
import { patchBlocks } from "./blocks.js";
import { fill, h } from "./dom.js";
import { viewSurface } from "./surface.js";

/** Shows and refreshes the Home tab of the app in place. */
export class HomeTab {
  #key = null;
  #told = null;

  constructor(workspace) {
    this.workspace = workspace;
    this.blocks = h("div", { class: "blocks home-blocks" });
    this.blank = h("div", { class: "blank" });
    this.element = h("div", { class: "home", tabindex: "0", role: "tabpanel", "aria-label": "Home", hidden: true }, this.blank, this.blocks);
  }

  /** Draw the Home tab of `app`; tells the app once per visit that it was opened. */
  async draw(app) {
    const { workspace } = this;
    const key = `${app.id}/${workspace.viewer}`;
    if (key !== this.#key) {
      fill(this.blocks);
      fill(this.blank);
      this.#key = key;
    }
    await this.#show(app, key);
    if (this.#told === key) return;
    this.#told = key;
    try {
      await post("home", { user: workspace.viewer, tab: "home" });
    } catch {
      // An app that does not subscribe to the event has published its Home by other means.
    }
    if (this.#key === key) await this.#show(app, key);
  }

  /** Forget that the tab was opened, so that the next visit tells the app again. */
  left() {
    this.#told = null;
  }

  async #show(app, key) {
    let view = null;
    try {
      const { views } = await get("home", { user: this.workspace.viewer });
      view = views.find((one) => one.app_id === app.id) ?? null;
    } catch (error) {
      fill(this.blank, h("p", {}, error.message));
      return;
    }
    if (this.#key !== key) return;
    const there = view?.blocks?.length > 0;
    this.blank.hidden = there;
    fill(this.blank);
    if (!there) return void fill(this.blank, h("h2", {}, `${app.name} has no Home for you yet`), h("p", {}, "An app publishes it with views.publish when the tab is opened. If it stays empty, the app may not be connected."));
    patchBlocks(this.blocks, view.blocks, { workspace: this.workspace, surface: viewSurface(this.workspace, view) });
  }
}

/**
 * Modals: the stack of views an app has opened for the viewer, top one shown.
 *
 * Reference: https://docs.slack.dev/surfaces/modals. The dialog stays while the app updates its view; what the person entered stays with
 * the inputs that stay.
 */

import { post } from "./api.js";
import { patchBlocks } from "./blocks.js";
import { fill, h, icon, iconButton } from "./dom.js";
import { plainOf, renderText } from "./mrkdwn.js";
import { closePopover, giveFocusBack, note } from "./overlay.js";
import { avatar } from "./people.js";
import { forget, viewSurface } from "./surface.js";

/** Shows the topmost modal view of the viewer; driven by `workspace.views`. */
export class ModalStack {
  #view = null;
  #surface = null;
  #busy = false;
  #before = null;
  #known = new Set();

  constructor(workspace) {
    this.workspace = workspace;
    this.title = h("h2", { id: "modal-title" });
    this.mark = h("span", {});
    this.blocks = h("div", { class: "blocks modal-blocks" });
    // The hidden submit button lets Enter in a text field submit, however many fields there are.
    this.form = h("form", { novalidate: true, on: { submit: (event) => this.#submit(event) } }, this.blocks, h("button", { type: "submit", hidden: true }));
    this.failure = h("div", { class: "modal-failure", role: "alert" });
    this.foot = h("div", { class: "dialog-actions" });
    this.element = h("dialog", { class: "dialog modal", "aria-labelledby": "modal-title" },
      h("header", { class: "pane-head" }, this.mark, this.title, iconButton("close", "Close", () => this.#close(true))),
      h("div", { class: "dialog-body" }, this.form), this.failure, this.foot);
    this.element.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#close(true);
    });
    document.body.append(this.element);
  }

  #stack() {
    const { views, viewer } = this.workspace;
    return views.filter((view) => view.type === "modal" && (!view.user || view.user === viewer));
  }

  /** Draw what the workspace says is open. */
  draw() {
    const stack = this.#stack();
    for (const id of this.#known) if (!stack.some((view) => view.id === id)) forget(`${this.workspace.viewer}/${id}`);
    this.#known = new Set(stack.map((view) => view.id));
    const top = stack.at(-1) ?? null;
    if (!top) return this.#hide();
    const another = this.#view?.id !== top.id;
    if (!another && this.#view?.hash === top.hash && !this.#errorsDiffer(top)) return undefined;
    this.#show(top, stack.length, another);
    return undefined;
  }

  #errorsDiffer(view) {
    return JSON.stringify(view.errors ?? {}) !== JSON.stringify(this.#surface?.errors ?? {});
  }

  #hide() {
    this.#view = null;
    if (!this.element.open) return;
    closePopover({ refocus: false });
    this.element.close();
    giveFocusBack(this.#before?.isConnected ? this.#before : document.querySelector(".main .composer-field"));
  }

  #show(view, depth, another) {
    const { workspace } = this;
    const app = workspace.apps.find((candidate) => candidate.id === view.app_id);
    this.#view = view;
    if (another) {
      fill(this.blocks);
      fill(this.failure);
    }
    this.#surface = viewSurface(workspace, { ...view, values: () => this.#values() });
    this.#surface.errors = view.errors ?? {};
    fill(this.title, renderText(view.title, workspace));
    fill(this.mark, app ? avatar(workspace.user(app.bot_user_id) ?? { name: app.name, is_bot: true }, "small") : null);
    this.#draw();
    this.#drawFoot(depth);
    if (!this.element.open) {
      this.#before = document.activeElement;
      this.element.showModal();
    }
    if (another) this.#focusFirst();
  }

  #draw() {
    const context = { workspace: this.workspace, surface: this.#surface };
    patchBlocks(this.blocks, this.#view.blocks, context, (block) => this.#surface.errors?.[block.block_id] ?? "");
  }

  #focusFirst() {
    const first = this.form.querySelector("[autofocus]") ?? this.form.querySelector("input, textarea, select, .select, [contenteditable]") ?? this.foot.querySelector(".primary");
    first?.focus();
  }

  #drawFoot(depth) {
    const { workspace } = this;
    const view = this.#view;
    const close = view.close ? plainOf(view.close, workspace) : depth > 1 ? "Back" : "Cancel";
    const submit = view.submit && h("button", { type: "button", class: "button primary", disabled: view.submit_disabled || this.#busy, "aria-busy": this.#busy ? "true" : null, on: { click: (event) => this.#submit(event) } }, renderText(view.submit, workspace));
    fill(this.foot, h("button", { type: "button", class: "button", on: { click: () => this.#close(false) } }, close), submit || null);
  }

  /** What the person has entered, as `{block_id: {action_id: value}}`. */
  #values() {
    return this.#surface.values.tree(new Set(this.#view.blocks.map((block) => block.block_id)));
  }

  /** Say what a required or badly filled input needs, before the app is asked; return whether all is well. */
  #check() {
    const errors = {};
    for (const block of this.#view.blocks.filter((one) => one.type === "input")) {
      const value = this.#surface.values.get(block.block_id, block.element.action_id);
      const text = typeof value === "string" ? value : "";
      const { min_length: least } = block.element;
      const control = this.form.querySelector(`[data-focus="${CSS.escape(`${block.block_id}/${block.element.action_id}`)}"]`);
      if (!block.optional && (value === undefined || value === null || value === "" || value.length === 0)) errors[block.block_id] = "Please complete this required field.";
      else if (text && least && text.length < least) errors[block.block_id] = `Please enter at least ${least} characters.`;
      else if (control?.validity && !control.validity.valid) errors[block.block_id] = control.validationMessage;
    }
    this.#surface.errors = errors;
    this.#draw();
    this.#focusError();
    return Object.keys(errors).length === 0;
  }

  #focusError() {
    const broken = this.form.querySelector(".has-error");
    (broken?.querySelector("input, textarea, .select, [contenteditable]") ?? broken)?.focus();
  }

  async #submit(event) {
    event.preventDefault();
    const view = this.#view;
    if (this.#busy || !view?.submit || view.submit_disabled || !this.#check()) return;
    await this.#send({ values: this.#values() });
  }

  async #send(body) {
    const view = this.#view;
    this.#setBusy(true);
    fill(this.failure);
    try {
      await post("views", { user: this.workspace.viewer, view_id: view.id, ...body });
    } catch (error) {
      const errors = error.body?.errors;
      if (errors && Object.keys(errors).length && this.#view?.id === view.id) this.#refused(errors);
      else fill(this.failure, icon("warning"), error.message);
    } finally {
      this.#setBusy(false);
    }
    this.workspace.refreshViews();
  }

  #refused(errors) {
    this.#surface.errors = errors;
    this.#view = { ...this.#view, errors };
    this.#draw();
    const placed = new Set(this.#view.blocks.map((block) => block.block_id));
    const loose = Object.entries(errors).filter(([block]) => !placed.has(block));
    if (loose.length) fill(this.failure, icon("warning"), loose.map(([block, text]) => (block ? `${block}: ${text}` : text)).join(" "));
    this.#focusError();
  }

  #setBusy(busy) {
    this.#busy = busy;
    this.element.classList.toggle("busy", busy);
    if (this.#view) this.#drawFoot(this.#stack().length);
  }

  async #close(all) {
    const view = this.#view;
    if (!view || this.#busy) return;
    try {
      await post("views", { user: this.workspace.viewer, view_id: view.id, ...(all ? { clear: true } : { close: true }) });
    } catch (error) {
      note(error.message, { error: true });
    }
    this.workspace.refreshViews();
  }
}

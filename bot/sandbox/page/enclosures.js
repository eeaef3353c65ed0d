/**
 * Files that go along with a message: chosen, dropped or pasted, uploaded at once, sent with it.
 */

import { upload } from "./api.js";
import { fill, h, iconButton } from "./dom.js";
import { fileChip } from "./files.js";

const MOST = 10;

/** The files of a message that is being written. */
export class Enclosures {
  files = [];

  /** @param {object} workspace  @param {{changed: Function, failed: (text: string) => void}} hooks */
  constructor(workspace, { changed, failed }) {
    this.workspace = workspace;
    this.changed = changed;
    this.failed = failed;
    this.input = h("input", { type: "file", class: "visually-hidden", multiple: true, tabindex: "-1", "aria-hidden": "true", on: { change: () => this.#take(this.input.files) } });
    this.button = h("span", { class: "composer-clip" }, iconButton("clip", "Attach files", () => this.input.click()), this.input);
    this.element = h("div", { class: "chips composer-files" });
  }

  /** Take what is dropped on an element or pasted into a field. */
  acceptFrom(element, field) {
    element.addEventListener("dragover", (event) => {
      event.preventDefault();
      element.classList.add("dropping");
    });
    element.addEventListener("dragleave", () => element.classList.remove("dropping"));
    element.addEventListener("drop", (event) => {
      event.preventDefault();
      element.classList.remove("dropping");
      this.#take(event.dataTransfer.files);
    });
    field.addEventListener("paste", (event) => event.clipboardData.files.length && this.#take(event.clipboardData.files));
  }

  /** Forget all of them. */
  clear() {
    this.#set([]);
  }

  #set(files) {
    this.files = files;
    fill(this.element, files.map((file) => fileChip(file, () => this.#set(this.files.filter((other) => other !== file)))));
    this.changed();
  }

  async #take(given) {
    try {
      for (const file of [...given].slice(0, MOST - this.files.length)) this.#set([...this.files, await upload(this.workspace.viewer, file)]);
    } catch (error) {
      this.failed(error.message);
    }
    this.input.value = "";
  }
}

/**
 * Files: how they are shown, and the field that uploads some.
 */

import { fill, h, icon, iconButton, safeUrl } from "./dom.js";

/** The size of a file in words. */
export function sizeOf(bytes) {
  if (!bytes) return "";
  return bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

/** Tell whether a file can be shown as a picture. */
export const isPicture = (file) => /^image\/(png|jpe?g|gif|webp)$/.test(file.mimetype ?? "");

const words = (file) => h("span", {}, h("b", {}, file.title || file.name || "file"), h("small", {}, [file.pretty_type ?? file.filetype, sizeOf(file.size)].filter(Boolean).join(" · ")));

/** Return a file as a card that downloads it. */
export function renderFile(file) {
  const url = safeUrl(file.url_private_download ?? file.url_private ?? "");
  return h("a", { class: "file", href: url, target: "_blank", rel: "noopener noreferrer", download: file.name ?? true }, icon("file"), words(file));
}

/** Return a chosen file with a button that leaves it out. */
export function fileChip(file, remove) {
  return h("span", { class: "file chip" }, icon("file"), words(file), iconButton("close", `Remove ${file.name}`, remove));
}

/**
 * Make the field of a file_input: a button, a place to drop files on, and what is uploaded.
 *
 * @param {{kinds: string, max: number, chosen: object[], props: object, upload: (file: File) => Promise<object>, change: (files: object[]) => void}} options
 */
export function filePicker({ kinds, max, chosen, props, upload, change }) {
  let files = [...chosen];
  const what = max > 1 ? "Choose files" : "Choose a file";
  const list = h("div", { class: "chips" });
  const status = h("small", { role: "status" });
  const input = h("input", { type: "file", class: "visually-hidden", accept: kinds || null, multiple: max > 1, tabindex: "-1", "aria-hidden": "true" });
  const choose = h("button", { type: "button", class: "button", ...props, "aria-label": `${what}: ${props["aria-label"]}`, on: { click: () => input.click() } }, icon("file"), what);
  const show = () => {
    fill(list, files.map((file) => fileChip(file, () => set(files.filter((other) => other !== file)))));
    choose.disabled = files.length >= max;
  };
  const set = (now) => {
    files = now;
    change(files);
    show();
  };
  const take = async (given) => {
    const room = [...given].slice(0, max - files.length);
    status.textContent = room.length ? "Uploading…" : `At most ${max} ${max === 1 ? "file" : "files"}.`;
    try {
      for (const file of room) set([...files, await upload(file)]);
      if (room.length) status.textContent = "";
    } catch (error) {
      status.textContent = error.message;
    }
    input.value = "";
  };
  input.addEventListener("change", () => take(input.files));
  show();
  return h("div", { class: "file-picker", on: { dragover: (event) => event.preventDefault(), drop: (event) => { event.preventDefault(); take(event.dataTransfer.files); } } }, choose, input, list, status);
}

/**
 * Build DOM nodes from data, never from markup.
 *
 * Every node of the page comes from here, so this is where text that came over the wire is kept harmless: children are
 * text nodes, event handlers are functions, and addresses pass through `safeUrl`.
 */

const SVG = "http://www.w3.org/2000/svg";
const FORBIDDEN = /^(on|innerhtml|outerhtml|srcdoc)/i;

/** Return the address if a person may follow it (http, https, mailto or this origin), else null. */
export function safeUrl(address, schemes = ["http:", "https:", "mailto:"]) {
  if (typeof address !== "string" || !address.trim()) return null;
  try {
    const url = new URL(address.trim(), location.origin);
    return schemes.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function setAttribute(node, name, value) {
  if (FORBIDDEN.test(name)) throw new TypeError(`attribute ${name} is not allowed`);
  if (name === "href") {
    const url = safeUrl(value);
    if (url) node.setAttribute("href", url);
  } else if (name === "src") {
    const url = safeUrl(value, ["http:", "https:", "blob:"]);
    if (url) node.setAttribute("src", url);
  } else if (value === true) node.setAttribute(name, "");
  else node.setAttribute(name, String(value));
}

/**
 * Make an element: `h("button", {class: "x", on: {click}, data: {key: 1}}, "text", child, [more])`.
 *
 * Attributes that are null, undefined or false are left out; strings become text nodes.
 */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "style") Object.assign(node.style, value);
    else if (name === "value") node.value = value;
    else setAttribute(node, name, value);
  }
  append(node, children);
  return node;
}

/** Append children of any nesting; null, undefined and false are skipped. */
export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

/** Return a fragment holding the children. */
export function fragment(...children) {
  return append(document.createDocumentFragment(), children);
}

/** Replace all children of a node. */
export function fill(node, ...children) {
  node.replaceChildren(fragment(...children));
  return node;
}

const PATHS = {
  hash: "M5 9h14M5 15h14M10 4 8 20M16 4l-2 16",
  at: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm4 0v5a3 3 0 0 0 5-2 9 9 0 1 0-4 7.5",
  reply: "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5Z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM8 14s1.5 2 4 2 4-2 4-2M9 9.5h.01M15 9.5h.01",
  send: "M4 12 20 4l-5 16-4-6-7-2Z",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6l1-7Z",
  close: "M6 6l12 12M18 6 6 18",
  down: "m6 9 6 6 6-6",
  right: "m9 6 6 6-6 6",
  check: "m5 12 5 5 9-10",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4 4",
  home: "m4 11 8-7 8 7v9h-5v-6H9v6H4v-9Z",
  menu: "M4 7h16M4 12h16M4 17h16",
  copy: "M9 9h11v11H9V9Zm-5 6V4h11",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7Zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  wire: "M3 8h13m0 0-4-4m4 4-4 4M21 16H8m0 0 4-4m-4 4 4 4",
  file: "M6 3h8l4 4v14H6V3Zm8 0v4h4",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 8v5m0-8h.01",
  warning: "M12 4 3 20h18L12 4Zm0 6v4m0 3h.01",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM3 12h18M12 3c3 3 3 15 0 18-3-3-3-15 0-18Z",
  phone: "M5 3h4l2 5-2.5 1.5a11 11 0 0 0 6 6L16 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 5a2 2 0 0 1 2-2Z",
  play: "M7 4v16l13-8L7 4Z",
  plus: "M12 5v14M5 12h14",
  trash: "M4 7h16M9 7V4h6v3m3 0-1 14H7L6 7m4 4v6m4-6v6",
  pencil: "M4 20l1-5L16 4l4 4L9 19l-5 1Z",
  up: "M7 11v9H4v-9h3Zm0 9h9a3 3 0 0 0 3-2l2-6a2 2 0 0 0-2-3h-5l1-5a2 2 0 0 0-3-2L7 11",
  thumbdown: "M17 13V4h3v9h-3Zm0-9H8a3 3 0 0 0-3 2l-2 6a2 2 0 0 0 2 3h5l-1 5a2 2 0 0 0 3 2l5-9",
  pin: "M9 3h6l-1 7 4 4H6l4-4-1-7Zm3 11v7",
  bold: "M7 4h6a4 4 0 0 1 0 8H7V4Zm0 8h7a4 4 0 0 1 0 8H7v-8Z",
  italic: "M10 4h8M6 20h8M14 4l-4 16",
  strike: "M4 12h16M16 7a4 3 0 0 0-4-3c-3 0-4 2-4 3.500M8 16c0 2 1.500 4 4 4s4-1 4-3.500",
  code: "m8 7-5 5 5 5m8-10 5 5-5 5",
  list: "M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01",
  ordered: "M10 6h10M10 12h10M10 18h10M4 4h1v5M4 9h2M4 14h2v2l-2 3h2",
  lock: "M6 11h12v9H6v-9Zm3 0V8a3 3 0 0 1 6 0v3",
  clip: "m20 11-8 8a5 5 0 0 1-7-7l8-8a3.500 3.500 0 0 1 5 5l-8 8a2 2 0 0 1-3-3l7-7",
  save: "M12 4v11m0 0-4-4m4 4 4-4M4 20h16",
  circle: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z",
};

/** Return a decorative line icon; what it stands for must be said in text or aria-label beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" })) {
    svg.setAttribute(key, value);
  }
  svg.classList.add("icon", `icon-${name}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.circle);
  svg.append(path);
  return svg;
}

/** Return a button that shows only an icon; the label is its accessible name and tooltip. */
export function iconButton(name, label, click, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click }, ...props }, icon(name));
}

/** Put text on the clipboard, also where the Clipboard API is not allowed; resolve to whether it worked. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "visually-hidden", "aria-hidden": "true", value: text });
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

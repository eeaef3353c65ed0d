/**
 * What lies above the page: popovers, menus, confirm dialogs, pictures and short notes.
 *
 * Dialogs are native `<dialog>`: the browser keeps the focus inside and makes the rest inert.
 */

import { append, fill, h, icon } from "./dom.js";

let current = null;

/** Close the open popover, if any. */
export function closePopover({ refocus = true } = {}) {
  const popover = current;
  current = null;
  popover?.dispose(refocus);
}

/** Tell whether a popover belonging to the node is open. */
export const hasPopover = (node) => Boolean(current && (node.contains(current.anchor) || current.anchor === node));

function place(popover, anchor) {
  if (!anchor.isConnected) return;
  const at = anchor.getBoundingClientRect();
  const size = popover.getBoundingClientRect();
  const below = innerHeight - at.bottom - 12;
  const top = size.height <= below || below > at.top ? at.bottom + 6 : at.top - size.height - 6;
  const start = Math.min(Math.max(8, at.left), innerWidth - size.width - 8);
  popover.style.top = `${Math.max(8, Math.min(top, innerHeight - size.height - 8))}px`;
  popover.style.left = `${Math.max(8, start)}px`;
}

/**
 * Open a popover beside an anchor; Esc, a click elsewhere or another popover closes it.
 *
 * @param {Element} anchor  @param {Node|Node[]} content
 * @param {{label: string, role?: string, className?: string, closed?: Function}} options
 * @returns {{element: Element, close: Function, replace: Function}}
 */
export function openPopover(anchor, content, { label, role = "dialog", className = "", closed } = {}) {
  closePopover({ refocus: false });
  const element = h("div", { class: `popover ${className}`, role, "aria-label": label }, content);
  (anchor.closest("dialog") ?? document.body).append(element);
  const update = () => place(element, anchor);
  if (className === "select-popover") element.style.minWidth = `${Math.min(anchor.offsetWidth, innerWidth - 16)}px`;
  const outside = (event) => {
    if (!element.contains(event.target) && !anchor.contains(event.target)) closePopover({ refocus: false });
  };
  const keys = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    closePopover();
  };
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", keys, true);
  addEventListener("resize", update);
  document.addEventListener("scroll", update, true);
  anchor.setAttribute("aria-expanded", "true");
  const self = {
    anchor,
    element,
    dispose(refocus) {
      document.removeEventListener("pointerdown", outside, true);
      document.removeEventListener("keydown", keys, true);
      removeEventListener("resize", update);
      document.removeEventListener("scroll", update, true);
      anchor.setAttribute("aria-expanded", "false");
      element.remove();
      if (refocus && anchor.isConnected) anchor.focus({ preventScroll: true });
      closed?.();
    },
  };
  current = self;
  update();
  return {
    element,
    close: (options) => current === self && closePopover(options),
    replace: (...nodes) => {
      fill(element, nodes);
      update();
    },
    update,
  };
}

/** Move the focus among siblings with the arrow keys, Home and End. */
export function arrowKeys(container, selector) {
  container.addEventListener("keydown", (event) => {
    const items = [...container.querySelectorAll(selector)];
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (next === undefined || !items.length) return;
    event.preventDefault();
    items[(next + items.length) % items.length].focus();
  });
}

/**
 * Open a menu; `items` are `{label, icon?, hint?, danger?, href?, select?}`, a string (a heading) or null (a line).
 */
export function openMenu(anchor, items, { label }) {
  const menu = items.map((item) => {
    if (item === null) return h("hr", { role: "separator" });
    if (typeof item === "string") return h("div", { class: "menu-heading", role: "presentation" }, item);
    const choose = () => {
      closePopover();
      item.select?.();
    };
    const content = [item.icon ? icon(item.icon) : null, h("span", {}, item.label, item.hint ? h("small", {}, item.hint) : null)];
    const props = { role: "menuitem", tabindex: "-1", class: item.danger ? "menu-item danger" : "menu-item", on: { click: choose } };
    if (item.href) return h("a", { ...props, href: item.href, target: "_blank", rel: "noopener noreferrer" }, content);
    return h("button", { ...props, type: "button" }, content);
  });
  const popover = openPopover(anchor, menu, { label, role: "menu", className: "menu" });
  arrowKeys(popover.element, "[role=menuitem]");
  popover.element.querySelector("[role=menuitem]")?.focus();
  return popover;
}

/**
 * Give the focus back to where it was before a dialog.
 *
 * The browser does so, too, when a dialog closes, but Chromium may leave the caret in the dialog that goes away: then keys reach the field and
 * write nothing. Leaving the field and coming back brings the caret along.
 */
export function giveFocusBack(node) {
  if (!node?.isConnected) return;
  node.blur();
  node.focus({ preventScroll: true });
}

/** Show a dialog of ours; resolve when it closes. `build(close)` returns its content. */
export function openDialog(build, { label, className = "" }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const element = h("dialog", { class: `dialog ${className}`, "aria-label": label });
    let answer = null;
    const close = (value) => {
      answer = value;
      element.close();
    };
    append(element, build(close));
    element.addEventListener("close", () => {
      element.remove();
      giveFocusBack(before);
      resolve(answer);
    });
    element.addEventListener("pointerdown", (event) => event.target === element && close(null));
    document.body.append(element);
    element.showModal();
  });
}

/**
 * Ask what a confirm object asks (https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object).
 *
 * @param {object} confirm - title, text, confirm, deny as nodes or strings; style "primary" or "danger"
 * @returns {Promise<boolean>} whether the person went on
 */
export async function askToConfirm({ title, text, confirm, deny, style, label }) {
  const yes = await openDialog(
    (close) => [
      h("h2", {}, title),
      h("div", { class: "dialog-body text" }, text),
      h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button", on: { click: () => close(false) } }, deny),
        h("button", { type: "button", autofocus: true, class: `button ${style === "danger" ? "danger" : "primary"}`, on: { click: () => close(true) } }, confirm)),
    ],
    { label, className: "confirm" },
  );
  return yes === true;
}

/** Show a picture as large as the window allows. */
export function openPicture(url, alt) {
  return openDialog(
    (close) => [
      h("button", { type: "button", class: "icon-button dialog-close", "aria-label": "Close picture", on: { click: () => close(null) } }, icon("close")),
      h("img", { src: url, alt }),
      h("p", { class: "caption" }, alt, " · ", h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, "open alone")),
    ],
    { label: alt || "Picture", className: "picture" },
  );
}

/** Show a short note that also a screen reader says; it goes away by itself. */
export function note(text, { error = false } = {}) {
  const shelf = document.getElementById("notes");
  const element = h("div", { class: error ? "note error" : "note" }, icon(error ? "warning" : "check"), h("span", {}, text));
  const host = document.querySelector("dialog[open]:last-of-type");
  if (host && !host.contains(shelf)) host.append(shelf);
  else if (!host && shelf.parentElement !== document.body) document.body.append(shelf);
  shelf.append(element);
  setTimeout(() => element.remove(), error ? 8000 : 2500);
}

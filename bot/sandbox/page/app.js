/**
 * Start the page: load the workspace, make its panes, and redraw what changes.
 */

import { fill, h } from "./dom.js";
import { Inspector } from "./inspector.js";
import { MainPane } from "./main.js";
import { ModalStack } from "./modal.js";
import { closePopover, note } from "./overlay.js";
import { Sidebar } from "./sidebar.js";
import { Workspace } from "./state.js";
import { openSwitcher } from "./switcher.js";
import { ThreadPane } from "./thread.js";

const root = document.getElementById("app");
const workspace = new Workspace();

function setDrawer(open) {
  root.classList.toggle("drawer-open", open);
  const button = document.getElementById("drawer-button");
  button.setAttribute("aria-expanded", String(open));
  if (open) sidebar.element.querySelector("[aria-pressed=true]")?.focus();
}

const sidebar = new Sidebar(workspace, { leave: () => setDrawer(false) });
const inspector = new Inspector(workspace, { reveal });
const main = new MainPane(workspace, { menu: () => setDrawer(!root.classList.contains("drawer-open")), inspect: () => inspector.toggle(), reveal });
const thread = new ThreadPane(workspace);
const modals = new ModalStack(workspace);
const shade = h("div", { class: "shade", on: { click: () => setDrawer(false) } });

function draw() {
  sidebar.draw();
  main.draw();
  thread.draw();
  modals.draw();
  root.classList.toggle("has-thread", !thread.element.hidden);
}

/** Open links to messages of this workspace here instead of in a new tab. */
function followPermalink(event) {
  const address = event.target.closest?.("a[href]")?.href;
  const match = address && /\/archives\/([CDG][A-Z0-9]+)\/p(\d+)(\d{6})(?:\?|$)/.exec(address);
  if (!match || !workspace.channels.has(match[1])) return;
  event.preventDefault();
  reveal(match[1], `${match[2]}.${match[3]}`);
}

/** The message an address of the form /archives/<channel>/p<ts> names, as Slack's permalinks do. */
function fromPermalink() {
  const match = /^\/archives\/([CDG][A-Z0-9]+)\/p(\d+)(\d{6})$/.exec(location.pathname);
  if (location.pathname !== "/") history.replaceState(null, "", `/${location.hash}`);
  return match ? { channel: match[1], ts: `${match[2]}.${match[3]}` } : null;
}

function reveal(channelId, ts) {
  workspace.go({ channel: channelId, app: null });
  const message = workspace.channel.messages.find((one) => one.ts === ts);
  if (message?.thread_ts && message.thread_ts !== ts) {
    workspace.go({ thread: message.thread_ts });
    thread.list.reveal(ts);
  } else if (!main.list.reveal(ts)) note("That message is not here any more", { error: true });
}

function keys(event) {
  if (event.altKey && !event.ctrlKey && !event.metaKey && /^Digit[1-9]$/.test(event.code)) {
    event.preventDefault();
    sidebar.become(Number(event.code.slice(5)) - 1);
  } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openSwitcher(workspace);
  } else if (event.key === "Escape" && root.classList.contains("drawer-open")) {
    setDrawer(false);
    document.getElementById("drawer-button").focus();
  } else if (event.key === "Escape" && document.activeElement?.matches?.("article.message")) {
    main.composer.field.focus();
  }
}

async function start() {
  const wanted = fromPermalink();
  const named = new URLSearchParams(location.hash.slice(1)).get("ts");
  root.replaceChildren(sidebar.element, shade, h("div", { class: "middle" }, main.element, inspector.element), thread.element);
  for (const event of ["loaded", "channels", "place", "link", "views"]) workspace.addEventListener(event, () => workspace.viewer && draw());
  workspace.addEventListener("place", () => closePopover({ refocus: false }));
  workspace.addEventListener("read", () => sidebar.draw());
  workspace.addEventListener("home", () => workspace.place.tab === "home" && main.draw());
  workspace.addEventListener("trouble", (event) => note(event.detail.error.message, { error: true }));
  workspace.addEventListener("suggest", ({ detail }) => main.composer.suggest(detail.line));
  workspace.addEventListener("inspect", ({ detail }) => inspector.open(detail));
  document.addEventListener("keydown", keys);
  document.addEventListener("click", followPermalink);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) workspace.rest();
    else {
      workspace.wake();
      draw();
    }
  });
  addEventListener("unhandledrejection", (event) => note(event.reason?.message ?? "Something went wrong on this page", { error: true }));
  try {
    await workspace.start();
  } catch (error) {
    fill(root, h("div", { class: "fatal", role: "alert" }, h("h1", {}, "The workspace does not answer"), h("p", {}, error.message),
      h("button", { type: "button", class: "button primary", on: { click: () => location.reload() } }, "Try again")));
    return;
  }
  root.removeAttribute("aria-busy");
  if (wanted && workspace.channels.has(wanted.channel)) reveal(wanted.channel, wanted.ts);
  else if (named && workspace.channel) reveal(workspace.channel.id, named);
  else if (matchMedia("(hover: hover)").matches) main.composer.field.focus();
}

start();

/**
 * The quick switcher: Ctrl+K, a few letters, Enter, and one is in another channel, with another person or app.
 */

import { fill, h, icon } from "./dom.js";
import { giveFocusBack, openDialog } from "./overlay.js";
import { avatar, standing } from "./people.js";
import { isDirect } from "./state.js";

const SHOWN = 12;

/** Where one can go: channels and apps, then people. */
function destinations(workspace) {
  const channels = [...workspace.channels.values()].filter((channel) => !isDirect(channel)).map((channel) => ({
    name: channel.name, words: channel.topic ?? "", sign: icon(channel.is_private ? "lock" : "hash"), detail: channel.topic, go: { channel: channel.id, app: null },
  }));
  const apps = workspace.apps.map((app) => ({
    name: app.name, words: app.description ?? "", sign: avatar({ ...workspace.user(app.bot_user_id), real_name: app.name, is_bot: true }, "small"), detail: "app", go: { channel: workspace.directWith(app.bot_user_id)?.id ?? null, app: app.id },
  }));
  const people = workspace.people().filter((person) => person.id !== workspace.viewer).map((person) => ({
    name: person.real_name || person.name, words: person.name, sign: avatar(person, "small"), detail: standing(person, workspace.team), go: { person: person.id },
  }));
  return [...channels, ...apps, ...people];
}

function matching(all, text) {
  const wanted = text.trim().toLowerCase().replace(/^[#@]/, "");
  const rank = ({ name, words }) => (name.toLowerCase().startsWith(wanted) ? 0 : name.toLowerCase().includes(wanted) ? 1 : words.toLowerCase().includes(wanted) ? 2 : 3);
  return all.map((one) => [rank(one), one]).filter(([at]) => at < 3).sort(([a], [b]) => a - b).map(([, one]) => one).slice(0, SHOWN);
}

/** Open the switcher; goes where the person chooses. */
export async function openSwitcher(workspace, { only = () => true, label = "Go to" } = {}) {
  if (document.querySelector("dialog[open]")) return;
  const all = destinations(workspace).filter(only);
  let found = [];
  let active = 0;
  const list = h("div", { class: "choices", role: "listbox", id: "switcher-list", "aria-label": label });
  const search = h("input", {
    type: "text", class: "choices-search", role: "combobox", autofocus: true, autocomplete: "off", spellcheck: "false", placeholder: "Channel, person or app",
    "aria-label": label, "aria-controls": "switcher-list", "aria-expanded": "true", "aria-autocomplete": "list",
  });
  const mark = (at) => {
    active = Math.max(0, Math.min(at, found.length - 1));
    [...list.children].forEach((node, index) => {
      node.classList.toggle("active", index === active);
      node.setAttribute("aria-selected", String(index === active));
    });
    list.children[active]?.scrollIntoView({ block: "nearest" });
    if (found.length) search.setAttribute("aria-activedescendant", `switcher-${active}`);
    else search.removeAttribute("aria-activedescendant");
  };
  const chosen = await openDialog((close) => {
    const show = () => {
      found = matching(all, search.value);
      fill(list, found.map((one, index) => h("div", { role: "option", id: `switcher-${index}`, class: "choice", on: { click: () => close(one) } },
        one.sign, h("span", { class: "choice-text" }, one.name, one.detail ? h("small", {}, one.detail) : null))));
      if (!found.length) fill(list, h("p", { class: "choices-status" }, "Nothing is called that."));
      mark(0);
    };
    search.addEventListener("input", show);
    search.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) mark(active + step);
      else if (event.key === "Enter" && found[active]) close(found[active]);
      else return;
      event.preventDefault();
    });
    show();
    return [h("div", { class: "choices-head" }, icon("search"), search), list];
  }, { label, className: "switcher" });
  if (!chosen) return;
  workspace.go(chosen.go);
  giveFocusBack(document.querySelector(".main .composer-field"));
}

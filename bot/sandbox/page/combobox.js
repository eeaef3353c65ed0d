/**
 * One select for all of Slack's: static, external, users, channels, conversations; single and multi.
 *
 * A button shows the choice; it opens a search field with a listbox (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/).
 */

import { fill, h, icon } from "./dom.js";
import { openPopover } from "./overlay.js";

let serial = 0;

/** @typedef {{value: string, text: string, description?: string, avatar?: Node, group?: string}} Choice */

/**
 * Make the control.
 *
 * @param {object} options
 * @param {string} options.label - accessible name
 * @param {string} options.placeholder
 * @param {boolean} [options.multi]
 * @param {number} [options.max] - most that may be chosen
 * @param {Choice[]} options.chosen - chosen at first
 * @param {(query: string) => Promise<Choice[]>} options.load - choices for a query; rejects with an Error whose text is shown
 * @param {number} [options.minimum] - characters needed before `load` is asked
 * @param {(chosen: Choice[], revert: () => Choice[]) => void} options.change - `revert()` shows and returns what was chosen before
 * @param {string} options.focusName
 */
export function combobox(options) {
  let chosen = [...options.chosen];
  const id = `combobox-${++serial}`;
  const value = h("span", { class: "select-value" });
  const button = h("button", {
    type: "button", class: "select", "aria-haspopup": "listbox", "aria-expanded": "false",
    data: { focus: options.focusName }, on: { click: () => open() },
  }, value, icon("down"));
  const show = () => {
    const texts = chosen.map((choice) => choice.text);
    fill(value, texts.length ? (options.multi ? texts.map((text) => h("span", { class: "token" }, text)) : texts[0]) : h("span", { class: "placeholder" }, options.placeholder));
    button.setAttribute("aria-label", texts.length ? `${options.label}: ${texts.join(", ")}` : options.label);
  };
  const choose = (choice, popover) => {
    const before = chosen;
    const has = chosen.some((other) => other.value === choice.value);
    if (!options.multi) chosen = [choice];
    else if (has) chosen = chosen.filter((other) => other.value !== choice.value);
    else if (options.max && chosen.length >= options.max) return;
    else chosen = [...chosen, choice];
    show();
    if (!options.multi) popover.close();
    options.change([...chosen], () => {
      chosen = before;
      show();
      return chosen;
    });
  };

  function open() {
    const list = h("div", { class: "choices", role: "listbox", id: `${id}-list`, "aria-label": options.label, "aria-multiselectable": options.multi ? "true" : null });
    const status = h("div", { class: "choices-status", role: "status" });
    const search = h("input", {
      type: "text", role: "combobox", class: "choices-search", autocomplete: "off", spellcheck: "false", placeholder: "Type to search",
      "aria-label": `Search: ${options.label}`, "aria-controls": `${id}-list`, "aria-expanded": "true", "aria-autocomplete": "list",
    });
    const popover = openPopover(button, [h("div", { class: "choices-head" }, icon("search"), search), list, status], {
      label: options.label, className: "select-popover",
      closed: () => options.multi && options.closed?.([...chosen]),
    });
    search.focus();
    browse({ popover, search, list, status, options, id, isChosen: (choice) => chosen.some((other) => other.value === choice.value), choose });
  }

  show();
  return button;
}

/** Let the person search and choose in an open popover. */
function browse({ popover, search, list, status, options, id, isChosen, choose }) {
  let choices = [];
  let active = 0;
  let asked = 0;
  let timer = 0;
  // Enter typed before the answer to the last letter is there takes the first of what that answer brings.
  let pending = false;
  let eager = false;

  const mark = (index) => {
    active = Math.max(0, Math.min(index, choices.length - 1));
    const nodes = list.querySelectorAll("[role=option]");
    nodes.forEach((node, at) => node.classList.toggle("active", at === active));
    if (nodes[active]) search.setAttribute("aria-activedescendant", nodes[active].id);
    else search.removeAttribute("aria-activedescendant");
    nodes[active]?.scrollIntoView({ block: "nearest" });
  };

  const pick = (choice) => {
    choose(choice, popover);
    if (options.multi) render();
  };

  const render = () => {
    let group = null;
    const nodes = [];
    choices.forEach((choice, index) => {
      if (choice.group && choice.group !== group) nodes.push(h("div", { class: "menu-heading", role: "presentation" }, (group = choice.group)));
      nodes.push(h("div", {
        role: "option", id: `${id}-${index}`, class: "choice", "aria-selected": String(isChosen(choice)),
        // A list that appears under a resting pointer must not be chosen by it.
        on: { click: () => pick(choice), pointermove: (event) => (event.movementX || event.movementY) && mark(index) },
      }, choice.avatar ?? null, h("span", { class: "choice-text" }, choice.text, choice.description ? h("small", {}, choice.description) : null),
      isChosen(choice) ? icon("check") : null));
    });
    fill(list, nodes);
    mark(active);
    popover.update();
  };

  const ask = async () => {
    const query = search.value;
    const turn = ++asked;
    const missing = (options.minimum ?? 0) - query.trim().length;
    if (missing > 0) {
      pending = false;
      choices = [];
      render();
      status.textContent = `Type ${missing} more ${missing === 1 ? "character" : "characters"} to search.`;
      return;
    }
    if (options.remote) status.textContent = "Searching…";
    try {
      const found = await options.load(query);
      if (turn !== asked) return;
      choices = found;
      status.textContent = found.length ? "" : "Nothing matches.";
    } catch (error) {
      if (turn !== asked) return;
      choices = [];
      status.textContent = error.message;
    }
    active = query ? 0 : Math.max(0, choices.findIndex(isChosen));
    pending = false;
    render();
    if (eager && choices[0] && list.isConnected) pick(choices[0]);
    eager = false;
  };

  search.addEventListener("input", () => {
    clearTimeout(timer);
    pending = true;
    eager = false;
    if (options.remote) timer = setTimeout(ask, 180);
    else ask();
  });
  search.addEventListener("keydown", (event) => {
    const step = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + 8, PageUp: active - 8 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      mark(step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (pending) eager = true;
      else if (choices[active]) pick(choices[active]);
    } else if (event.key === "Tab") popover.close();
  });
  ask();
}

/** Return a `load` for choices that are all known: those whose text, value or description holds the query. */
export function among(choices) {
  return async (query) => {
    const wanted = query.trim().toLowerCase();
    return choices().filter((choice) => !wanted || `${choice.text} ${choice.value} ${choice.description ?? ""}`.toLowerCase().includes(wanted));
  };
}

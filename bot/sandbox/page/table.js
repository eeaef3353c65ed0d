/**
 * Render tables: `table` as it stands, `data_table` with sorting, filtering and pages.
 *
 * Reference: https://docs.slack.dev/reference/block-kit/blocks/table-block and …/data-table-block.
 */

import { fill, h, icon } from "./dom.js";
import { renderElement } from "./elements.js";
import { renderPlain } from "./mrkdwn.js";
import { renderRichText } from "./richtext.js";

const PAGE = 25;

/** What a cell says, for sorting and filtering: a number where it holds one. */
function held(value) {
  if (value?.type === "raw_number") return Number(value.value ?? value.text);
  if (value?.type === "action") return held(value.fallback ?? value.element?.text);
  if (value?.type === "rich_text") return JSON.stringify(value.elements).replace(/.*?"text":"([^"]*)"|.+/g, "$1");
  return typeof value === "string" ? value : value?.text ?? "";
}

function cell(value, context) {
  if (value === null || value === undefined) return "";
  if (value.type === "rich_text") return renderRichText(value, context.workspace);
  if (value.type === "raw_number") return String(value.text || value.value);
  if (value.type === "action") return renderElement(value.element, context);
  return renderPlain(typeof value === "string" ? value : value.text ?? "");
}

const scrolling = (table) => h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Table" }, table);

/** Return a table that scrolls sideways by itself where the window is narrow; its first row is its head. */
export function renderTable(block, context) {
  const settings = block.column_settings ?? [];
  const props = (index) => ({
    class: [`align-${settings[index]?.align ?? "left"}`, settings[index]?.is_wrapped ? "wrapped" : "unwrapped"].join(" "),
  });
  const [head, ...rows] = block.rows ?? [];
  const row = (tag, values, extra) => h("tr", {}, (values ?? []).map((value, index) => h(tag, { ...props(index), ...extra }, cell(value, context))));
  return scrolling(h("table", {}, h("thead", {}, row("th", head, { scope: "col" })), h("tbody", {}, rows.map((values) => row("td", values, {})))));
}

const isNumber = (column, rows) => rows.length > 0 && rows.every((row) => typeof held(row[column]) === "number");

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

/** What of the rows is shown, in which order. */
class Browsing {
  constructor(rows, size) {
    Object.assign(this, { rows, size, column: -1, down: false, page: 0, wanted: "" });
  }

  get found() {
    const wanted = this.wanted.toLowerCase();
    const found = this.rows.filter((row) => !wanted || row.some((value) => String(held(value)).toLowerCase().includes(wanted)));
    if (this.column >= 0) found.sort((a, b) => compare(held(a[this.column]), held(b[this.column])) * (this.down ? -1 : 1));
    return found;
  }

  sort(column) {
    this.down = this.column === column && !this.down;
    this.column = column;
    this.page = 0;
  }
}

/** Return a `data_table`: its heads sort, a field filters, and pages turn where there is more than one. */
export function renderDataTable(block, context) {
  const [head = [], ...rows] = block.rows ?? [];
  const browsing = new Browsing(rows, block.page_size ?? PAGE);
  const numeric = head.map((_, column) => isNumber(column, rows));
  const body = h("tbody", {});
  const status = h("span", { class: "table-count", role: "status" });
  const turn = (step) => h("button", { type: "button", class: "button quiet", on: { click: () => { browsing.page += step; draw(); } } }, step < 0 ? "Previous" : "Next");
  const [back, on] = [turn(-1), turn(1)];
  const heads = head.map((value, column) => h("th", { scope: "col", "aria-sort": "none" },
    h("button", { type: "button", class: "sort", on: { click: () => { browsing.sort(column); draw(); } } }, cell(value, context), icon("down"))));
  const filter = h("input", { type: "search", class: "field table-filter", placeholder: "Filter", "aria-label": `Filter: ${block.caption}`, on: { input: () => { browsing.wanted = filter.value; browsing.page = 0; draw(); } } });

  function draw() {
    const { found } = browsing;
    const pages = Math.max(1, Math.ceil(found.length / browsing.size));
    browsing.page = Math.max(0, Math.min(browsing.page, pages - 1));
    const from = browsing.page * browsing.size;
    const shown = found.slice(from, from + browsing.size);
    fill(body, shown.map((row) => h("tr", {}, row.map((value, column) => h(column === block.row_header_column_index ? "th" : "td",
      { class: numeric[column] ? "align-right" : null, scope: column === block.row_header_column_index ? "row" : null }, cell(value, context))))));
    heads.forEach((node, column) => node.setAttribute("aria-sort", column !== browsing.column ? "none" : browsing.down ? "descending" : "ascending"));
    status.textContent = found.length ? `${from + 1}–${from + shown.length} of ${found.length}` : "No row matches.";
    back.hidden = on.hidden = pages < 2;
    back.disabled = browsing.page === 0;
    on.disabled = browsing.page === pages - 1;
  }

  draw();
  return h("div", { class: "data-table" }, h("div", { class: "table-head" }, h("b", {}, block.caption), filter),
    scrolling(h("table", { "aria-label": block.caption }, h("thead", {}, h("tr", {}, heads)), body)), h("div", { class: "table-foot" }, status, back, on));
}

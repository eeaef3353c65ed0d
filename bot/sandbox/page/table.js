/**
 * Render table blocks (https://docs.slack.dev/reference/block-kit/blocks/table-block).
 */

import { h } from "./dom.js";
import { renderPlain } from "./mrkdwn.js";
import { renderRichText } from "./richtext.js";

function cell(value, context) {
  if (value === null || value === undefined) return "";
  if (value.type === "rich_text") return renderRichText(value, context.workspace);
  if (value.type === "raw_number") return String(value.text ?? value.value ?? "");
  return renderPlain(typeof value === "string" ? value : value.text ?? "");
}

/** Return a table that scrolls sideways by itself where the window is narrow; its first row is its head. */
export function renderTable(block, context) {
  const settings = block.column_settings ?? [];
  const props = (index) => ({
    class: [`align-${settings[index]?.align ?? "left"}`, settings[index]?.is_wrapped ? "wrapped" : "unwrapped"].join(" "),
  });
  const [head, ...rows] = block.rows ?? [];
  const row = (tag, values, extra) => h("tr", {}, (values ?? []).map((value, index) => h(tag, { ...props(index), ...extra }, cell(value, context))));
  const table = h("table", {}, block.caption ? h("caption", {}, block.caption) : null, h("thead", {}, row("th", head, { scope: "col" })), h("tbody", {}, rows.map((values) => row("td", values, {}))));
  return h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Table" }, table);
}

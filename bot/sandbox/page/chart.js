/**
 * Draw data_visualization blocks as SVG: bars, lines, areas and a pie; the figures stand below in a table that opens.
 *
 * Reference: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block. At most six series and twenty categories, so that a
 * plotting library would be a hundred times this module.
 */

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 560;
const HEIGHT = 230;
const EDGE = { left: 52, right: 10, top: 10, bottom: 34 };

function s(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children.flat());
  return node;
}

const figure = new Intl.NumberFormat([], { notation: "compact", maximumFractionDigits: 2 });

/** Four or five round steps from the least to the most. */
function ticks(least, most) {
  const rough = (most - least || 1) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * unit).find((one) => one >= rough);
  const first = Math.floor(least / step) * step;
  return Array.from({ length: Math.ceil((most - first) / step) + 1 }, (_, index) => first + index * step);
}

/** Where categories and values lie in the picture. */
function scales({ series, axis_config: { categories } }) {
  const values = series.flatMap((one) => one.data.map((point) => point.value));
  const marks = ticks(Math.min(0, ...values), Math.max(0, ...values));
  const [low, high] = [marks[0], marks.at(-1)];
  const inner = { width: WIDTH - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const band = inner.width / categories.length;
  return { marks, band, x: (index) => EDGE.left + band * (index + 0.5), y: (value) => EDGE.top + inner.height * (1 - (value - low) / (high - low || 1)) };
}

function axes(chart, { marks, x, y }) {
  const { categories } = chart.axis_config;
  const every = Math.ceil(categories.length / 10);
  return [
    ...marks.map((mark) => s("g", { class: "chart-axis" }, s("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(mark), y2: y(mark) }), s("text", { x: EDGE.left - 8, y: y(mark) + 4, "text-anchor": "end" }, figure.format(mark)))),
    ...categories.flatMap((name, index) => (index % every ? [] : [s("text", { class: "chart-label", x: x(index), y: HEIGHT - 14, "text-anchor": "middle" }, name)])),
  ];
}

const inOrder = ({ data }, categories) => categories.map((name) => data.find((point) => point.label === name)?.value ?? 0);

function bars(values, place, { x, y, band }, count) {
  const width = Math.min(34, (band * 0.76) / count);
  return values.map((value, index) => s("rect", {
    class: `chart-${place} chart-bar`, x: x(index) + (place - count / 2) * width, width: Math.max(1, width - 1.5), y: Math.min(y(value), y(0)), height: Math.max(1, Math.abs(y(value) - y(0))), rx: 2,
  }));
}

function path(values, place, { x, y }, filled) {
  const points = values.map((value, index) => `${x(index)},${y(value)}`);
  const line = s("polyline", { class: `chart-${place} chart-line`, points: points.join(" ") });
  const dots = values.map((value, index) => s("circle", { class: `chart-${place} chart-dot`, cx: x(index), cy: y(value), r: 3 }));
  const area = filled ? [s("polygon", { class: `chart-${place} chart-area`, points: [`${x(0)},${y(0)}`, ...points, `${x(values.length - 1)},${y(0)}`].join(" ") })] : [];
  return [...area, line, ...dots];
}

function plot(chart) {
  const scale = scales(chart);
  const { categories } = chart.axis_config;
  const drawn = chart.series.flatMap((one, place) => {
    const values = inOrder(one, categories);
    return chart.type === "bar" ? bars(values, place, scale, chart.series.length) : path(values, place, scale, chart.type === "area");
  });
  return [...axes(chart, scale), ...drawn];
}

function pie({ segments }) {
  const total = segments.reduce((sum, one) => sum + one.value, 0) || 1;
  const [cx, cy, r] = [HEIGHT / 2, HEIGHT / 2, HEIGHT / 2 - 8];
  let from = -Math.PI / 2;
  return segments.map((one, place) => {
    if (segments.length === 1) return s("circle", { class: "chart-0 chart-slice", cx, cy, r });
    const to = from + (one.value / total) * 2 * Math.PI;
    const at = (angle) => `${cx + r * Math.cos(angle)} ${cy + r * Math.sin(angle)}`;
    const d = `M${cx} ${cy} L${at(from)} A${r} ${r} 0 ${to - from > Math.PI ? 1 : 0} 1 ${at(to)} Z`;
    from = to;
    return s("path", { class: `chart-${place} chart-slice`, d });
  });
}

/** Head and rows of the figures. */
function figures(chart) {
  if (chart.type === "pie") return [["", "value"], chart.segments.map((one) => [one.label, one.value])];
  const { categories } = chart.axis_config;
  return [["", ...chart.series.map((one) => one.name)], categories.map((name, index) => [name, ...chart.series.map((one) => inOrder(one, categories)[index])])];
}

/** Return the chart of a `data_visualization` block. */
export function renderChart({ title, chart }) {
  const [head, rows] = figures(chart);
  const round = chart.type === "pie";
  const names = round ? chart.segments.map((one) => `${one.label} ${figure.format(one.value)}`) : chart.series.map((one) => one.name);
  const picture = s("svg", { viewBox: `0 0 ${round ? HEIGHT : WIDTH} ${HEIGHT}`, class: round ? "chart-picture round" : "chart-picture", role: "img", "aria-label": `${title}: ${chart.type} chart of ${names.join(", ")}` }, round ? pie(chart) : plot(chart));
  const { x_label: across, y_label: up } = chart.axis_config ?? {};
  return h("figure", { class: "chart" }, h("figcaption", {}, h("b", {}, title), across || up ? h("small", {}, [up, across].filter(Boolean).join(" by ")) : null),
    picture, h("div", { class: "chart-names" }, names.map((name, place) => h("span", {}, h("i", { class: `chart-${place}` }), name))),
    h("details", { class: "chart-figures" }, h("summary", {}, "Figures"), h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": `Figures of ${title}` },
      h("table", {}, h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows.map(([name, ...values]) => h("tr", {}, h("th", { scope: "row" }, name), values.map((value) => h("td", { class: "align-right" }, String(value))))))))));
}

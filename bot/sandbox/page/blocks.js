/**
 * Render Block Kit blocks (https://docs.slack.dev/reference/block-kit/blocks).
 */

import { renderChart } from "./chart.js";
import { h, icon } from "./dom.js";
import { renderElement } from "./elements.js";
import { renderMarkdown } from "./markdown.js";
import { plainOf, renderLink, renderMrkdwn, renderPlain, renderText } from "./mrkdwn.js";
import { openPicture } from "./overlay.js";
import { renderPlan, renderTask } from "./plan.js";
import { reconcile } from "./reconcile.js";
import { renderRichText } from "./richtext.js";
import { renderDataTable, renderTable } from "./table.js";

const text = (object, context) => h("div", { class: "text" }, renderText(object, context.workspace));
const inside = (block, context) => ({ ...context, blockId: block.block_id });

function section(block, context) {
  const accessory = block.accessory && renderElement(block.accessory, inside(block, context));
  const fields = block.fields?.length ? h("div", { class: "fields" }, block.fields.map((field) => text(field, context))) : null;
  const wide = ["checkboxes", "radio_buttons"].includes(block.accessory?.type) ? " stacked" : "";
  return h("div", { class: `section${wide}` }, h("div", { class: "section-main" }, block.text ? text(block.text, context) : null, fields),
    accessory ? h("div", { class: "accessory" }, accessory) : null);
}

function header(block, context) {
  return h("div", { class: "header-block", role: "heading", "aria-level": "3" }, renderText(block.text, context.workspace));
}

function contextBlock(block, context) {
  return h("div", { class: "context-block" }, (block.elements ?? []).map((element) =>
    element.type === "image" ? h("img", { src: element.image_url, alt: element.alt_text ?? "", loading: "lazy" }) : text(element, context)));
}

function actions(block, context) {
  return h("div", { class: "actions-block" }, (block.elements ?? []).map((element) => renderElement(element, inside(block, context))));
}

/** Return a picture that opens large on click. */
export function picture(url, alt, title, context) {
  const image = h("img", { src: url, alt: alt ?? "", loading: "lazy" });
  image.addEventListener("error", () => image.replaceWith(h("span", { class: "unknown" }, `Picture not loaded: ${alt || url}`)), { once: true });
  const open = h("button", { type: "button", class: "picture-button", "aria-label": `Open picture: ${alt || "without description"}`, on: { click: () => openPicture(url, alt ?? "") } }, image);
  return h("figure", { class: "image-block" }, title ? h("figcaption", {}, renderText(title, context.workspace)) : null, open);
}

function imageBlock(block, context) {
  const file = block.slack_file ? context.workspace.file(block.slack_file) : null;
  const url = block.image_url ?? file?.url_private ?? block.slack_file?.url;
  return picture(url, block.alt_text, block.title, context);
}

function input(block, context) {
  const { workspace, surface } = context;
  const error = surface.errors?.[block.block_id];
  const hintId = `hint-${surface.id}-${block.block_id}`.replace(/\W/g, "-");
  const label = plainOf(block.label, workspace);
  const control = renderElement(block.element ?? {}, {
    ...context, blockId: block.block_id, input: true, dispatch: block.dispatch_action === true,
    label: `${label}${block.optional ? " (optional)" : ""}`, describedBy: error || block.hint ? hintId : null,
  });
  return h("div", { class: error ? "input-block has-error" : "input-block", data: { block: block.block_id } },
    h("div", { class: "input-label" }, renderText(block.label, workspace), block.optional ? h("span", { class: "optional" }, " (optional)") : null),
    control,
    error || block.hint ? h("div", { id: hintId, class: error ? "input-error" : "input-hint", role: error ? "alert" : null },
      error ? [icon("warning"), error] : renderText(block.hint, workspace)) : null);
}

const LEVELS = { info: "info", warning: "warning", error: "warning", success: "check", default: "info" };

function alert(block, context) {
  const level = LEVELS[block.level] ? block.level : "default";
  return h("div", { class: `alert-block ${level}`, role: level === "error" ? "alert" : "note" }, icon(LEVELS[level]),
    h("span", { class: "visually-hidden" }, level === "default" ? "Note: " : `${level}: `), text(block.text, context));
}

function card(block, context) {
  const img = (element, name) => element && h("img", { class: name, src: element.image_url, alt: element.alt_text ?? "", loading: "lazy" });
  return h("div", { class: "card-block" }, img(block.hero_image, "card-hero"),
    h("div", { class: "card-head" }, img(block.icon, "card-icon"), block.slack_icon ? icon("bolt") : null,
      h("div", {}, block.title ? h("div", { class: "card-title text" }, renderText(block.title, context.workspace)) : null,
        block.subtitle ? h("div", { class: "card-subtitle text" }, renderText(block.subtitle, context.workspace)) : null)),
    block.body ? text(block.body, context) : null,
    block.actions?.length ? actions({ ...block, elements: block.actions }, context) : null);
}

function container(block, context) {
  const title = block.title ? renderText(block.title, context.workspace) : block.rich_text_title ? renderRichText(block.rich_text_title, context.workspace) : "";
  const sign = block.icon && h("img", { class: "card-icon", src: block.icon.image_url, alt: block.icon.alt_text ?? "" });
  const head = [sign, h("div", {}, h("b", {}, title), block.subtitle ? h("small", {}, renderText(block.subtitle, context.workspace)) : null)];
  const body = h("div", { class: "blocks" }, (block.child_blocks ?? []).map((child) => renderBlock(child, context)));
  const props = { class: `container-block ${block.width ?? "standard"}${block.has_header_divider ? " divided" : ""}` };
  if (block.is_collapsible) return h("details", { ...props, open: !block.default_collapsed }, h("summary", { class: "container-head" }, icon("right"), head), body);
  return h("section", props, h("div", { class: "container-head" }, head), body);
}

function video(block, context) {
  const by = [block.author_name, block.provider_name].filter(Boolean).join(" · ");
  const title = plainOf(block.title, context.workspace) || "Video";
  return h("div", { class: "card-block video" }, by ? h("small", {}, by) : null, h("b", {}, renderLink(block.title_url ?? block.video_url ?? "", title)),
    block.description ? text(block.description, context) : null,
    renderLink(block.video_url ?? "", [h("img", { class: "card-hero", src: block.thumbnail_url, alt: block.alt_text ?? "" }), icon("play")], { class: "video-open", "aria-label": `Watch ${title}` }));
}

function unknown(block) {
  return h("details", { class: "unknown" }, h("summary", {}, `Block “${block.type}” is not shown here`), h("pre", { tabindex: "0" }, JSON.stringify(block, null, 2)));
}

const MAKERS = {
  section, header, actions, input, alert, card, container, video,
  context: contextBlock,
  context_actions: actions,
  image: imageBlock,
  divider: () => h("hr", { class: "divider-block" }),
  markdown: (block) => renderMarkdown(block.text),
  rich_text: (block, context) => renderRichText(block, context.workspace),
  table: (block, context) => renderTable(block, context),
  data_table: (block, context) => renderDataTable(block, inside(block, context)),
  data_visualization: (block) => renderChart(block),
  plan: (block, context) => renderPlan(block, context),
  task_card: (block, context) => renderTask(block, context),
  carousel: (block, context) => h("div", { class: "carousel-block", tabindex: "0", role: "group", "aria-label": "Cards" }, (block.elements ?? []).map((one) => card(one, context))),
  file: (block) => h("div", { class: "file" }, icon("file"), h("span", {}, h("b", {}, "Remote file"), h("small", {}, block.external_id ?? ""))),
  call: (block) => h("div", { class: "file" }, icon("phone"), h("span", {}, h("b", {}, "Call"), h("small", {}, block.call_id ?? ""))),
};

/** Return the node of one block. */
export function renderBlock(block, context) {
  const make = MAKERS[block.type] ?? unknown;
  const node = make(block, context);
  node.classList.add("block", `block-${block.type}`);
  return node;
}

/** Bring a container in line with a list of blocks; blocks that did not change stay as they are. */
export function patchBlocks(node, blocks, context, extra = () => "") {
  const seen = new Map();
  const keyed = (blocks ?? []).map((block, index) => {
    const base = block.block_id && !/^[A-Za-z0-9+/=]{4,6}$/.test(block.block_id) ? block.block_id : `${block.type}-${index}`;
    const times = seen.get(base) ?? 0;
    seen.set(base, times + 1);
    return { block, key: times ? `${base}-${times}` : base };
  });
  return reconcile(node, keyed, {
    key: (item) => item.key,
    signature: (item) => JSON.stringify(item.block) + extra(item.block),
    render: (item) => renderBlock(item.block, context),
  });
}

/** Return a legacy attachment: a bar, texts, fields and blocks (https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments). */
export function renderAttachment(attachment, context) {
  const { workspace } = context;
  const mrkdwn = (value) => value && h("div", { class: "text" }, renderMrkdwn(value, workspace));
  const color = { good: "#2e7d4f", warning: "#b7791f", danger: "#c0362c" }[attachment.color] ?? (/^#?[0-9a-f]{6}$/i.test(attachment.color ?? "") ? `#${attachment.color.replace("#", "")}` : "");
  const title = attachment.title && h("div", { class: "card-title" }, attachment.title_link ? renderLink(attachment.title_link, attachment.title) : renderPlain(attachment.title));
  const fields = attachment.fields?.length && h("div", { class: "fields" }, attachment.fields.map((field) => h("div", { class: "text" }, h("b", {}, field.title), "\n", renderMrkdwn(field.value, workspace))));
  return h("div", { class: "attachment", style: color ? { borderInlineStartColor: color } : null }, mrkdwn(attachment.pretext),
    attachment.author_name ? h("small", {}, attachment.author_name) : null, title, mrkdwn(attachment.text), fields,
    (attachment.blocks ?? []).map((block) => renderBlock(block, context)),
    attachment.image_url ? picture(attachment.image_url, attachment.fallback, null, context) : null,
    attachment.footer ? h("small", {}, renderPlain(attachment.footer)) : null);
}


/**
 * Interactive elements of Block Kit as real controls.
 *
 * Reference: https://docs.slack.dev/reference/block-kit/block-elements. Each maker takes (element, context); the context says where the
 * element stands: `{workspace, surface, blockId, label?, describedBy?, input?, dispatch?}`. `surface.act(action)` tells the
 * app, `surface.values` keeps what the person entered until the surface is gone. In an input block (`input`) a change is only
 * kept; elsewhere it is also told to the app.
 */

import { combobox } from "./combobox.js";
import { h, icon } from "./dom.js";
import { filePicker } from "./files.js";
import { renderPlain, renderText, plainOf } from "./mrkdwn.js";
import { askToConfirm, note, openMenu } from "./overlay.js";
import { choicesFor } from "./choices.js";
import { richTextField } from "./richinput.js";

const humanise = (name) => String(name ?? "").replace(/[._:/-]+/g, " ").trim() || "choice";

/** The accessible name of an element: its input's label, its own text, else its action id in words. */
export function nameOf(element, context) {
  return context.label ?? element.accessibility_label ?? (plainOf(element.placeholder, context.workspace) || humanise(element.action_id));
}

const focusName = (element, context) => `${context.blockId}/${element.action_id}`;

/**
 * Keep a value; tell the app at once where the element is no plain input.
 *
 * Resolves to false where the person was asked to confirm and did not: then the control shows what it showed before.
 */
async function settle(element, context, value) {
  const { surface, blockId } = context;
  const before = surface.values.get(blockId, element.action_id);
  surface.values.set(blockId, element.action_id, value);
  if (context.input && !context.dispatch) return surface.keep({ block_id: blockId, action_id: element.action_id, value });
  const told = await tell(element, context, value);
  if (told === null) surface.values.set(blockId, element.action_id, before);
  return told !== null;
}

/** Ask for confirmation if the element wants it, then tell the app; resolve to whether it was told, null where the person did not confirm. */
async function tell(element, context, value, control) {
  if (element.confirm && !(await confirmed(element.confirm, context))) return null;
  control?.setAttribute("aria-busy", "true");
  try {
    await context.surface.act({ block_id: context.blockId, action_id: element.action_id, value, element });
    return true;
  } catch (error) {
    note(error.message, { error: true });
    return false;
  } finally {
    control?.removeAttribute("aria-busy");
  }
}

function confirmed(confirm, { workspace }) {
  return askToConfirm({
    title: renderText(confirm.title, workspace),
    text: renderText(confirm.text, workspace),
    confirm: confirm.confirm ? renderText(confirm.confirm, workspace) : "Yes",
    deny: confirm.deny ? renderText(confirm.deny, workspace) : "Cancel",
    style: confirm.style,
    label: plainOf(confirm.title, workspace) || "Are you sure?",
  });
}

function button(element, context) {
  const style = ["primary", "danger"].includes(element.style) ? ` ${element.style}` : "";
  const props = {
    class: `button${style}`, "aria-label": element.accessibility_label, data: { focus: focusName(element, context) },
    on: { click: (event) => tell(element, context, element.value, event.currentTarget) },
  };
  const text = renderText(element.text, context.workspace);
  if (!element.url) return h("button", { ...props, type: "button" }, text);
  return h("a", { ...props, href: element.url, target: "_blank", rel: "noopener noreferrer" }, text, icon("link"));
}

const isMulti = (element) => element.type.startsWith("multi_");

function select(element, context) {
  const { load, initial, known, remote, minimum } = choicesFor(element, context);
  const kept = context.surface.values.get(context.blockId, element.action_id);
  const valueOf = (chosen) => (isMulti(element) ? chosen.map((choice) => choice.value) : chosen[0]?.value ?? null);
  const remember = (chosen) => context.surface.values.remember(context.blockId, element.action_id, chosen);
  const chosen = kept === undefined ? initial : context.surface.values.recall(context.blockId, element.action_id) ?? known(kept);
  if (context.input && kept === undefined && initial.length) settleQuietly(element, context, valueOf(initial));
  const waits = isMulti(element) && !context.input;
  let before = JSON.stringify(valueOf(chosen));
  return combobox({
    label: nameOf(element, context),
    placeholder: plainOf(element.placeholder, context.workspace) || (isMulti(element) ? "Choose any" : "Choose one"),
    multi: isMulti(element), max: element.max_selected_items, chosen, load, remote, minimum, focusName: focusName(element, context),
    async change(now, revert) {
      remember(now);
      if (waits) settleQuietly(element, context, valueOf(now));
      else if ((await settle(element, context, valueOf(now))) === false) remember(revert());
    },
    closed(now) {
      const after = JSON.stringify(valueOf(now));
      if (waits && after !== before) settle(element, context, valueOf(now));
      before = after;
    },
  });
}

function settleQuietly(element, context, value) {
  context.surface.values.set(context.blockId, element.action_id, value);
}

/** Give a form control its first value: what the person entered before, else the element's initial one. */
function firstValue(element, context, initial) {
  const kept = context.surface.values.get(context.blockId, element.action_id);
  if (kept !== undefined) return kept;
  if (context.input && initial !== undefined && initial !== null && initial !== "") settleQuietly(element, context, initial);
  return initial;
}

function overflow(element, context) {
  const open = (event) =>
    openMenu(event.currentTarget, (element.options ?? []).map((option) => ({
      label: plainOf(option.text, context.workspace),
      hint: option.description ? plainOf(option.description, context.workspace) : null,
      href: option.url,
      select: () => tell(element, context, option.value),
    })), { label: "More actions" });
  return h("button", {
    type: "button", class: "button overflow", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false",
    data: { focus: focusName(element, context) }, on: { click: open },
  }, icon("more"));
}

function optionGroup(element, context, type) {
  const { workspace, surface, blockId } = context;
  const initial = type === "checkbox" ? (element.initial_options ?? []).map((option) => option.value) : element.initial_option?.value ?? null;
  const kept = firstValue(element, context, initial);
  const group = `${type}-${surface.id}-${blockId}-${element.action_id}`;
  const chosen = () => {
    const inputs = [...box.querySelectorAll("input:checked")].map((input) => input.value);
    return type === "checkbox" ? inputs : inputs[0] ?? null;
  };
  let shown = kept;
  const choose = async () => {
    const now = chosen();
    if ((await settle(element, context, now)) !== false) shown = now;
    else for (const input of box.querySelectorAll("input")) input.checked = type === "checkbox" ? Boolean(shown?.includes(input.value)) : shown === input.value;
  };
  const options = (element.options ?? []).map((option) => h("label", { class: "option" },
    h("input", {
      type, name: group, value: option.value, checked: type === "checkbox" ? kept?.includes(option.value) : kept === option.value,
      data: { focus: `${focusName(element, context)}/${option.value}` }, on: { change: () => choose() },
    }),
    h("span", { class: "text" }, renderText(option.text, workspace), option.description ? h("small", { class: "text" }, renderText(option.description, workspace)) : null)));
  const box = h("div", { class: "options", role: type === "radio" ? "radiogroup" : "group", "aria-label": nameOf(element, context), "aria-describedby": context.describedBy }, options);
  return box;
}

const common = (element, context) => ({
  "aria-label": nameOf(element, context), "aria-describedby": context.describedBy, data: { focus: focusName(element, context) },
  autofocus: element.focus_on_load && context.input,
});

function textField(element, context, type, extra = {}) {
  const initial = element.initial_value ?? "";
  const field = h(element.multiline ? "textarea" : "input", {
    class: "field", ...(element.multiline ? { rows: 4 } : { type }), placeholder: plainOf(element.placeholder, context.workspace) || null,
    maxlength: element.max_length, autocomplete: "off", value: firstValue(element, context, initial) ?? "", ...common(element, context), ...extra,
  });
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const told = !context.input || context.dispatch;
  field.addEventListener("input", () => {
    settleQuietly(element, context, field.value);
    if (told && triggers.includes("on_character_entered")) tell(element, context, field.value);
  });
  field.addEventListener("change", () => !told && context.surface.keep({ block_id: context.blockId, action_id: element.action_id, value: field.value }));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || element.multiline || !told || !triggers.includes("on_enter_pressed")) return;
    event.preventDefault();
    tell(element, context, field.value);
  });
  return field;
}

function picker(element, context, type, initial, { toField = (value) => value ?? "", fromField = (value) => value || null } = {}) {
  const field = h("input", { type, class: "field picker", value: toField(firstValue(element, context, initial)), ...common(element, context) });
  let shown = field.value;
  field.addEventListener("change", async () => {
    if ((await settle(element, context, fromField(field.value))) === false) field.value = shown;
    shown = field.value;
  });
  return field;
}

const pad = (number) => String(number).padStart(2, "0");

/** Seconds since 1970 as the value of a datetime-local field, and back. */
const localTime = {
  toField(seconds) {
    if (!seconds) return "";
    const date = new Date(seconds * 1000);
    return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
  },
  fromField: (value) => (value ? Math.floor(new Date(value).getTime() / 1000) : null),
};

function numberField(element, context) {
  return textField(element, context, "number", {
    min: element.min_value, max: element.max_value, step: element.is_decimal_allowed ? "any" : "1", inputmode: element.is_decimal_allowed ? "decimal" : "numeric",
  });
}

function richText(element, context) {
  const value = firstValue(element, context, element.initial_value);
  return richTextField({
    value, placeholder: plainOf(element.placeholder, context.workspace), workspace: context.workspace, props: common(element, context),
    change: (block) => settleQuietly(element, context, block),
  });
}

function fileField(element, context) {
  const kinds = (element.filetypes ?? []).map((kind) => `.${kind}`).join(",");
  return filePicker({
    kinds, max: element.max_files ?? 10, chosen: firstValue(element, context, undefined) ?? [], props: common(element, context),
    upload: (file) => context.surface.upload(file), change: (files) => settleQuietly(element, context, files),
  });
}

function feedback(element, context) {
  const one = (choice, sign) => choice && h("button", {
    type: "button", class: "button quiet", "aria-label": choice.accessibility_label ?? null,
    on: { click: (event) => tell(element, context, choice.value, event.currentTarget) },
  }, icon(sign), renderPlain(choice.text?.text ?? ""));
  return h("div", { class: "feedback", role: "group", "aria-label": "Feedback" }, one(element.positive_button, "up"), one(element.negative_button, "thumbdown"));
}

function iconAction(element, context) {
  const text = plainOf(element.text, context.workspace) || humanise(element.icon);
  return h("button", {
    type: "button", class: "button quiet", "aria-label": element.accessibility_label ?? text, data: { focus: focusName(element, context) },
    on: { click: (event) => tell(element, context, element.value, event.currentTarget) },
  }, icon(element.icon === "trash" ? "trash" : "bolt"), text);
}

function image(element) {
  return h("img", { class: "accessory-image", src: element.image_url ?? element.slack_file?.url, alt: element.alt_text ?? "", loading: "lazy" });
}

const MAKERS = {
  button,
  workflow_button: button,
  overflow,
  image,
  feedback_buttons: feedback,
  icon_button: iconAction,
  rich_text_input: richText,
  number_input: numberField,
  file_input: fileField,
  plain_text_input: (element, context) => textField(element, context, "text"),
  email_text_input: (element, context) => textField(element, context, "email"),
  url_text_input: (element, context) => textField(element, context, "url"),
  checkboxes: (element, context) => optionGroup(element, context, "checkbox"),
  radio_buttons: (element, context) => optionGroup(element, context, "radio"),
  datepicker: (element, context) => picker(element, context, "date", element.initial_date),
  timepicker: (element, context) => picker(element, context, "time", element.initial_time),
  datetimepicker: (element, context) => picker(element, context, "datetime-local", element.initial_date_time, localTime),
};
for (const kind of ["static", "external", "users", "channels", "conversations"]) {
  MAKERS[`${kind}_select`] = select;
  MAKERS[`multi_${kind}_select`] = select;
}

/** Return the control for an element, or a note saying that the type is not known here. */
export function renderElement(element, context) {
  const hidden = element.visible_to_user_ids && !element.visible_to_user_ids.includes(context.workspace.viewer);
  if (hidden) return null;
  const make = MAKERS[element.type];
  if (!make) return h("span", { class: "unknown" }, `Element “${element.type}” is not shown here.`);
  return make(element, context);
}

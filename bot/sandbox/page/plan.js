/**
 * Render plan and task_card blocks: the stages of long work.
 *
 * Reference: https://docs.slack.dev/reference/block-kit/blocks/plan-block and …/task-card-block. The state is said in words beside its sign.
 */

import { h, icon } from "./dom.js";
import { renderLink, renderPlain } from "./mrkdwn.js";
import { reconcile } from "./reconcile.js";
import { renderRichText } from "./richtext.js";

const STATES = {
  pending: { word: "pending", icon: "circle" },
  in_progress: { word: "in progress", icon: null },
  complete: { word: "complete", icon: "check" },
  error: { word: "error", icon: "close" },
};

// What a person opened or closed stays so while the card is edited.
const opened = new Map();

const stateOf = (task) => STATES[task.status] ?? STATES.pending;

function sign(task) {
  const state = stateOf(task);
  return h("span", { class: `task-sign ${state.word.replace(" ", "-")}`, "aria-hidden": "true" }, state.icon ? icon(state.icon) : h("span", { class: "spinner" }));
}

function sources(task) {
  if (!task.sources?.length) return null;
  return h("div", { class: "task-sources" }, task.sources.map((source) => renderLink(source.url, source.text || source.url, { class: "source" })));
}

const rich = (value, workspace) => (typeof value === "string" ? renderPlain(value) : renderRichText(value, workspace));

/** Return one task: its sign, title and state, with details, output and sources that open. */
export function renderTask(task, context) {
  const { workspace, surface } = context;
  const state = stateOf(task);
  const line = [sign(task), h("span", { class: "task-title" }, renderPlain(task.title)), h("span", { class: "task-state" }, state.word)];
  const body = [
    task.details ? h("div", { class: "task-details" }, rich(task.details, workspace)) : null,
    task.output ? h("div", { class: "task-output" }, rich(task.output, workspace)) : null,
    sources(task),
  ].filter(Boolean);
  const props = { class: `task ${state.word.replace(" ", "-")}` };
  if (!body.length) return h("div", props, h("div", { class: "task-line" }, line));
  const key = `${surface?.id}/${task.task_id ?? task.title}`;
  const open = opened.get(key) ?? ["in_progress", "error"].includes(task.status);
  const details = h("details", { ...props, open }, h("summary", { class: "task-line" }, line, icon("right")), h("div", { class: "task-body" }, body));
  details.querySelector("summary").addEventListener("click", () => opened.set(key, !details.open));
  return details;
}

/** Return a plan: its title, how many tasks are complete, and the tasks in order. */
export function renderPlan(plan, context) {
  const tasks = plan.tasks ?? [];
  const done = tasks.filter((task) => task.status === "complete").length;
  const list = h("div", { class: "tasks" });
  reconcile(list, tasks, {
    key: (task) => String(task.task_id ?? task.title),
    signature: (task) => JSON.stringify(task),
    render: (task) => renderTask(task, context),
  });
  return h("section", { class: "plan", "aria-label": `Plan: ${typeof plan.title === "string" ? plan.title : plan.title?.text ?? ""}` },
    h("div", { class: "plan-head" }, h("b", {}, renderPlain(typeof plan.title === "string" ? plan.title : plan.title?.text)),
      tasks.length ? h("span", { class: "plan-count" }, `${done} of ${tasks.length} complete`) : null),
    tasks.length ? h("div", { class: "plan-bar", "aria-hidden": "true" }, tasks.map((task) => h("i", { class: stateOf(task).word.replace(" ", "-") }))) : null,
    list);
}

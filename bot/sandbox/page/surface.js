/**
 * Where elements stand: a message, a modal or the Home tab. A surface tells the app what a person does there and keeps what they entered.
 */

import { post, upload } from "./api.js";

/** The plain value of a value object, as `state.values` holds it; undefined where nothing is entered. */
function plainValue({ type, ...held }) {
  const [value] = Object.values(held);
  if (value === null || value === undefined || (Array.isArray(value) && !value.length)) return undefined;
  if (["rich_text_input", "file_input"].includes(type)) return value;
  if (Array.isArray(value)) return value.map((one) => one?.value ?? one?.id ?? one);
  return typeof value === "object" ? value.value : value;
}

/** What a person entered, by block and action; it outlives a redraw of the controls. */
export class EnteredValues {
  #values = new Map();
  #choices = new Map();
  #known = {};
  #unsent = new Set();

  /** Take over what the server knows this person has entered (`state.values`). */
  know(values) {
    this.#known = values ?? {};
    return this;
  }

  get(blockId, actionId) {
    const key = `${blockId}\n${actionId}`;
    if (this.#values.has(key)) return this.#values.get(key);
    const known = this.#known[blockId]?.[actionId];
    return known ? plainValue(known) : undefined;
  }

  set(blockId, actionId, value) {
    this.#values.set(`${blockId}\n${actionId}`, value);
    this.#unsent.add(`${blockId}\n${actionId}`);
  }

  /** Return `[block id, action id, value]` of what was entered since the last call. */
  takeUnsent() {
    const taken = [...this.#unsent].map((key) => [...key.split("\n"), this.#values.get(key)]);
    this.#unsent.clear();
    return taken;
  }

  /** Keep the choices behind a select's value, so that their texts can be shown again. */
  remember(blockId, actionId, choices) {
    this.#choices.set(`${blockId}\n${actionId}`, choices);
  }

  /** Return the choices kept by `remember`. */
  recall(blockId, actionId) {
    return this.#choices.get(`${blockId}\n${actionId}`);
  }

  /** Return the option objects that the server knows as chosen in a select. */
  knownOptions(blockId, actionId) {
    const known = this.#known[blockId]?.[actionId];
    const chosen = known?.selected_options ?? (known?.selected_option ? [known.selected_option] : []);
    return chosen.filter((option) => option && typeof option === "object");
  }

  /** Return `{block_id: {action_id: value}}`, only of the given block ids. */
  tree(blockIds) {
    const tree = {};
    for (const [key, value] of this.#values) {
      const [blockId, actionId] = key.split("\n");
      if (blockIds.has(blockId)) (tree[blockId] ??= {})[actionId] = value;
    }
    return tree;
  }
}

const kept = new Map();

function valuesOf(key) {
  if (!kept.has(key)) kept.set(key, new EnteredValues());
  return kept.get(key);
}

/** Forget what was entered on a surface that is gone. */
export const forget = (key) => kept.delete(key);

/** The surface of a message; values are kept per person. */
export function messageSurface(workspace, channel, message) {
  const id = `${workspace.viewer}/${channel.id}/${message.ts}`;
  const where = () => ({ user: workspace.viewer, channel: channel.id, ts: message.ts });
  return {
    kind: "message",
    id,
    values: valuesOf(id).know(message.inputs),
    act: ({ block_id, action_id, value }) => tell(where(), { block_id, action_id, value }),
    keep: ({ block_id, action_id, value }) => tell(where(), { block_id, action_id, value }),
    suggest: async (query) => suggestions(await post("options", { ...where(), ...query })),
  };
}

/** The surface of a modal or Home view; values are kept as long as the view lives, also when the app updates it. */
export function viewSurface(workspace, view) {
  const id = `${workspace.viewer}/${view.id}`;
  const where = () => ({ user: workspace.viewer, view_id: view.id });
  return {
    kind: "view",
    id,
    values: valuesOf(id).know(view.state?.values),
    async act({ block_id, action_id, value }) {
      for (const [block, action, entered] of this.values.takeUnsent()) {
        if (inputs(view).has(block) && (block !== block_id || action !== action_id)) await tell(where(), { block_id: block, action_id: action, value: entered });
      }
      return tell(where(), { block_id, action_id, value });
    },
    keep: () => Promise.resolve(),
    suggest: async (query) => suggestions(await post("options", { ...where(), ...query })),
    upload: (file) => upload(workspace.viewer, file),
  };
}

// Inputs that the app is not told of: the server only remembers what was entered, for the payload of the next action.
const inputs = (view) => new Set((view.blocks ?? []).filter((block) => block.type === "input" && !block.dispatch_action).map((block) => block.block_id));

/** Tell the app; what Slackbot already said to the person in the channel is no error here. */
async function tell(where, action) {
  try {
    return await post("actions", { ...where, ...action });
  } catch (error) {
    if (error.body?.ts) return error.body;
    throw error;
  }
}

/** Find options or option groups in the answer to `POST options`. */
function suggestions(answer) {
  if (answer.options || answer.option_groups) return answer;
  throw new Error("The app gave no options. Is it running, and does it answer this menu?");
}

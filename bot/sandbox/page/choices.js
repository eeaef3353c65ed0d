/**
 * What a select of Block Kit offers, and what is chosen in it at first.
 */

import { among } from "./combobox.js";
import { avatar } from "./people.js";
import { plainOf } from "./mrkdwn.js";
import { isDirect } from "./state.js";

const fromOption = (workspace, group) => (option) => ({
  value: option.value,
  text: plainOf(option.text, workspace),
  description: option.description ? plainOf(option.description, workspace) : undefined,
  group: group ? plainOf(group.label, workspace) : undefined,
});

/** Flatten options or option groups, as elements and answers to suggestions carry them. */
export function flatten({ options, option_groups: groups }, workspace) {
  if (groups?.length) return groups.flatMap((group) => (group.options ?? []).map(fromOption(workspace, group)));
  return (options ?? []).map(fromOption(workspace));
}

const person = (user) => ({ value: user.id, text: user.real_name || user.name, description: `@${user.name}${user.role ? ` · ${user.role}` : ""}`, avatar: avatar(user, "small") });

const people = (workspace) => [...workspace.users.values()].filter((user) => !user.is_deactivated && !user.is_slackbot).map(person);

const channel = (workspace) => (one) => ({ value: one.id, text: `${isDirect(one) ? "" : "#"}${workspace.title(one)}` });

const channels = (workspace, wanted) => [...workspace.channels.values()].filter(wanted).map(channel(workspace));

const sortOf = (one) => (one.kind === "mpim" ? "mpim" : isDirect(one) ? "im" : one.is_private ? "private" : "public");

/** Tell which conversations a `filter` object leaves (https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object). */
function conversationFilter({ include, exclude_bot_users: noBots, exclude_external_shared_channels: noShared } = {}, workspace) {
  return (one) => (!include || include.includes(sortOf(one))) && !(noShared && one.is_ext_shared) && !(noBots && isDirect(one) && workspace.user(workspace.other(one))?.is_bot);
}

function conversationsFor(element, workspace) {
  const wanted = conversationFilter(element.filter, workspace);
  const here = element.default_to_current_conversation && workspace.channel ? [workspace.channel.id] : [];
  const ids = idsOf(element, "conversation");
  return listed(() => channels(workspace, wanted), ids.length ? ids : here);
}

function idsOf(element, kind) {
  const { [`initial_${kind}`]: one, [`initial_${kind}s`]: many } = element;
  return many ?? (one ? [one] : []);
}

/**
 * Return `{load, initial, known, remote, minimum}` for any select element; `known(value)` gives choices for an entered value.
 *
 * External selects ask the app (block_suggestion) from `min_query_length` characters on; Slack's default is 3.
 */
export function choicesFor(element, { workspace, surface, blockId }) {
  const kind = element.type.replace(/^multi_|_select$/g, "").replace(/_select$/, "");
  if (kind === "users") return listed(() => people(workspace), idsOf(element, "user"));
  if (kind === "channels") return listed(() => channels(workspace, (one) => !isDirect(one)), idsOf(element, "channel"));
  if (kind === "conversations") return conversationsFor(element, workspace);
  const initial = (element.initial_options ?? (element.initial_option ? [element.initial_option] : [])).map(fromOption(workspace));
  const known = () => surface.values.knownOptions(blockId, element.action_id).map(fromOption(workspace));
  if (kind === "static") return { load: among(() => flatten(element, workspace)), initial, known, remote: false, minimum: 0 };
  const load = async (query) => flatten(await surface.suggest({ block_id: blockId, action_id: element.action_id, value: query }), workspace);
  return { load, initial, known, remote: true, minimum: element.min_query_length ?? 3 };
}

function listed(choices, ids) {
  const named = (wanted) => [wanted].flat().map((id) => choices().find((choice) => choice.value === id) ?? { value: id, text: id });
  return { load: among(choices), initial: named(ids), known: named, remote: false, minimum: 0 };
}

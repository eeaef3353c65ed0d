"""Methods that read channels (https://docs.slack.dev/reference/methods?family=conversations)."""

import re
from collections.abc import Sequence

from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel

READ = ("channels:read", "groups:read", "im:read", "mpim:read")
HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
_MOMENT = re.compile(r"\d{1,12}(\.\d{1,6})?\Z")
_MAX_HISTORY = 999


def _kinds(call: Call) -> set[str]:
    names = [name.strip() for name in call.text("types", "public_channel").split(",")]
    if not set(names) <= set(_TYPES):
        raise SlackError("invalid_types")
    kinds = {_TYPES[name] for name in names}
    for kind in kinds:
        call.need({"channel": "channels", "group": "groups"}.get(kind, kind) + ":read")
    return kinds


def _listed(call: Call, channels: Sequence[Channel]) -> Json:
    if call.text("team_id", call.platform.workspace.team.id) != call.platform.workspace.team.id:
        raise SlackError("missing_argument")
    page, cursor = call.page(channels)
    shown = [channel.wire(call.actor) for channel in page]
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


@method("conversations.list", *READ, tier=2, json_body=False)
async def list_conversations(call: Call) -> Json:
    """List channels (https://docs.slack.dev/reference/methods/conversations.list)."""
    kinds, actor = _kinds(call), call.actor
    hide_archived = call.flag("exclude_archived")
    return _listed(
        call,
        [
            channel
            for channel in call.platform.workspace.channels.values()
            if channel.kind in kinds
            and (channel.kind == "channel" or actor in channel.members)
            and not (hide_archived and channel.is_archived)
        ],
    )


@method("users.conversations", *READ, tier=3, json_body=False)
async def users_conversations(call: Call) -> Json:
    """List the channels a user is in (https://docs.slack.dev/reference/methods/users.conversations)."""
    kinds, actor = _kinds(call), call.actor
    wanted = call.text("user") or actor
    if wanted not in call.platform.workspace.users:
        raise SlackError("user_not_found")
    hide_archived = call.flag("exclude_archived")
    return _listed(
        call,
        [
            channel
            for channel in call.platform.workspace.channels.values()
            if channel.kind in kinds
            and wanted in channel.members
            and (channel.kind == "channel" or actor in channel.members)
            and not (hide_archived and channel.is_archived)
        ],
    )


def seen(call: Call, suffix: str, *, member: bool = False) -> Channel:
    """Return the channel of `channel` when the token has the scope for its kind, such as `groups:read`."""
    channel = call.channel()
    call.need(f"{channel.scope_family}:{suffix}")
    return call.channel(member=member)


@method("conversations.info", *READ, tier=3, json_body=False)
async def info(call: Call) -> Json:
    """Describe a channel (https://docs.slack.dev/reference/methods/conversations.info)."""
    channel = seen(call, "read")
    shown = channel.wire(call.actor)
    if not call.flag("include_num_members"):
        shown.pop("num_members", None)
    if call.flag("include_locale"):
        shown["locale"] = "en-US"
    return {"channel": shown | {"context_team_id": call.platform.workspace.team.id}}


@method("conversations.members", *READ, tier=4, json_body=False)
async def members(call: Call) -> Json:
    """List who is in a channel (https://docs.slack.dev/reference/methods/conversations.members)."""
    channel = seen(call, "read")
    page, cursor = call.page(channel.members)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.need(channel.history_scope)
    if call.actor not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _moment(call: Call, name: str) -> str:
    """Return a `ts` bound padded to six digits; raises `invalid_ts_oldest` or `invalid_ts_latest`."""
    value = call.text(name)
    if not value:
        return ""
    if not _MOMENT.match(value):
        raise SlackError(f"invalid_ts_{name}")
    seconds, _, micros = value.partition(".")
    return f"{int(seconds):010}.{micros:0<6}"


def _within(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = _moment(call, "oldest"), _moment(call, "latest")
    inclusive = call.flag("inclusive")

    def fits(ts: str) -> bool:
        if latest and (ts > latest or (ts == latest and not inclusive)):
            return False
        return not oldest or ts > oldest or (inclusive and ts == oldest)

    return [message for message in messages if fits(message.ts)]


def _answer(call: Call, channel: Channel, messages: list[Message]) -> Json:
    with_metadata = call.flag("include_all_metadata")
    workspace = call.platform.workspace

    def shown(message: Message) -> Json:
        files = workspace.file_objects(message, call.platform.base_url)
        wire = message.wire(files, with_metadata=with_metadata)
        return wire | ({"pinned_to": [channel.id]} if message.ts in channel.pins else {})

    page, cursor = call.page(messages, maximum=_MAX_HISTORY, error="invalid_arguments")
    answer: Json = {"messages": [shown(message) for message in page], "has_more": bool(cursor)}
    return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


@method("conversations.history", *HISTORY, tier=3)
async def history(call: Call) -> Json:
    """Return a channel's messages, newest first (https://docs.slack.dev/reference/methods/conversations.history)."""
    channel = _readable(call)
    messages = [m for m in channel.messages.values() if not m.ephemeral_to and (not m.is_reply or m.broadcast)]
    answer = _answer(call, channel, _within(call, messages)[::-1])
    latest = {"latest": call.text("latest")} if call.text("latest") else {}
    return answer | {"pin_count": len(channel.pins)} | latest


@method("conversations.replies", *HISTORY, tier=3, json_body=False)
async def replies(call: Call) -> Json:
    """Return a thread, oldest first (https://docs.slack.dev/reference/methods/conversations.replies).

    Asked for by a reply it is that reply alone (https://github.com/slackapi/bolt-python/issues/783).
    """
    channel = _readable(call)
    parent = call.message(channel, "ts", "thread_not_found")
    root = parent.thread_ts or parent.ts
    if root != parent.ts:
        return _answer(call, channel, [parent])
    following = [m for m in channel.messages.values() if m.thread_ts == root and m.ts != root and not m.ephemeral_to]
    first = [channel.messages[root]] if root in channel.messages else []
    return _answer(call, channel, [*first, *_within(call, following)])

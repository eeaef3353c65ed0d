"""Methods about channels (https://docs.slack.dev/reference/methods?family=conversations)."""

from bot.sandbox import events
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel

_TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")


def _kinds(call: Call) -> set[str]:
    names = [name.strip() for name in call.text("types", "public_channel").split(",")]
    if not set(names) <= set(_TYPES):
        raise SlackError("invalid_types")
    kinds = {_TYPES[name] for name in names}
    for kind in kinds:
        call.need({"channel": "channels", "group": "groups"}.get(kind, kind) + ":read")
    return kinds


@method("conversations.list", *_READ, tier=2)
async def list_conversations(call: Call) -> Json:
    """List channels (https://docs.slack.dev/reference/methods/conversations.list)."""
    kinds, bot = _kinds(call), call.app.bot_user_id
    hide_archived = call.flag("exclude_archived")
    found = [
        channel.wire(bot)
        for channel in call.platform.workspace.channels.values()
        if channel.kind in kinds
        and (channel.kind == "channel" or bot in channel.members)
        and not (hide_archived and channel.is_archived)
    ]
    page, cursor = call.page(found)
    return {"channels": page, "response_metadata": {"next_cursor": cursor}}


@method("users.conversations", *_READ, tier=3)
async def users_conversations(call: Call) -> Json:
    """List the channels a user is in (https://docs.slack.dev/reference/methods/users.conversations)."""
    kinds, bot = _kinds(call), call.app.bot_user_id
    wanted = call.text("user") or bot
    if wanted not in call.platform.workspace.users:
        raise SlackError("user_not_found")
    found = [
        channel.wire(bot)
        for channel in call.platform.workspace.channels.values()
        if channel.kind in kinds and wanted in channel.members and (channel.kind == "channel" or bot in channel.members)
    ]
    page, cursor = call.page(found)
    return {"channels": page, "response_metadata": {"next_cursor": cursor}}


@method("conversations.info", *_READ, tier=3)
async def info(call: Call) -> Json:
    """Describe a channel (https://docs.slack.dev/reference/methods/conversations.info)."""
    channel = call.channel()
    call.need(channel.history_scope.replace(":history", ":read"))
    shown = channel.wire(call.app.bot_user_id)
    if not call.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


@method("conversations.members", *_READ, tier=4)
async def members(call: Call) -> Json:
    """List who is in a channel (https://docs.slack.dev/reference/methods/conversations.members)."""
    channel = call.channel()
    found: list[Json] = [{"id": member} for member in channel.members]
    page, cursor = call.page(found)
    return {"members": [member["id"] for member in page], "response_metadata": {"next_cursor": cursor}}


@method("conversations.open", "im:write", "mpim:write", tier=3)
async def open_conversation(call: Call) -> Json:
    """Open the direct message with a person (https://docs.slack.dev/reference/methods/conversations.open)."""
    workspace = call.platform.workspace
    if call.text("channel"):
        channel = call.channel(member=True)
    else:
        users = [name for name in call.text("users").split(",") if name]
        if len(users) != 1:
            raise SlackError("not_enough_users" if not users else "too_many_users")
        person = workspace.users.get(users[0])
        if person is None:
            raise SlackError("user_not_found")
        if person.is_bot:
            raise SlackError("cannot_dm_bot")
        channel = workspace.direct(person.id, call.app.bot_user_id)
    shown = channel.wire(call.app.bot_user_id) if call.flag("return_im") else {"id": channel.id}
    return {"channel": shown}


@method("conversations.join", "channels:join", tier=3)
async def join(call: Call) -> Json:
    """Join a public channel (https://docs.slack.dev/reference/methods/conversations.join)."""
    channel = call.channel()
    if channel.kind != "channel":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    bot = call.app.bot_user_id
    answer: Json = {}
    if bot in channel.members:
        answer = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        channel.members.append(bot)
        call.platform.changes.publish("channel", channel=channel.id)
        user = call.platform.workspace.users[bot]
        call.platform.deliveries.spawn(events.membership(call.platform, user, channel, joined=True))
    return {"channel": channel.wire(bot)} | answer


@method("conversations.setTopic", "channels:manage", "channels:write.topic", "groups:write", tier=2)
async def set_topic(call: Call) -> Json:
    """Change a channel's topic (https://docs.slack.dev/reference/methods/conversations.setTopic)."""
    channel = call.channel(member=True)
    topic = call.text("topic")
    if len(topic) > 250:  # noqa: PLR2004 - Slack's limit for a topic
        raise SlackError("too_long")
    channel.topic = topic
    call.platform.changes.publish("channel", channel=channel.id)
    return {"channel": channel.wire(call.app.bot_user_id)}


def _readable(call: Call) -> Channel:
    channel = call.channel(member=True)
    call.need(channel.history_scope)
    return channel


def _within(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = call.text("oldest", "0"), call.text("latest")
    inclusive = call.flag("inclusive")

    def fits(ts: str) -> bool:
        if latest and (ts > latest or (ts == latest and not inclusive)):
            return False
        return ts > oldest or (inclusive and ts == oldest)

    return [message for message in messages if fits(message.ts)]


def _answer(call: Call, messages: list[Message]) -> Json:
    workspace = call.platform.workspace
    with_metadata = call.flag("include_all_metadata")
    shown = [
        message.wire(workspace.file_objects(message, call.platform.base_url), with_metadata=with_metadata)
        for message in messages
    ]
    page, cursor = call.page(shown)
    return {"messages": page, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


@method("conversations.history", *_HISTORY, tier=3)
async def history(call: Call) -> Json:
    """Return a channel's messages, newest first (https://docs.slack.dev/reference/methods/conversations.history)."""
    channel = _readable(call)
    messages = [m for m in channel.messages.values() if not m.ephemeral_to and (not m.is_reply or m.broadcast)]
    answer = _answer(call, _within(call, messages)[::-1])
    return answer | {"pin_count": len(channel.pins)}


@method("conversations.replies", *_HISTORY, tier=3)
async def replies(call: Call) -> Json:
    """Return a thread, oldest first (https://docs.slack.dev/reference/methods/conversations.replies)."""
    channel = _readable(call)
    parent = call.message(channel, "ts", "thread_not_found")
    root = parent.thread_ts or parent.ts
    following = [m for m in channel.messages.values() if m.thread_ts == root and m.ts != root and not m.ephemeral_to]
    first = [channel.messages[root]] if root in channel.messages else []
    return _answer(call, [*first, *_within(call, following)])

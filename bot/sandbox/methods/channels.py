"""Methods that change channels and who is in them (https://docs.slack.dev/reference/methods?family=conversations)."""

import re

from bot.sandbox import happenings
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.model import Channel, User

_MANAGE = ("channels:manage", "channels:write", "groups:write", "im:write", "mpim:write")
_OPEN = ("channels:manage", "groups:write", "im:write", "mpim:write")
_WRITE = ("channels:write", "groups:write", "im:write", "mpim:write")
_TOPIC = ("channels:write.topic", "groups:write.topic", "mpim:write.topic", "im:write.topic")
_INVITE = ("channels:write.invites", "groups:write.invites")
_MAX_NAME = 80
_MAX_NOTE = 250
_MAX_INVITED = 100
_MAX_IN_GROUP = 8
_LETTERS = re.compile(r"[^\W_A-Z]", re.UNICODE)
_ALLOWED = re.compile(r"[\w-]+\Z", re.UNICODE)


def _need(call: Call, channel: Channel, *more: str) -> None:
    """Raise `missing_scope` unless the token may change this kind of channel."""
    family = channel.scope_family
    general = "channels:manage" if family == "channels" and call.caller.kind == "bot" else f"{family}:write"
    legacy = ("channels:write",) if family == "channels" else ()
    call.need(general, *legacy, *(f"{family}:write.{word}" for word in more))


def _changeable(call: Call, *more: str, archived_ok: bool = False) -> Channel:
    """Return the channel, neither a direct message nor, as a rule, archived, with the caller in it."""
    channel = call.channel()
    _need(call, channel, *more)
    if channel.kind in {"im", "mpim"}:
        raise SlackError("method_not_supported_for_channel_type")
    if call.actor not in channel.members:
        raise SlackError("not_in_channel")
    if channel.is_archived and not archived_ok:
        raise SlackError("is_archived")
    return channel


def _name(call: Call) -> str:
    """Return a channel's new name; raises the errors of https://docs.slack.dev/reference/methods/conversations.create.

    Names have up to 80 lower-case letters, digits, hyphens and underscores.
    """
    name = call.text("name").strip().removeprefix("#")
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > _MAX_NAME:
        raise SlackError("invalid_name_maxlength")
    if not _ALLOWED.match(name) or name != name.lower():
        raise SlackError("invalid_name_specials")
    if not _LETTERS.search(name):
        raise SlackError("invalid_name_punctuation")
    workspace = call.platform.workspace
    if any(one.name == name and one.kind in {"channel", "group"} for one in workspace.channels.values()):
        raise SlackError("name_taken")
    return name


def _restricted(call: Call) -> None:
    person = call.platform.workspace.users[call.actor]
    if person.is_guest or person.is_stranger:
        raise SlackError("restricted_action")


@method("conversations.create", *_MANAGE, tier=2, user=_WRITE)
async def create(call: Call) -> Json:
    """Make a channel, with the caller in it (https://docs.slack.dev/reference/methods/conversations.create)."""
    is_private = call.flag("is_private")
    bot = ("channels:manage", "channels:write") if call.caller.kind == "bot" else ("channels:write",)
    call.need(*(("groups:write",) if is_private else bot))
    _restricted(call)
    channel = call.platform.workspace.add_channel(_name(call), private=is_private, members=[call.actor])
    happenings.create(call.platform, channel)
    return {"channel": channel.wire(call.actor)}


@method("conversations.archive", *_MANAGE, tier=2, user=_WRITE)
async def archive(call: Call) -> Json:
    """Archive a channel (https://docs.slack.dev/reference/methods/conversations.archive)."""
    channel = _changeable(call, archived_ok=True)
    _restricted(call)
    if channel.is_archived:
        raise SlackError("already_archived")
    if channel.name == "general":
        raise SlackError("cant_archive_general")
    happenings.archive(call.platform, channel, call.actor, archived=True)
    return {}


@method("conversations.unarchive", *_MANAGE, tier=2, user=_WRITE)
async def unarchive(call: Call) -> Json:
    """Open an archived channel again (https://docs.slack.dev/reference/methods/conversations.unarchive)."""
    channel = call.channel()
    _need(call, channel)
    if channel.kind in {"im", "mpim"}:
        raise SlackError("method_not_supported_for_channel_type")
    if not channel.is_archived:
        raise SlackError("not_archived")
    happenings.archive(call.platform, channel, call.actor, archived=False)
    return {}


@method("conversations.rename", *_MANAGE, tier=2, user=_WRITE)
async def rename(call: Call) -> Json:
    """Give a channel another name (https://docs.slack.dev/reference/methods/conversations.rename).

    Only who made it, and admins, may.
    """
    channel = _changeable(call)
    person = call.platform.workspace.users[call.actor]
    if channel.creator != call.actor and not (person.is_admin or person.is_owner):
        raise SlackError("not_authorized")
    happenings.rename(call.platform, channel, _name(call), call.actor)
    return {"channel": channel.wire(call.actor)}


@method("conversations.join", "channels:join", user=("channels:write",))
async def join(call: Call) -> Json:
    """Join a public channel (https://docs.slack.dev/reference/methods/conversations.join)."""
    channel = call.channel()
    if channel.kind != "channel":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    if call.actor in channel.members:
        call.warn("already_in_channel")
    else:
        happenings.join(call.platform, call.platform.workspace.users[call.actor], channel)
    return {"channel": channel.wire(call.actor)}


@method("conversations.leave", *_MANAGE, user=_WRITE)
async def leave(call: Call) -> Json:
    """Leave a channel (https://docs.slack.dev/reference/methods/conversations.leave)."""
    channel = call.channel()
    _need(call, channel)
    if channel.kind == "im":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    if call.actor not in channel.members:
        return {"not_in_channel": True}
    if channel.name == "general":
        raise SlackError("cant_leave_general")
    if channel.kind == "group" and len(channel.members) == 1:
        raise SlackError("last_member")
    happenings.leave(call.platform, call.platform.workspace.users[call.actor], channel, call.actor)
    return {}


def _why_not(call: Call, channel: Channel, ident: str) -> str:
    """Return why somebody cannot be invited; empty when they can."""
    workspace = call.platform.workspace
    user = workspace.users.get(ident)
    if user is None or user.deleted:
        return "user_not_found"
    if ident == call.actor:
        return "cant_invite_self"
    if ident in channel.members:
        return "already_in_channel"
    if user.is_stranger and user.team_id not in channel.connected_teams:
        return "cant_invite"
    return "ura_max_channels" if user.is_ultra_restricted and _is_placed(call, user) else ""


def _is_placed(call: Call, user: User) -> bool:
    channels = call.platform.workspace.channels.values()
    return any(user.id in one.members for one in channels if one.kind in {"channel", "group"})


@method("conversations.invite", *_INVITE, *_OPEN, user=(*_INVITE, *_WRITE))
async def invite(call: Call) -> Json:
    """Bring people into a channel (https://docs.slack.dev/reference/methods/conversations.invite).

    With `force`, those who can be invited are, although others cannot.
    """
    channel = _changeable(call, "invites")
    wanted = list(dict.fromkeys(call.names("users")))
    if not wanted:
        raise SlackError("no_user")
    refused = {ident: why for ident in wanted if (why := _why_not(call, channel, ident))}
    if len(wanted) > _MAX_INVITED:
        raise SlackError("cant_invite")
    welcome = [ident for ident in wanted if ident not in refused]
    if refused and not (call.flag("force") and welcome):
        errors = [{"user": ident, "ok": False, "error": why} for ident, why in refused.items()]
        raise SlackError(next(iter(refused.values())), errors=errors)
    for ident in welcome:
        happenings.join(call.platform, call.platform.workspace.users[ident], channel, call.actor)
    return {"channel": channel.wire(call.actor)}


@method("conversations.kick", "channels:manage", "groups:write", user=("channels:write", "groups:write"))
async def kick(call: Call) -> Json:
    """Take somebody out of a channel (https://docs.slack.dev/reference/methods/conversations.kick)."""
    channel = _changeable(call, archived_ok=True)
    user = call.user()
    if user.id == call.actor:
        raise SlackError("cant_kick_self")
    if channel.name == "general":
        raise SlackError("cant_kick_from_general")
    if user.id not in channel.members:
        raise SlackError("not_in_channel")
    happenings.leave(call.platform, user, channel, call.actor)
    return {"errors": {}}


def _note(call: Call, name: str) -> tuple[Channel, str]:
    channel = _changeable(call, "topic")
    value = call.text(name)
    if len(value) > _MAX_NOTE:
        raise SlackError("too_long")
    if call.platform.workspace.users[call.actor].is_ultra_restricted:
        raise SlackError("user_is_restricted")
    return channel, value


@method("conversations.setTopic", *_TOPIC, *_OPEN, tier=2, user=(*_TOPIC, *_WRITE))
async def set_topic(call: Call) -> Json:
    """Change a channel's topic (https://docs.slack.dev/reference/methods/conversations.setTopic)."""
    channel, value = _note(call, "topic")
    happenings.note(call.platform, channel, call.actor, topic=value)
    return {"channel": channel.wire(call.actor)}


@method("conversations.setPurpose", *_TOPIC, *_OPEN, tier=2, user=(*_TOPIC, *_WRITE))
async def set_purpose(call: Call) -> Json:
    """Change a channel's purpose (https://docs.slack.dev/reference/methods/conversations.setPurpose)."""
    channel, value = _note(call, "purpose")
    happenings.note(call.platform, channel, call.actor, purpose=value)
    return {"purpose": value, "channel": channel.wire(call.actor)}


@method("conversations.mark", *_MANAGE, user=_WRITE)
async def mark(call: Call) -> Json:
    """Say how far one has read (https://docs.slack.dev/reference/methods/conversations.mark)."""
    channel = call.channel()
    _need(call, channel)
    if call.actor not in channel.members:
        raise SlackError("not_in_channel")
    ts = call.required("ts")
    if not re.fullmatch(r"\d{1,10}\.\d{1,6}", ts):
        raise SlackError("invalid_timestamp")
    channel.last_read[call.actor] = ts
    call.platform.changes.publish("channel", channel=channel.id)
    return {}


def _people(call: Call) -> list[str]:
    """Return whom a conversation is opened with (ids); raises the errors of `conversations.open`."""
    wanted = [ident for ident in dict.fromkeys(call.names("users")) if ident != call.actor]
    if not call.text("users") and not call.raw("users"):
        raise SlackError("users_list_not_supplied")
    if not wanted:
        raise SlackError("not_enough_users")
    if len(wanted) > _MAX_IN_GROUP:
        raise SlackError("too_many_users")
    users = call.platform.workspace.users
    for ident in wanted:
        if ident not in users:
            raise SlackError("user_not_found")
        if users[ident].deleted:
            raise SlackError("user_disabled")
        if users[ident].is_bot:
            raise SlackError("cannot_dm_bot")
    return wanted


@method("conversations.open", *_OPEN, user=_WRITE)
async def open_conversation(call: Call) -> Json:
    """Open a direct message with one to eight people (https://docs.slack.dev/reference/methods/conversations.open)."""
    workspace, actor = call.platform.workspace, call.actor
    if call.text("channel"):
        channel = call.channel()
        if channel.kind not in {"im", "mpim"}:
            raise SlackError("method_not_supported_for_channel_type")
        was_open = actor not in channel.closed_for
    else:
        people = _people(call)
        call.need("im:write" if len(people) == 1 else "mpim:write")
        known = set(workspace.channels)
        prevent = call.flag("prevent_creation")
        found = (
            workspace.direct(people[0], actor)
            if len(people) == 1
            else workspace.group_direct([actor, *people], prevent_creation=prevent)
        )
        if found is None:
            raise SlackError("channel_not_found")
        channel, was_open = found, found.id in known and actor not in found.closed_for
    channel.closed_for.discard(actor)
    shown = channel.wire(actor) if call.flag("return_im") else {"id": channel.id}
    return {"channel": shown} | ({"no_op": True, "already_open": True} if was_open else {})


@method("conversations.close", *_MANAGE, tier=2, user=_WRITE)
async def close(call: Call) -> Json:
    """Close a direct message for oneself (https://docs.slack.dev/reference/methods/conversations.close)."""
    channel = call.channel()
    _need(call, channel)
    if channel.kind not in {"im", "mpim"}:
        raise SlackError("method_not_supported_for_channel_type")
    if call.actor in channel.closed_for:
        return {"no_op": True, "already_closed": True}
    channel.closed_for.add(call.actor)
    return {}

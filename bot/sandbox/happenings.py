"""What happens to channels, user groups and people, carried out and told to the apps that asked to hear of it.

Reference: https://docs.slack.dev/reference/events
"""

from collections.abc import Collection

from bot.sandbox import events, posting
from bot.sandbox.errors import Json
from bot.sandbox.model import Channel, User, Usergroup
from bot.sandbox.platform import Platform
from bot.sandbox.typed_text import escape


def tell(platform: Platform, name: str, event: Json, channel: Channel | None = None, actor: str = "") -> None:
    """Send an event to its subscribers in the background; in a channel, to those of them that are in it."""
    person = platform.workspace.users.get(actor)
    body = {"type": name, **event, "event_ts": platform.workspace.next_ts()}
    team = person.team_id if person else ""
    platform.deliveries.spawn(events.emit(platform, name, body, channel=channel, actor_team=team))


def named(channel: Channel, what: str) -> str:
    """Return the event's name for this kind of channel, such as `channel_archive` or `group_archive`."""
    return f"{'channel' if channel.kind == 'channel' else 'group'}_{what}"


def join(platform: Platform, user: User, channel: Channel, inviter: str = "") -> None:
    """Put somebody into a channel (https://docs.slack.dev/reference/events/member_joined_channel)."""
    channel.members.append(user.id)
    platform.changes.publish("channel", channel=channel.id)
    details = {"inviter": inviter} if inviter else {}
    posting.by_workspace(platform, user.id, channel, "channel_join", f"<@{user.id}> has joined the channel", **details)
    event = _membership(user, channel) | details
    tell(platform, "member_joined_channel", event, channel, user.id)


def leave(platform: Platform, user: User, channel: Channel, actor: str) -> None:
    """Take somebody out of a channel (https://docs.slack.dev/reference/events/member_left_channel)."""
    app = next((one for one in platform.apps.installed.values() if one.bot_user_id == user.id), None)
    if app is not None:
        name = named(channel, "left")
        event = {"type": name, "channel": channel.id, "actor_id": actor, "event_ts": platform.workspace.next_ts()}
        platform.deliveries.spawn(events.emit(platform, name, event, only=app.id))
    channel.members.remove(user.id)
    platform.changes.publish("channel", channel=channel.id)
    posting.by_workspace(platform, user.id, channel, "channel_leave", f"<@{user.id}> has left the channel")
    tell(platform, "member_left_channel", _membership(user, channel), channel, user.id)


def _membership(user: User, channel: Channel) -> Json:
    kind = "C" if channel.kind == "channel" else "G"
    return {"user": user.id, "channel": channel.id, "channel_type": kind, "team": user.team_id}


def create(platform: Platform, channel: Channel) -> None:
    """Tell of a new public channel (https://docs.slack.dev/reference/events/channel_created)."""
    if channel.kind == "channel":
        keys = ("id", "name", "name_normalized", "created", "creator", "is_channel", "is_shared", "is_private")
        shown = channel.wire(channel.creator)
        about = {key: shown[key] for key in keys} | {"context_team_id": platform.workspace.team.id}
        tell(platform, "channel_created", {"channel": about}, actor=channel.creator)


def archive(platform: Platform, channel: Channel, actor: str, *, archived: bool) -> None:
    """Archive a channel or open it again (https://docs.slack.dev/reference/events/channel_archive)."""
    channel.is_archived = archived
    name = "archive" if archived else "unarchive"
    platform.changes.publish("channel", channel=channel.id)
    text = f"<@{actor}> {'archived' if archived else 'un-archived'} the channel"
    posting.by_workspace(platform, actor, channel, f"channel_{name}", text)
    tell(platform, named(channel, name), {"channel": channel.id, "user": actor}, channel, actor)


def rename(platform: Platform, channel: Channel, name: str, actor: str) -> None:
    """Give a channel another name (https://docs.slack.dev/reference/events/channel_rename)."""
    old, channel.name = channel.name, name
    channel.previous_names.insert(0, old)
    platform.changes.publish("channel", channel=channel.id)
    text = f'<@{actor}> has renamed the channel from "{old}" to "{name}"'
    posting.by_workspace(platform, actor, channel, "channel_name", text, old_name=old, name=name)
    about = {"id": channel.id, "name": name, "name_normalized": name, "created": channel.created}
    tell(platform, named(channel, "rename"), {"channel": about}, channel, actor)


def note(platform: Platform, channel: Channel, actor: str, *, topic: str | None = None, purpose: str = "") -> None:
    """Set a channel's topic, or without one its purpose (https://docs.slack.dev/reference/events/message/channel_topic)."""
    last_set = (actor, int(platform.clock()))
    what, value = ("topic", topic) if topic is not None else ("purpose", purpose)
    if what == "topic":
        channel.topic, channel.topic_set = value, last_set
    else:
        channel.purpose, channel.purpose_set = value, last_set
    platform.changes.publish("channel", channel=channel.id)
    text = f"<@{actor}> set the channel {what}: {escape(value)}" if value else f"<@{actor}> cleared the channel {what}"
    posting.by_workspace(platform, actor, channel, f"channel_{what}", text, **{what: value})


def pin(platform: Platform, channel: Channel, ts: str, actor: str, *, added: bool) -> None:
    """Pin a message or take the pin off (https://docs.slack.dev/reference/events/pin_added)."""
    if added:
        channel.pins.append(ts)
        channel.pinned_by[ts] = actor
    else:
        channel.pins.remove(ts)
    platform.changes.publish("channel", channel=channel.id)
    message = channel.messages.get(ts)
    item: Json = {"type": "message", "channel": channel.id, "created_by": channel.pinned_by.get(ts, actor)}
    if message is not None:
        item["message"] = message.wire(platform.workspace.file_objects(message, platform.base_url))
    event: Json = {
        "user": actor,
        "channel_id": channel.id,
        "item": item,
        "item_user": message.user if message else "",
        "pin_count": len(channel.pins),
        "pinned_info": {"channel": channel.id, "pinned_by": actor, "pinned_ts": int(platform.clock())},
    }
    if not added:
        channel.pinned_by.pop(ts, None)
        event["has_pins"] = bool(channel.pins)
    tell(platform, "pin_added" if added else "pin_removed", event, channel, actor)


def usergroup(platform: Platform, group: Usergroup, actor: str, *, created: bool = False) -> None:
    """Tell of a new or changed user group (https://docs.slack.dev/reference/events/subteam_updated)."""
    group.date_update, group.updated_by = int(platform.clock()), actor
    platform.changes.publish("user")
    name = "subteam_created" if created else "subteam_updated"
    tell(platform, name, {"subteam": group.wire(with_users=True)}, actor=actor)


def usergroup_members(platform: Platform, group: Usergroup, members: list[str], actor: str) -> None:
    """Set who is in a user group (https://docs.slack.dev/reference/events/subteam_members_changed)."""
    before, previous = group.users, group.date_update
    group.users = members
    usergroup(platform, group, actor)
    event = {
        "subteam_id": group.id,
        "team_id": group.team_id,
        "date_previous_update": previous,
        "date_update": group.date_update,
        **_difference("added", members, before),
        **_difference("removed", before, members),
    }
    tell(platform, "subteam_members_changed", event, actor=actor)


def _difference(word: str, these: Collection[str], those: Collection[str]) -> Json:
    only = [one for one in these if one not in those]
    return {f"{word}_users": only, f"{word}_users_count": len(only)}


def person_changed(platform: Platform, user: User) -> None:
    """Tell of a person whose profile changed (https://docs.slack.dev/reference/events/user_change)."""
    now = platform.clock()
    user.updated = int(now)
    platform.changes.publish("user")
    wire = user.wire(base_url=platform.base_url, now=now)
    tell(platform, "user_change", {"user": wire, "cache_ts": user.updated}, actor=user.id)

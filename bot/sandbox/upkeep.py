"""What people do to channels, to each other and to apps: one function per POST of the control API."""

from pydantic import ValidationError

from bot.sandbox import events, happenings
from bot.sandbox.apps import App
from bot.sandbox.control_request import Fields
from bot.sandbox.errors import ControlError, Json, SeedError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, User
from bot.sandbox.outcome import Outcome
from bot.sandbox.people import is_zone
from bot.sandbox.platform import Platform
from bot.sandbox.seed import UserSeed
from bot.sandbox.state import user as shown

_CHANGES = {"real_name": "real_name", "role": "role", "email": "email", "tz": "tz"}


def _open_channel(platform: Platform, fields: Fields, user: User) -> Channel:
    """Return a channel that is no direct message, in which `user` is; raises `ControlError`."""
    channel = platform.workspace.channel(fields.data.get("channel"), user)
    if channel.is_im:
        raise ControlError("channel_not_found", "channel: is a direct message; name a channel")
    return channel


async def pin(platform: Platform, fields: Fields) -> Json:
    """Pin a message as a person, or with `remove` take the pin off."""
    user = fields.user()
    channel, ts, removing = fields.channel(user), fields.text("ts"), fields.flag("remove")
    message = channel.messages.get(ts)
    if not removing and (message is None or message.ephemeral_to):
        raise ControlError("message_not_found", f"ts: no message {ts!r} here that can be pinned")
    if removing != (ts in channel.pins):
        raise ControlError("already_so", f"ts: the message {ts} is {'not' if removing else 'already'} pinned")
    happenings.pin(platform, channel, ts, user.id, added=not removing)
    return {"pins": list(channel.pins)}


async def archive(platform: Platform, fields: Fields) -> Json:
    """Archive a channel as a person, or with `undo` open it again."""
    user = fields.user()
    channel, archived = _open_channel(platform, fields, user), not fields.flag("undo")
    if archived == channel.is_archived:
        raise ControlError("already_so", f"channel: {channel.name} is {'already' if archived else 'not'} archived")
    happenings.archive(platform, channel, user.id, archived=archived)
    return {"channel": channel.wire(user.id)}


async def rename(platform: Platform, fields: Fields) -> Json:
    """Give a channel another name as a person."""
    user = fields.user()
    channel, name = _open_channel(platform, fields, user), fields.text("name").removeprefix("#")
    if not name:
        raise ControlError("invalid_field", "name: is empty; write the channel's new name")
    if platform.workspace.find_channel(name) is not None:
        raise ControlError("name_taken", f"name: there is a channel {name} already")
    happenings.rename(platform, channel, name, user.id)
    return {"channel": channel.wire(user.id)}


async def topic(platform: Platform, fields: Fields) -> Json:
    """Set a channel's topic as a person."""
    user = fields.user()
    channel = _open_channel(platform, fields, user)
    happenings.note(platform, channel, user.id, topic=fields.text("topic"))
    return {"channel": channel.wire(user.id)}


async def person(platform: Platform, fields: Fields) -> Json:
    """Bring somebody new into the workspace, described as in a seed; apps are told by `team_join`.

    With `user` instead of `name`, change `real_name`, `role`, `email` or `tz` of somebody who is there, or deactivate
    them (`deactivated`); apps are told by `user_change`.
    """
    if "user" in fields.data:
        return {"user": shown(_changed(platform, fields))}
    try:
        seed = UserSeed.model_validate(fields.data)
        user = platform.workspace.add_person(seed)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ControlError("invalid_field", f"{where}: {first['msg']}") from error
    except SeedError as error:
        raise ControlError("invalid_field", str(error)) from error
    wire = platform.workspace.user_object(user, platform.base_url, with_email=False)
    happenings.tell(platform, "team_join", {"user": wire, "cache_ts": int(platform.clock())}, actor=user.id)
    return {"user": shown(user)}


def _changed(platform: Platform, fields: Fields) -> User:
    user = fields.user(deactivated_too=True)
    if unknown := sorted(set(fields.data) - {*_CHANGES, "user", "deactivated"}):
        raise ControlError(
            "unknown_field", f"{unknown[0]}: cannot be changed; these can: {', '.join(sorted(_CHANGES))}"
        )
    if "tz" in fields.data and not is_zone(fields.text("tz")):
        raise ControlError("invalid_field", f"tz: {fields.text('tz')!r} is no time zone; write one like Europe/Berlin")
    for field, attribute in _CHANGES.items():
        if field in fields.data:
            setattr(user, attribute, fields.text(field))
    if "deactivated" in fields.data:
        user.deleted = fields.flag("deactivated")
        for channel in platform.workspace.channels.values() if user.deleted else ():
            if user.id in channel.members and not channel.is_im:
                channel.members.remove(user.id)
    happenings.person_changed(platform, user)
    return user


def _app(platform: Platform, fields: Fields) -> App:
    wanted = fields.text("app")
    for app in platform.apps.installed.values():
        if wanted in {app.id, app.name, app.bot_user_id}:
            return app
    known = ", ".join(app.name for app in platform.apps.installed.values()) or "none"
    raise ControlError("app_not_found", f"app: no app {wanted!r} is installed; there are: {known}")


async def uninstall(platform: Platform, fields: Fields) -> Json:
    """Take an app out of the workspace; it is told by `tokens_revoked` and `app_uninstalled`."""
    app = _app(platform, fields)
    platform.deliveries.spawn(events.uninstalled(platform, app))
    platform.apps.remove(app)
    return {"app_id": app.id}


async def assistant(platform: Platform, fields: Fields) -> Outcome:
    """Open a thread with an app that is an assistant, `channel` being in view; the answer holds its `ts`.

    With the `thread_ts` of such a thread, look at another `channel` meanwhile.
    Reference: https://docs.slack.dev/reference/events/assistant_thread_started
    """
    user, app = fields.user(), _app(platform, fields)
    if not app.manifest.is_assistant:
        raise ControlError("not_an_assistant", f"app: {app.name} has no assistant_view or agent_view in its manifest")
    direct = platform.workspace.direct(user.id, app.bot_user_id)
    viewed = fields.channel(user) if fields.data.get("channel") else None
    thread_ts = fields.text("thread_ts", "")
    message = direct.messages.get(thread_ts)
    if thread_ts and message is None:
        raise ControlError("thread_not_found", f"thread_ts: {user.name} has no thread {thread_ts!r} with {app.name}")
    if message is None:
        message = _thread(platform, user, direct)
    team = platform.workspace.teams[user.team_id]
    context: Json = {"team_id": team.id, "enterprise_id": team.enterprise.id if team.enterprise else None}
    event: Json = {
        "type": "assistant_thread_context_changed" if thread_ts else "assistant_thread_started",
        "assistant_thread": {
            "user_id": user.id,
            "context": ({"channel_id": viewed.id} if viewed else {}) | context,
            "channel_id": direct.id,
            "thread_ts": message.ts,
        },
        "event_ts": platform.workspace.next_ts(),
    }
    sent = await events.emit(platform, str(event["type"]), event, actor_team=user.team_id, only=app.id)
    return Outcome(sent, message=message)


def _thread(platform: Platform, user: User, direct: Channel) -> Message:
    """Begin a thread (https://docs.slack.dev/reference/events/message/assistant_app_thread)."""
    title = "New Assistant Thread"
    return platform.workspace.add(
        Message(
            ts=platform.workspace.next_ts(),
            channel=direct.id,
            user=user.id,
            text=title,
            team=user.team_id,
            subtype="assistant_app_thread",
            details={"assistant_app_thread": {"title": title, "title_blocks": [], "artifacts": []}},
        )
    )

"""What the control API lets people do: one function per POST."""

from bot.sandbox import commands, events, happenings, interactions, own_messages, posting, submissions
from bot.sandbox.control_request import Fields
from bot.sandbox.errors import ControlError, Json, SlackError
from bot.sandbox.interactions import Source
from bot.sandbox.methods.reactions import check_emoji
from bot.sandbox.model import User
from bot.sandbox.outcome import Outcome
from bot.sandbox.platform import Platform


async def message(platform: Platform, fields: Fields) -> Outcome:
    """Write a message as a person, with `broadcast` an answer that the channel sees, too; the answer holds its `ts`."""
    user = fields.user()
    channel = fields.channel(user)
    text, thread_ts = fields.text("text"), fields.text("thread_ts", "")
    files = own_messages.files_named(platform, user, fields.data.get("files"))
    if not text.strip() and not files:
        raise ControlError("no_text", "text: is empty; write something")
    if len(text) > posting.MAX_TEXT:
        raise ControlError("msg_too_long", f"text: has {len(text)} characters; at most {posting.MAX_TEXT} are allowed")
    if thread_ts and thread_ts not in channel.messages:
        raise ControlError("thread_not_found", f"thread_ts: no message {thread_ts!r} in this channel")
    written = posting.by_person(platform, user, channel, text, thread_ts)
    own_messages.share(platform, written, files)
    written.broadcast = fields.flag("broadcast") and bool(thread_ts)
    return Outcome(await events.message_posted(platform, written), message=written)


async def command(platform: Platform, fields: Fields) -> Outcome:
    """Type a slash command as a person."""
    user = fields.user()
    channel = fields.channel(user)
    name = fields.text("command")
    name = name if name.startswith("/") else "/" + name
    return await commands.run(platform, user, channel, name, fields.text("text", ""), fields.text("thread_ts", ""))


def _source(platform: Platform, fields: Fields, user: User) -> Source:
    view_id = fields.optional("view_id")
    if view_id:
        return interactions.in_view(platform, user, view_id)
    return interactions.in_message(platform, user, fields.channel(user), fields.text("ts"))


async def action(platform: Platform, fields: Fields) -> Outcome:
    """Press a button or choose from a menu, in a message (`channel`, `ts`) or a view (`view_id`)."""
    user = fields.user()
    source = _source(platform, fields, user)
    return await interactions.act(
        platform, user, source, fields.text("action_id"), fields.optional("block_id"), fields.data.get("value")
    )


async def options(platform: Platform, fields: Fields) -> Outcome:
    """Type into an external select; the answer holds the `options` the app offers."""
    user = fields.user()
    source = _source(platform, fields, user)
    typed = fields.text("value", "")
    return await interactions.suggest(
        platform, user, source, fields.text("action_id"), fields.optional("block_id"), typed
    )


async def reaction(platform: Platform, fields: Fields) -> Outcome:
    """Add a reaction as a person, or with `remove` take it back."""
    user = fields.user()
    channel = fields.channel(user)
    found = channel.messages.get(fields.text("ts"))
    if found is None or found.ephemeral_to:
        raise ControlError("message_not_found", f"ts: no message {fields.text('ts')!r} here that can have reactions")
    try:
        name = check_emoji(fields.text("name"))
    except SlackError:
        raise ControlError(
            "invalid_name", f"name: {fields.text('name')!r} is no emoji name; write eyes, +1 …"
        ) from None
    people = found.reactions.setdefault(name, [])
    removing = fields.flag("remove")
    if removing == (user.id not in people):
        found.reactions = {key: value for key, value in found.reactions.items() if value}
        raise ControlError(
            "no_reaction" if removing else "already_reacted",
            f"name: {user.name} has {'not' if removing else 'already'} reacted with {name}",
        )
    if removing:
        people.remove(user.id)
    else:
        people.append(user.id)
    found.reactions = {key: value for key, value in found.reactions.items() if value}
    platform.changes.publish("reaction", channel=channel.id, ts=found.ts)
    return Outcome(await events.reaction(platform, user, found, name, added=not removing))


async def view(platform: Platform, fields: Fields) -> Outcome:
    """Submit a modal with `values`, or with `close` leave it (`clear` closes the whole stack)."""
    user = fields.user()
    source = interactions.in_view(platform, user, fields.text("view_id"))
    if fields.flag("close") or fields.flag("clear"):
        return await submissions.close(platform, user, source, clear=fields.flag("clear"))
    return await submissions.submit(platform, user, source, fields.mapping("values"))


async def shortcut(platform: Platform, fields: Fields) -> Outcome:
    """Use a global shortcut, or with `channel` and `ts` one on a message."""
    user = fields.user()
    ts = fields.text("ts", "")
    channel = fields.channel(user) if fields.data.get("channel") else None
    return await interactions.shortcut(platform, user, fields.text("callback_id"), channel, ts)


async def home(platform: Platform, fields: Fields) -> Outcome:
    """Open the App Home as a person (`tab` is `home` or `messages`); apps are told by `app_home_opened`."""
    user, tab = fields.user(), fields.text("tab", "home")
    if tab not in {"home", "messages"}:
        raise ControlError("invalid_field", "tab: must be home or messages")
    return Outcome(await events.home_opened(platform, user, tab, platform.apps.installed.values()))


async def event(platform: Platform, fields: Fields) -> Outcome:
    """Send an event as it is given: `type`, and whatever fields it has.

    `subscription` names the subscription where it differs from the type (`message.channels`); `app_home_opened` with a
    `user` is made whole as Slack sends it.
    """
    kind = fields.text("type")
    data = {key: value for key, value in fields.data.items() if key != "subscription"}
    if kind == "app_home_opened" and set(data) <= {"type", "user", "tab"}:
        return await home(platform, fields)
    named = data.get("channel")
    channel = platform.workspace.find_channel(named) if isinstance(named, str) else None
    if channel is not None:
        data["channel"] = channel.id
    actor = platform.workspace.find_user(data["user"]) if isinstance(data.get("user"), str) else None
    if actor is not None:
        data["user"] = actor.id
    data.setdefault("event_ts", platform.workspace.next_ts())
    default = channel.event_name if kind == "message" and channel else kind
    name = fields.text("subscription", default)
    team = actor.team_id if actor else ""
    return Outcome(await events.emit(platform, name, data, channel=channel, actor_team=team))


async def member(platform: Platform, fields: Fields) -> Outcome:
    """Bring a person or an app's bot user into a channel, or with `remove` out of it."""
    user = fields.user()
    found = platform.workspace.find_channel(fields.text("channel"))
    if found is None or found.is_im:
        raise ControlError("channel_not_found", f"channel: no channel {fields.text('channel')!r}")
    joined = not fields.flag("remove")
    if joined == (user.id in found.members):
        raise ControlError("already_so", f"user: {user.name} is {'already' if joined else 'not'} in {found.name}")
    if joined:
        found.members.append(user.id)
    verb, subtype = ("joined", "channel_join") if joined else ("left", "channel_leave")
    posting.by_workspace(platform, user.id, found, subtype, f"<@{user.id}> has {verb} the channel")
    sent = await events.membership(platform, user, found, joined=joined)
    if not joined:
        found.members.remove(user.id)
    platform.changes.publish("channel", channel=found.id)
    return Outcome(sent)


async def channel(platform: Platform, fields: Fields) -> Json:
    """Create a channel with these `members` (names or ids)."""
    name = fields.text("name").removeprefix("#")
    if platform.workspace.find_channel(name):
        raise ControlError("name_taken", f"name: there is a channel {name} already")
    members = fields.data.get("members", [])
    if not isinstance(members, list):
        raise ControlError("invalid_field", "members: must be an array of names or ids")
    people = [platform.workspace.user(one, "members").id for one in members]
    made = platform.workspace.add_channel(name, private=fields.flag("private"), members=people)
    happenings.create(platform, made)
    return {"channel": made.wire("")}

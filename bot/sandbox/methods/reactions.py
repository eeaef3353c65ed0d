"""Methods about reactions and pins (https://docs.slack.dev/reference/methods?family=reactions)."""

import re

from bot.sandbox import events
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError

_EMOJI = re.compile(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?\Z")
_MAX_EMOJI = 23
_MAX_PINS = 100


def check_emoji(name: str) -> str:
    """Return an emoji's name without colons; raises `invalid_name` for what cannot be one."""
    bare = name.removeprefix(":").removesuffix(":") if not name.startswith("::") else name
    if not _EMOJI.match(bare):
        raise SlackError("invalid_name")
    return bare


@method("reactions.add", "reactions:write", tier=3)
async def add(call: Call) -> Json:
    """React to a message (https://docs.slack.dev/reference/methods/reactions.add)."""
    name = check_emoji(call.required("name"))
    channel = call.channel(member=True)
    message = call.message(channel, "timestamp")
    bot = call.app.bot_user_id
    if bot in message.reactions.get(name, []):
        raise SlackError("already_reacted")
    if name not in message.reactions and len(message.reactions) >= _MAX_EMOJI:
        raise SlackError("too_many_emoji")
    message.reactions.setdefault(name, []).append(bot)
    call.platform.changes.publish("reaction", channel=channel.id, ts=message.ts)
    user = call.platform.workspace.users[bot]
    call.platform.deliveries.spawn(events.reaction(call.platform, user, message, name, added=True))
    return {}


@method("reactions.remove", "reactions:write", tier=2)
async def remove(call: Call) -> Json:
    """Take a reaction back (https://docs.slack.dev/reference/methods/reactions.remove)."""
    name = check_emoji(call.required("name"))
    channel = call.channel(member=True)
    message = call.message(channel, "timestamp")
    bot = call.app.bot_user_id
    if bot not in message.reactions.get(name, []):
        raise SlackError("no_reaction")
    message.reactions[name].remove(bot)
    if not message.reactions[name]:
        del message.reactions[name]
    call.platform.changes.publish("reaction", channel=channel.id, ts=message.ts)
    user = call.platform.workspace.users[bot]
    call.platform.deliveries.spawn(events.reaction(call.platform, user, message, name, added=False))
    return {}


@method("reactions.get", "reactions:read", tier=3)
async def get(call: Call) -> Json:
    """Return a message with its reactions (https://docs.slack.dev/reference/methods/reactions.get)."""
    channel = call.channel(member=True)
    message = call.message(channel, "timestamp")
    files = call.platform.workspace.file_objects(message, call.platform.base_url)
    return {"type": "message", "channel": channel.id, "message": message.wire(files)}


@method("pins.add", "pins:write", tier=2)
async def pin(call: Call) -> Json:
    """Pin a message (https://docs.slack.dev/reference/methods/pins.add)."""
    channel = call.channel(member=True)
    message = call.message(channel, "timestamp")
    if message.ts in channel.pins:
        raise SlackError("already_pinned")
    if len(channel.pins) >= _MAX_PINS:
        raise SlackError("too_many_pins")
    channel.pins.append(message.ts)
    call.platform.changes.publish("channel", channel=channel.id)
    return {}


@method("pins.remove", "pins:write", tier=2)
async def unpin(call: Call) -> Json:
    """Unpin a message (https://docs.slack.dev/reference/methods/pins.remove)."""
    channel = call.channel(member=True)
    ts = call.required("timestamp")
    if ts not in channel.pins:
        raise SlackError("no_pin")
    channel.pins.remove(ts)
    call.platform.changes.publish("channel", channel=channel.id)
    return {}


@method("pins.list", "pins:read", tier=2)
async def pins(call: Call) -> Json:
    """List pinned messages (https://docs.slack.dev/reference/methods/pins.list)."""
    channel = call.channel(member=True)
    shown = [channel.messages[ts].wire() for ts in channel.pins if ts in channel.messages]
    items = [{"type": "message", "channel": channel.id, "message": message} for message in shown]
    return {"items": items}

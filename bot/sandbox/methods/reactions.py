"""Methods about reactions (https://docs.slack.dev/reference/methods?family=reactions)."""

import re

from bot.sandbox import events
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel

_EMOJI = re.compile(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?\Z")
_MAX_EMOJI = 23
_MAX_OF_ONE = 23


def check_emoji(name: str) -> str:
    """Return an emoji's name without colons; raises `invalid_name` for what cannot be one."""
    bare = name.removeprefix(":").removesuffix(":") if not name.startswith("::") else name
    if not _EMOJI.match(bare):
        raise SlackError("invalid_name")
    return bare


def _message(call: Call) -> tuple[Channel, Message]:
    if not (call.text("channel") and call.text("timestamp")):
        raise SlackError("no_item_specified")
    channel = call.channel(member=True)
    return channel, call.message(channel, "timestamp")


def _changed(call: Call, channel: Channel, message: Message, name: str, *, added: bool) -> None:
    call.platform.changes.publish("reaction", channel=channel.id, ts=message.ts)
    user = call.platform.workspace.users[call.actor]
    call.platform.deliveries.spawn(events.reaction(call.platform, user, message, name, added=added))


@method("reactions.add", "reactions:write", tier=3)
async def add(call: Call) -> Json:
    """React to a message (https://docs.slack.dev/reference/methods/reactions.add)."""
    name = check_emoji(call.required("name"))
    channel, message = _message(call)
    if call.actor in message.reactions.get(name, []):
        raise SlackError("already_reacted")
    if name not in message.reactions and len(message.reactions) >= _MAX_EMOJI:
        raise SlackError("too_many_emoji")
    if sum(call.actor in users for users in message.reactions.values()) >= _MAX_OF_ONE:
        raise SlackError("too_many_reactions")
    message.reactions.setdefault(name, []).append(call.actor)
    _changed(call, channel, message, name, added=True)
    return {}


@method("reactions.remove", "reactions:write", tier=2)
async def remove(call: Call) -> Json:
    """Take a reaction back (https://docs.slack.dev/reference/methods/reactions.remove)."""
    name = check_emoji(call.required("name"))
    channel, message = _message(call)
    if call.actor not in message.reactions.get(name, []):
        raise SlackError("no_reaction")
    message.reactions[name].remove(call.actor)
    if not message.reactions[name]:
        del message.reactions[name]
    _changed(call, channel, message, name, added=False)
    return {}


def _item(call: Call, channel: Channel, message: Message) -> Json:
    files = call.platform.workspace.file_objects(message, call.platform.base_url)
    return {"type": "message", "channel": channel.id, "message": message.wire(files)}


@method("reactions.get", "reactions:read", tier=3, json_body=False)
async def get(call: Call) -> Json:
    """Return a message with its reactions (https://docs.slack.dev/reference/methods/reactions.get)."""
    return _item(call, *_message(call))


@method("reactions.list", "reactions:read", tier=2, json_body=False)
async def list_reactions(call: Call) -> Json:
    """List what somebody reacted to, newest first (https://docs.slack.dev/reference/methods/reactions.list)."""
    wanted = call.user().id if call.text("user") else call.actor
    found = [
        _item(call, channel, message)
        for channel in call.platform.workspace.channels.values()
        if call.actor in channel.members
        for message in channel.messages.values()
        if not message.ephemeral_to and any(wanted in users for users in message.reactions.values())
    ]
    found.sort(key=lambda item: str(item["message"]["ts"]), reverse=True)
    page, cursor = call.page(found, error="invalid_arguments")
    return {"items": page, "response_metadata": {"next_cursor": cursor}}

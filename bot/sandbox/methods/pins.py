"""Methods about pinned messages (https://docs.slack.dev/reference/methods?family=pins)."""

from bot.sandbox import happenings
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.model import Channel

_MAX_PINS = 100


def _place(call: Call) -> tuple[Channel, str]:
    channel = call.channel()
    if call.actor not in channel.members:
        raise SlackError("not_in_channel")
    if channel.is_archived:
        raise SlackError("restricted_action")
    ts = call.text("timestamp")
    if not ts:
        raise SlackError("no_item_specified")
    return channel, ts


@method("pins.add", "pins:write", tier=2)
async def pin(call: Call) -> Json:
    """Pin a message (https://docs.slack.dev/reference/methods/pins.add)."""
    channel, ts = _place(call)
    message = call.message(channel, "timestamp")
    if message.ts in channel.pins:
        raise SlackError("already_pinned")
    if len(channel.pins) >= _MAX_PINS:
        raise SlackError("too_many_pins")
    happenings.pin(call.platform, channel, ts, call.actor, added=True)
    return {}


@method("pins.remove", "pins:write", tier=2)
async def unpin(call: Call) -> Json:
    """Unpin a message (https://docs.slack.dev/reference/methods/pins.remove)."""
    channel, ts = _place(call)
    if ts not in channel.pins:
        raise SlackError("no_pin" if ts in channel.messages else "message_not_found")
    happenings.pin(call.platform, channel, ts, call.actor, added=False)
    return {}


@method("pins.list", "pins:read", tier=2, json_body=False)
async def list_pins(call: Call) -> Json:
    """List pinned messages (https://docs.slack.dev/reference/methods/pins.list)."""
    channel, workspace = call.channel(), call.platform.workspace
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "created": int(float(ts)),
            "created_by": channel.pinned_by.get(ts, ""),
            "message": message.wire(workspace.file_objects(message, call.platform.base_url)),
        }
        for ts in channel.pins
        if (message := channel.messages.get(ts)) is not None
    ]
    return {"items": items}

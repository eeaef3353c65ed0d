"""Methods that write messages later (https://docs.slack.dev/messaging/sending-and-scheduling-messages#scheduling)."""

import asyncio

from bot.sandbox import posting
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_id
from bot.sandbox.methods import composing
from bot.sandbox.platform import Platform
from bot.sandbox.posting import Content
from bot.sandbox.scheduled import Scheduled

_FARTHEST = 120 * 86_400
_WINDOW = 300
_MAX_IN_WINDOW = 30
_UNDELETABLE = 60
_LOOK = 0.2


@method("chat.scheduleMessage", "chat:write")
async def schedule(call: Call) -> Json:
    """Plan a message (https://docs.slack.dev/reference/methods/chat.scheduleMessage).

    At most 120 days ahead, and 30 messages of a channel within five minutes.
    """
    platform, now = call.platform, call.platform.clock()
    channel = composing.place(call)
    content = composing.content(call, truncate=True)
    try:
        post_at = int(float(call.required("post_at")))
    except (ValueError, OverflowError):
        raise SlackError("invalid_time") from None
    if post_at <= now:
        raise SlackError("time_in_past")
    if post_at > now + _FARTHEST:
        raise SlackError("time_too_far")
    planned = [one for one in platform.workspace.scheduled.values() if one.channel == channel.id]
    if sum(abs(one.post_at - post_at) < _WINDOW for one in planned) >= _MAX_IN_WINDOW:
        raise SlackError("restricted_too_many")
    made = Scheduled(
        id=new_id("Q"),
        app_id=call.app.id,
        author=composing.author(call),
        channel=channel.id,
        post_at=post_at,
        date_created=int(now),
        text=content.text,
        blocks=content.blocks,
        attachments=content.attachments,
        metadata=content.metadata,
        thread_ts=composing.thread(call, channel),
        broadcast=call.flag("reply_broadcast"),
    )
    platform.workspace.scheduled[made.id] = made
    platform.changes.publish("channel", channel=channel.id)
    platform.deliveries.spawn(post_when_due(platform, made))
    message = {
        "type": "delayed_message",
        "text": made.text,
        "user": call.actor,
        "bot_id": call.app.bot_id,
        "app_id": call.app.id,
        "team": platform.workspace.team.id,
        "bot_profile": call.app.bot(platform.base_url),
        **{key: value for key, value in (("blocks", made.blocks), ("attachments", made.attachments)) if value},
    }
    return {"channel": channel.id, "scheduled_message_id": made.id, "post_at": str(post_at), "message": message}


async def post_when_due(platform: Platform, planned: Scheduled) -> None:
    """Post a planned message at its time, unless it was taken back; the clock is asked a few times a second."""
    while platform.clock() < planned.post_at:
        await asyncio.sleep(_LOOK)  # the clock may be one that a test moves, so no timer can be set
        if planned.id not in platform.workspace.scheduled:
            return
    platform.workspace.scheduled.pop(planned.id, None)
    app, channel = platform.apps.installed.get(planned.app_id), platform.workspace.channels.get(planned.channel)
    if app is None or channel is None or channel.is_archived:
        return
    content = Content(planned.text, planned.blocks, planned.attachments, planned.metadata)
    thread_ts = planned.thread_ts if planned.thread_ts in channel.messages else ""
    posting.by_app(
        platform, app, channel, content, thread_ts=thread_ts, broadcast=planned.broadcast, author=planned.author
    )


@method("chat.deleteScheduledMessage", "chat:write")
async def unschedule(call: Call) -> Json:
    """Take a planned message back (https://docs.slack.dev/reference/methods/chat.deleteScheduledMessage).

    One that is due within 60 seconds cannot be stopped any more.
    """
    wanted, channel = call.required("scheduled_message_id"), call.channel()
    planned = call.platform.workspace.scheduled.get(wanted)
    is_ours = planned is not None and planned.channel == channel.id and planned.app_id == call.app.id
    if planned is None or not is_ours or planned.post_at - call.platform.clock() < _UNDELETABLE:
        raise SlackError("invalid_scheduled_message_id")
    del call.platform.workspace.scheduled[wanted]
    call.platform.changes.publish("channel", channel=channel.id)
    return {}


@method("chat.scheduledMessages.list")
async def list_scheduled(call: Call) -> Json:
    """List what the app has planned (https://docs.slack.dev/reference/methods/chat.scheduledMessages.list)."""
    wanted = call.channel(error="invalid_channel").id if call.text("channel") else ""
    oldest, latest = _moment(call, "oldest", 0.0), _moment(call, "latest", float("inf"))
    found = sorted(
        (
            one
            for one in call.platform.workspace.scheduled.values()
            if one.app_id == call.app.id and wanted in {"", one.channel} and oldest <= one.post_at <= latest
        ),
        key=lambda one: one.post_at,
    )
    page, cursor = call.page([one.wire() for one in found], error="invalid_arguments")
    return {"scheduled_messages": page, "response_metadata": {"next_cursor": cursor}}


def _moment(call: Call, name: str, default: float) -> float:
    try:
        return float(call.text(name) or default)
    except ValueError:
        return default

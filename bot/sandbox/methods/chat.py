"""Methods that write messages (https://docs.slack.dev/reference/methods?family=chat)."""

import re

from bot.sandbox import posting
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel
from bot.sandbox.posting import Content

_TS = re.compile(r"\d{9,10}\.\d{1,6}\Z")


def _content(call: Call) -> Content:
    return posting.read_content(
        call.raw("text"),
        call.decoded("blocks", "invalid_blocks_format"),
        call.decoded("attachments", "invalid_attachments"),
        call.decoded("metadata", "invalid_metadata_format"),
    )


def _where(call: Call) -> Channel:
    """Return the channel to post to: a user id stands for the direct message with that person."""
    wanted = call.required("channel")
    workspace = call.platform.workspace
    if wanted in workspace.users:
        if workspace.users[wanted].is_bot:
            raise SlackError("cannot_dm_bot")
        return workspace.direct(wanted, call.app.bot_user_id)
    if wanted.startswith("@"):
        raise SlackError("channel_not_found")
    channel = call.channel(by_name=True)
    if call.app.bot_user_id not in channel.members and "chat:write.public" not in call.app.manifest.scopes:
        raise SlackError("not_in_channel")
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def _pace(call: Call, channel: Channel) -> None:
    """Refuse more than about one message per second and channel (https://docs.slack.dev/apis/web-api/rate-limits)."""
    wait = call.platform.limits.wait_for_post(call.app.id, channel.id)
    if wait:
        raise SlackError("ratelimited", status=429, headers={"Retry-After": str(wait)})


def _looks(call: Call) -> Json:
    """Return name and icon of this one message; needs `chat:write.customize`."""
    looks: Json = {}
    if call.text("username"):
        call.need("chat:write.customize")
        looks["username"] = call.text("username")
    if call.text("icon_emoji"):
        looks["icons"] = {"emoji": call.text("icon_emoji")}
    elif call.text("icon_url"):
        looks["icons"] = {"image_48": call.text("icon_url")}
    return looks


def _thread(call: Call, channel: Channel) -> str:
    """Return the `ts` of the thread to post to, empty for none.

    A `thread_ts` that cannot be one is refused as `invalid_thread_ts`. One without a message (deleted, say) is not:
    Slack then posts to the channel, and the answer's message has no `thread_ts`, as users found
    (https://github.com/slack-go/slack/issues/1571).
    """
    thread_ts = call.text("thread_ts")
    if thread_ts and not _TS.match(thread_ts):
        raise SlackError("invalid_thread_ts", messages=[f"[ERROR] {thread_ts} is not a valid thread_ts"])
    parent = channel.messages.get(thread_ts)
    if parent is None or parent.ephemeral_to:
        return ""
    return parent.thread_ts if parent.is_reply else thread_ts


def _shown(call: Call, message: Message) -> Json:
    workspace = call.platform.workspace
    shown = message.wire(workspace.file_objects(message, call.platform.base_url), with_metadata=True)
    bot = call.app
    shown["bot_profile"] = {
        "id": bot.bot_id,
        "app_id": bot.id,
        "user_id": bot.bot_user_id,
        "name": bot.name,
        "team_id": workspace.team.id,
        "deleted": False,
        "updated": 0,
        "icons": {},
    }
    return shown


@method("chat.postMessage", "chat:write", tier=4)
async def post_message(call: Call) -> Json:
    """Post a message (https://docs.slack.dev/reference/methods/chat.postMessage)."""
    channel = _where(call)
    content = _content(call)
    thread_ts = _thread(call, channel)
    _pace(call, channel)
    message = posting.by_app(
        call.platform,
        call.app,
        channel,
        content,
        thread_ts=thread_ts,
        broadcast=call.flag("reply_broadcast"),
        looks=_looks(call),
    )
    return {"channel": channel.id, "ts": message.ts, "message": _shown(call, message)}


@method("chat.postEphemeral", "chat:write", tier=4)
async def post_ephemeral(call: Call) -> Json:
    """Post a message that one person sees (https://docs.slack.dev/reference/methods/chat.postEphemeral)."""
    channel = call.channel(member=True, by_name=True)
    user = call.platform.workspace.users.get(call.required("user"))
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = _content(call)
    _pace(call, channel)
    message = posting.by_app(
        call.platform,
        call.app,
        channel,
        content,
        thread_ts=_thread(call, channel),
        ephemeral_to=user.id,
        looks=_looks(call),
    )
    return {"message_ts": message.ts}


def _own(call: Call, channel: Channel, error: str) -> Message:
    message = call.message(channel)
    if message.app_id != call.app.id:
        raise SlackError(error)
    return message


@method("chat.update", "chat:write", tier=3)
async def update(call: Call) -> Json:
    """Edit a message of the app's own (https://docs.slack.dev/reference/methods/chat.update).

    What is not given stays; an empty array removes blocks or attachments.
    """
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    given = {name for name in ("text", "blocks", "attachments", "metadata") if call.raw(name) is not None}
    keep = {"text", "blocks", "attachments", "metadata"} - given
    if given == {"metadata"}:
        content = Content(metadata=posting.read_content("-", None, None, call.decoded("metadata")).metadata)
    else:
        content = _content(call)
    posting.edit(call.platform, message, content, call.app.bot_user_id, keep=frozenset(keep))
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": _shown(call, message)}


@method("chat.delete", "chat:write", tier=3)
async def delete(call: Call) -> Json:
    """Delete a message of the app's own (https://docs.slack.dev/reference/methods/chat.delete)."""
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    posting.delete(call.platform, message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", tier=4)
async def get_permalink(call: Call) -> Json:
    """Return a link to a message (https://docs.slack.dev/reference/methods/chat.getPermalink)."""
    channel = call.channel()
    message = call.message(channel, "message_ts")
    link = f"{call.platform.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


@method("chat.unfurl", "links:write", tier=3)
async def unfurl(call: Call) -> Json:
    """Show what is behind links of a message (https://docs.slack.dev/reference/methods/chat.unfurl).

    The message is named by `channel` and `ts`, or by `unfurl_id` and `source`. Called again, it replaces what it
    showed.
    """
    unfurl_id, source = call.text("unfurl_id"), call.text("source")
    if bool(unfurl_id) != bool(source):
        raise SlackError("invalid_arguments", messages=["[ERROR] unfurl_id and source belong together"])
    if source and source != "conversations_history":
        raise SlackError("invalid_source" if source != "composer" else "invalid_unfurl_id")
    channel_id, _, rest = unfurl_id.partition(".")
    ts = rest.rpartition(".")[0] if unfurl_id else call.required("ts")
    channel = call.platform.workspace.channels.get(channel_id if unfurl_id else call.required("channel"))
    if channel is None:
        raise SlackError("invalid_unfurl_id" if unfurl_id else "cannot_find_channel")
    message = channel.messages.get(ts)
    if message is None or message.ephemeral_to:
        raise SlackError("cannot_find_message")
    wanted = call.decoded("unfurls", "invalid_unfurls_format")
    if not isinstance(wanted, dict) or not wanted:
        raise SlackError("missing_unfurls" if wanted in (None, "", {}) else "invalid_unfurls_format")
    posting.unfurl(call.platform, call.app, message, wanted)
    return {}

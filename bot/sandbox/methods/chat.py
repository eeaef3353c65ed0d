"""Methods that write messages (https://docs.slack.dev/reference/methods?family=chat)."""

from bot.sandbox import posting
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.methods import composing
from bot.sandbox.posting import Content

_MAX_EDIT = 4000
"""The longest text of an edit; https://docs.slack.dev/reference/methods/chat.update#errors (`msg_too_long`)."""


@method("chat.postMessage", "chat:write", tier=4)
async def post_message(call: Call) -> Json:
    """Post a message (https://docs.slack.dev/reference/methods/chat.postMessage)."""
    channel = composing.place(call)
    content = composing.content(call, truncate=True)
    thread_ts = composing.thread(call, channel)
    broadcast, looks = call.flag("reply_broadcast"), composing.looks(call)
    composing.pace(call, channel)
    message = posting.by_app(
        call.platform,
        call.app,
        channel,
        content,
        thread_ts=thread_ts,
        broadcast=broadcast,
        looks=looks,
        author=composing.author(call),
    )
    return {"channel": channel.id, "ts": message.ts, "message": composing.shown(call, message)}


@method("chat.postEphemeral", "chat:write", tier=4)
async def post_ephemeral(call: Call) -> Json:
    """Post a message that one person sees (https://docs.slack.dev/reference/methods/chat.postEphemeral)."""
    channel = call.channel(member=True, by_name=True)
    user = call.platform.workspace.users.get(call.required("user"))
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    content, thread_ts, looks = composing.content(call), composing.thread(call, channel), composing.looks(call)
    composing.pace(call, channel)
    message = posting.by_app(
        call.platform,
        call.app,
        channel,
        content,
        thread_ts=thread_ts,
        ephemeral_to=user.id,
        looks=looks,
        author=composing.author(call),
    )
    return {"message_ts": message.ts}


@method("chat.meMessage", "chat:write")
async def me_message(call: Call) -> Json:
    """Say what one does, as `/me` does (https://docs.slack.dev/reference/methods/chat.meMessage)."""
    channel = composing.place(call)
    content = posting.read_content(call.raw("text"), None)
    message = posting.by_app(
        call.platform, call.app, channel, content, author=composing.author(call), subtype="me_message"
    )
    return {"channel": channel.id, "ts": message.ts}


@method("chat.update", "chat:write")
async def update(call: Call) -> Json:
    """Edit a message of the caller's own (https://docs.slack.dev/reference/methods/chat.update).

    What is not given stays; an empty array removes blocks or attachments.
    """
    channel = call.channel()
    message = composing.own(call, channel, "cant_update_message")
    if channel.is_archived:
        raise SlackError("is_inactive")
    if message.stream is not None and not message.stream.is_over:
        raise SlackError("streaming_state_conflict")
    if len(call.text("text")) > _MAX_EDIT:
        raise SlackError("msg_too_long")
    given = composing.given(call)
    keep = {"text", "blocks", "attachments", "metadata"} - given
    if given == {"metadata"}:
        metadata = call.decoded("metadata", "invalid_metadata_format")
        content = Content(metadata=posting.read_content("-", None, None, metadata).metadata)
    else:
        content = composing.content(call)
    if call.flag("reply_broadcast"):
        if not message.is_reply:
            raise SlackError("cant_broadcast_message")
        message.broadcast = True
    posting.edit(call.platform, message, content, call.actor, keep=frozenset(keep))
    shown = composing.shown(call, message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


@method("chat.delete", "chat:write")
async def delete(call: Call) -> Json:
    """Delete a message of the caller's own (https://docs.slack.dev/reference/methods/chat.delete)."""
    channel = call.channel()
    message = composing.own(call, channel, "cant_delete_message")
    posting.delete(call.platform, message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", tier=4, json_body=False)
async def get_permalink(call: Call) -> Json:
    """Return a link to a message (https://docs.slack.dev/reference/methods/chat.getPermalink)."""
    channel = call.channel()
    message = call.message(channel, "message_ts")
    link = f"{call.platform.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


@method("chat.unfurl", "links:write")
async def unfurl(call: Call) -> Json:
    """Show what is behind links of a message (https://docs.slack.dev/reference/methods/chat.unfurl).

    The message is named by `channel` and `ts`, or by `unfurl_id` and `source`. Called again, it replaces what it
    showed.
    """
    unfurl_id, source = call.text("unfurl_id"), call.text("source")
    if bool(unfurl_id) != bool(source):
        raise SlackError("missing_source" if unfurl_id else "missing_unfurl_id")
    if source and source != "conversations_history":
        raise SlackError("invalid_source" if source != "composer" else "invalid_unfurl_id")
    channel_id, _, rest = unfurl_id.partition(".")
    for name in () if unfurl_id else ("channel", "ts"):
        if not call.text(name):
            raise SlackError(f"missing_{name}")
    ts = rest.rpartition(".")[0] if unfurl_id else call.text("ts")
    channel = call.platform.workspace.channels.get(channel_id if unfurl_id else call.text("channel"))
    if channel is None:
        raise SlackError("invalid_unfurl_id" if unfurl_id else "cannot_find_channel")
    message = channel.messages.get(ts)
    if message is None or message.ephemeral_to:
        raise SlackError("cannot_find_message")
    wanted = call.decoded("unfurls", "invalid_unfurls_format")
    if not isinstance(wanted, dict) or not wanted:
        raise SlackError("missing_unfurls" if wanted in (None, "", {}) else "invalid_unfurls_format")
    if not all(isinstance(one, dict) for one in wanted.values()):
        raise SlackError("invalid_unfurls_format")
    posting.unfurl(call.platform, call.app, message, wanted)
    return {}

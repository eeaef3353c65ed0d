"""What the methods that write messages share: where to, what, in which thread, and under which name.

Reference: https://docs.slack.dev/reference/methods/chat.postMessage
"""

import re

from bot.sandbox import posting
from bot.sandbox.call import Call, invalid
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel
from bot.sandbox.posting import Content

_TS = re.compile(r"\d{9,10}\.\d{1,6}\Z")
_PARTS = ("text", "blocks", "attachments")


def content(call: Call, *, truncate: bool = False) -> Content:
    """Return what the message shows, out of `text`, `blocks`, `attachments`, `metadata`, or of `markdown_text`.

    With `truncate`, a longer text than Slack keeps is cut, and the caller warned, instead of refused
    (https://docs.slack.dev/reference/methods/chat.postMessage#truncating).
    """
    metadata = call.decoded("metadata", "invalid_metadata_format")
    if call.raw("markdown_text") is not None:
        if any(call.raw(name) not in (None, "", []) for name in ("text", "blocks")):
            raise SlackError("markdown_text_conflict")
        return posting.markdown_content(call.text("markdown_text"), metadata)
    text = call.raw("text")
    if truncate and isinstance(text, str) and len(text) > posting.MAX_TEXT:
        text = text[: posting.MAX_TEXT]
        call.warn("message_truncated")
    made = posting.read_content(
        text,
        call.decoded("blocks", "invalid_blocks_format"),
        call.decoded("attachments", "invalid_attachments"),
        metadata,
    )
    _check_files(call, made.blocks)
    return made


def _check_files(call: Call, blocks: list[Json]) -> None:
    """Refuse blocks that show a file which is not there.

    Reference: https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object
    """
    files = call.platform.workspace.files
    for index, block in enumerate(blocks):
        named = block.get("slack_file") if block["type"] == "image" else None
        ident = named.get("id") if isinstance(named, dict) else None
        if ident and (ident not in files or not files[ident].complete):
            line = f"invalid slack file [json-pointer:/blocks/{index}/slack_file]"
            raise SlackError("invalid_blocks", errors=[line], messages=[f"[ERROR] {line}"])


def place(call: Call) -> Channel:
    """Return the channel to post to: a user id stands for the direct message with that person."""
    wanted = call.required("channel")
    workspace = call.platform.workspace
    if wanted in workspace.users:
        person = workspace.users[wanted]
        if person.is_bot:
            raise SlackError("cannot_dm_bot")
        if person.deleted:
            raise SlackError("channel_not_found")
        return workspace.direct(wanted, call.actor)
    if wanted.startswith("@"):
        raise SlackError("channel_not_found")
    channel = call.channel(by_name=True)
    if call.actor not in channel.members and "chat:write.public" not in call.scopes:
        raise SlackError("not_in_channel")
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def pace(call: Call, channel: Channel) -> None:
    """Refuse more than about one message per second and channel (https://docs.slack.dev/apis/web-api/rate-limits)."""
    wait = call.platform.limits.wait_for_post(call.app.id, channel.id)
    if wait:
        raise SlackError("ratelimited", status=429, headers={"Retry-After": str(wait)})


def looks(call: Call) -> Json:
    """Return name and icon of this one message; needs `chat:write.customize`."""
    wanted: Json = {}
    if call.text("username"):
        wanted["username"] = call.text("username")
    if call.text("icon_emoji"):
        wanted["icons"] = {"emoji": call.text("icon_emoji")}
    elif call.text("icon_url"):
        url = call.text("icon_url")
        wanted["icons"] = {f"image_{size}": url for size in (36, 48, 72)}
    if wanted:
        call.need("chat:write.customize")
    return wanted


def thread(call: Call, channel: Channel) -> str:
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


def author(call: Call) -> str:
    """Return who the message is by: the person behind a user token, empty for the app's bot user."""
    return call.actor if call.caller.kind == "user" else ""


def shown(call: Call, message: Message) -> Json:
    """Return the message object as the answers of these methods hold it."""
    workspace = call.platform.workspace
    return message.wire(workspace.file_objects(message, call.platform.base_url), with_metadata=True)


def own(call: Call, channel: Channel, error: str) -> Message:
    """Return the message named by `ts` when the caller wrote it; raises `error` for somebody else's."""
    message = call.message(channel)
    if message.app_id != call.app.id or (call.caller.kind == "user" and message.user != call.actor):
        raise SlackError(error)
    return message


def given(call: Call) -> set[str]:
    """Return which parts of a message an edit names."""
    parts = {name for name in (*_PARTS, "metadata") if call.raw(name) is not None}
    return parts | ({"text", "blocks"} if call.raw("markdown_text") is not None else set())


def limited(call: Call, name: str, maximum: int) -> None:
    """Raise `invalid_arguments` for an argument longer than `maximum` characters."""
    if len(call.text(name)) > maximum:
        raise invalid(f"must be less than {maximum + 1} characters", f"/{name}")

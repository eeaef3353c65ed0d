"""Writing, editing and deleting messages, whoever does it."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import events
from bot.sandbox.apps import App
from bot.sandbox.blockkit import message_attachments, message_blocks
from bot.sandbox.elements import carried_over
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_secret
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, User
from bot.sandbox.platform import Platform
from bot.sandbox.typed_text import composed, encode, links_of

MAX_TEXT = 40_000
"""The longest text of a message; https://docs.slack.dev/reference/methods/chat.postMessage#truncating."""

MAX_MARKDOWN = 12_000
"""The longest `markdown_text`; https://docs.slack.dev/reference/methods/chat.postMessage#args."""


@dataclass(slots=True)
class Content:
    """What a message shows, checked: text, blocks with ids, attachments, and metadata."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to show."""
        return not (self.text.strip() or self.blocks or self.attachments)


def read_content(text: object, blocks: object, attachments: object = None, metadata: object = None) -> Content:
    """Check the parts of a message as an app sent them.

    Raises `SlackError`: `no_text`, `msg_too_long`, `invalid_blocks`, `invalid_attachments`, `too_many_attachments`,
    `invalid_metadata_format` (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
    """
    content = Content()
    if text is not None and not isinstance(text, str):
        raise SlackError("invalid_arguments", messages=["[ERROR] must be a string [json-pointer:/text]"])
    content.text = text or ""
    if len(content.text) > MAX_TEXT:
        raise SlackError("msg_too_long")
    if blocks not in (None, "", []):
        content.blocks = message_blocks(blocks)
    if attachments not in (None, "", []):
        content.attachments = message_attachments(attachments)
    if metadata is not None:
        content.metadata = _metadata(metadata)
    if content.is_empty:
        raise SlackError("no_text")
    return content


def markdown_content(text: str, metadata: object = None) -> Content:
    """Return what a message of Markdown shows (https://docs.slack.dev/reference/methods/chat.postMessage).

    Raises `SlackError` `no_text`, and `invalid_arguments` for more than `MAX_MARKDOWN` characters.
    """
    if len(text) > MAX_MARKDOWN:
        where = "[json-pointer:/markdown_text]"
        raise SlackError(
            "invalid_arguments", messages=[f"[ERROR] must be less than {MAX_MARKDOWN + 1} characters {where}"]
        )
    if not text.strip():
        raise SlackError("no_text")
    content = Content(text=text, blocks=message_blocks([{"type": "markdown", "text": text}]))
    if metadata is not None:
        content.metadata = _metadata(metadata)
    return content


def _metadata(value: object) -> Json:
    """Check message metadata (https://docs.slack.dev/messaging/message-metadata)."""
    if not isinstance(value, dict) or not isinstance(value.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    payload = value.get("event_payload")
    if not value["event_type"] or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_schema")
    return {"event_type": value["event_type"], "event_payload": payload}


def by_app(  # noqa: PLR0913 - a message has this many facets
    platform: Platform,
    app: App,
    channel: Channel,
    content: Content,
    *,
    thread_ts: str = "",
    broadcast: bool = False,
    ephemeral_to: str = "",
    looks: Json | None = None,
    files: list[str] | None = None,
    author: str = "",
    subtype: str = "",
) -> Message:
    """Put an app's message into a channel and tell subscribers in the background.

    `looks` may hold `username` and `icons`, `files` are ids of uploaded files, `author` is the person the app posts
    for (a user token), otherwise its bot user.
    """
    looks = looks or {}
    profile = app.bot(platform.base_url) | {"team_id": platform.workspace.team.id}
    message = Message(
        ts=platform.workspace.next_ts(),
        channel=channel.id,
        user=author or app.bot_user_id,
        text=content.text,
        team=platform.workspace.team.id,
        subtype=subtype,
        bot_profile=profile,
        blocks=content.blocks,
        attachments=content.attachments,
        metadata=content.metadata,
        thread_ts=thread_ts,
        broadcast=broadcast and bool(thread_ts),
        bot_id=app.bot_id,
        app_id=app.id,
        username=str(looks.get("username", "")),
        icons=looks.get("icons", {}),
        ephemeral_to=ephemeral_to,
        files=files or [],
    )
    platform.workspace.add(message)
    if not ephemeral_to:
        platform.deliveries.spawn(events.message_posted(platform, message))
    return message


def by_person(platform: Platform, user: User, channel: Channel, text: str, thread_ts: str = "") -> Message:
    """Put a person's message into a channel; subscribers are not told yet.

    Text is encoded as Slack's composer does: `@name` becomes a mention, `&`, `<` and `>` are escaped.
    """
    encoded = encode(text, platform.workspace)
    message = Message(
        ts=platform.workspace.next_ts(),
        channel=channel.id,
        user=user.id,
        text=encoded,
        team=user.team_id,
        blocks=[{**composed(encoded), "block_id": new_secret(5)}],
        client_msg_id=str(uuid.uuid4()),
        thread_ts=thread_ts,
    )
    return platform.workspace.add(message)


def by_workspace(
    platform: Platform, user: str, channel: Channel, subtype: str, text: str, **details: object
) -> Message:
    """Note in a channel what somebody did to it, as Slack does, and tell subscribers.

    `subtype` is `channel_join` and the like (https://docs.slack.dev/reference/events/message#subtypes), `details` what
    that subtype has beside the text.
    """
    subtype = subtype if channel.kind == "channel" else subtype.replace("channel_", "group_", 1)
    message = Message(
        ts=platform.workspace.next_ts(),
        channel=channel.id,
        user=user,
        text=text,
        team=platform.workspace.users[user].team_id,
        subtype=subtype,
        details=dict(details),
    )
    platform.workspace.add(message)
    platform.deliveries.spawn(events.message_posted(platform, message))
    return message


def edit(platform: Platform, message: Message, content: Content, editor: str, *, keep: frozenset[str]) -> Message:
    """Replace what a message shows and tell subscribers; `keep` names the parts that stay.

    Without an `editor` (a user id) it is not marked as edited, as a message that is streamed is not.
    """
    before = message.wire(platform.workspace.file_objects(message, platform.base_url))
    replaced: dict[str, Any] = {
        "text": content.text,
        "blocks": content.blocks,
        "attachments": content.attachments,
        "metadata": content.metadata,
    }
    for name, value in replaced.items():
        if name not in keep:
            setattr(message, name, value)
    if "blocks" not in keep:
        message.inputs = {user: carried_over(values, message.blocks) for user, values in message.inputs.items()}
    if editor:
        message.edited_by, message.edited_ts = editor, platform.workspace.next_ts()
    platform.changes.publish("message", channel=message.channel, ts=message.ts, edited=True)
    if not message.ephemeral_to:
        platform.deliveries.spawn(events.message_changed(platform, message, before))
    return message


def unfurl(platform: Platform, app: App, message: Message, wanted: Json) -> None:
    """Attach an app's previews of links to a message, in place of those it attached before.

    Raises `SlackError`: `cannot_unfurl_url` for a link that is not in the message, `cannot_unfurl_message` for one of a
    domain the app did not register, and what attachments are refused for.
    """
    theirs, ours = links_of(message.text), events.unfurled_by(app, message.text)
    for url in wanted:
        if url not in theirs:
            raise SlackError("cannot_unfurl_url", messages=[f"[ERROR] {url} is not in the message"])
        if url not in ours:
            raise SlackError("cannot_unfurl_message", messages=[f"[ERROR] {url} is of no domain of this app"])
    shown = message_attachments([{k: v for k, v in one.items() if k != "preview"} for one in wanted.values()])
    before = message.wire(platform.workspace.file_objects(message, platform.base_url))
    kept = [one for one in message.attachments if one.get("app_unfurl_url") not in wanted]
    for one, url in zip(shown, wanted, strict=True):
        one |= {"app_id": app.id, "app_unfurl_url": url, "from_url": url, "is_app_unfurl": True, "bot_id": app.bot_id}
    message.attachments = [{**one, "id": number} for number, one in enumerate((*kept, *shown), start=1)]
    platform.changes.publish("message", channel=message.channel, ts=message.ts, edited=True)
    platform.deliveries.spawn(events.message_changed(platform, message, before))


def delete(platform: Platform, message: Message) -> None:
    """Delete a message and tell subscribers."""
    platform.workspace.remove(message)
    if not message.ephemeral_to:
        platform.deliveries.spawn(events.message_deleted(platform, message))

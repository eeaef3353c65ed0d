"""One message of a conversation, and the object Slack makes of it."""

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import Json


@dataclass(slots=True)
class Stream:
    """How a streamed message is put together (https://docs.slack.dev/reference/methods/chat.startStream).

    `shows_plan` gathers tasks in one plan instead of showing a card for each; `is_over` once the stream was stopped.
    """

    shows_plan: bool = False
    is_over: bool = False


@dataclass(slots=True)
class Message:
    """A message (https://docs.slack.dev/reference/events/message) as a person or an app wrote it.

    `ephemeral_to` names the one person who sees it; `parent_user` wrote the first message of its thread; `bot_profile`
    is what Slack shows of the app behind it; `stream` is set once an app streams it; `details` are what its subtype
    adds; `inputs` holds, for each person, what that person has entered into the message's interactive elements:
    block id -> action id -> value object.
    """

    ts: str
    channel: str
    user: str
    text: str
    team: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str = ""
    subtype: str = ""
    bot_id: str = ""
    app_id: str = ""
    username: str = ""
    icons: Json = field(default_factory=dict)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edited_by: str = ""
    edited_ts: str = ""
    ephemeral_to: str = ""
    metadata: Json | None = None
    reply_users: list[str] = field(default_factory=list)
    reply_count: int = 0
    latest_reply: str = ""
    broadcast: bool = False
    client_msg_id: str = ""
    parent_user: str = ""
    bot_profile: Json = field(default_factory=dict)
    stream: Stream | None = None
    details: Json = field(default_factory=dict)
    inputs: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Tell whether the message is an answer in a thread (the first message of a thread is not)."""
        return bool(self.thread_ts) and self.thread_ts != self.ts

    @property
    def is_customized(self) -> bool:
        """Tell whether the app gave it a name or an icon of its own; Slack then names no user."""
        return bool(self.bot_id) and bool(self.username or self.icons)

    @property
    def shown_subtype(self) -> str:
        """Return the subtype of the message object (https://docs.slack.dev/reference/events/message#subtypes)."""
        if self.broadcast and self.is_reply:
            return "thread_broadcast"
        return self.subtype or ("bot_message" if self.is_customized else "")

    def reaction_list(self) -> list[Json]:
        """Return the reactions, oldest first, each with who gave it."""
        return [{"name": name, "users": list(users), "count": len(users)} for name, users in self.reactions.items()]

    def wire(self, files: list[Json] | None = None, *, with_metadata: bool = False) -> Json:
        """Return the message object of `conversations.history`; `files` are the file objects it shows."""
        wire: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": self.team}
        if self.is_customized:
            del wire["user"]
        optional = {
            "subtype": self.shown_subtype,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "bot_profile": self.bot_profile,
            "client_msg_id": self.client_msg_id,
            "username": self.username,
            "icons": self.icons,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "thread_ts": self.thread_ts or (self.ts if self.reply_count else ""),
            "parent_user_id": self.parent_user if self.is_reply else "",
            "reactions": self.reaction_list(),
            "files": files or [],
        }
        wire |= self.details | {key: value for key, value in optional.items() if value}
        if self.edited_ts:
            wire["edited"] = {"user": self.edited_by, "ts": self.edited_ts}
        if self.reply_count:
            wire |= {
                "reply_count": self.reply_count,
                "reply_users_count": len(self.reply_users),
                "latest_reply": self.latest_reply,
                "reply_users": list(self.reply_users),
                "is_locked": False,
                "subscribed": False,
            }
        if with_metadata and self.metadata:
            wire["metadata"] = self.metadata
        return wire

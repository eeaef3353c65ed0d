"""One message of a conversation, and the object Slack makes of it."""

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import Json


@dataclass(slots=True)
class Message:
    """A message (https://docs.slack.dev/reference/events/message) as a person or an app wrote it.

    `ephemeral_to` names the one person who sees it; `inputs` holds, for each person, what that person has entered
    into the message's interactive elements: block id -> action id -> value object.
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
    inputs: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Tell whether the message is an answer in a thread (the first message of a thread is not)."""
        return bool(self.thread_ts) and self.thread_ts != self.ts

    def reaction_list(self) -> list[Json]:
        """Return the reactions, oldest first, each with who gave it."""
        return [{"name": name, "users": list(users), "count": len(users)} for name, users in self.reactions.items()]

    def wire(self, files: list[Json] | None = None, *, with_metadata: bool = False) -> Json:
        """Return the message object of `conversations.history`; `files` are the file objects it shows."""
        wire: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": self.team}
        optional = {
            "subtype": "thread_broadcast" if self.broadcast and self.is_reply else self.subtype,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "client_msg_id": self.client_msg_id,
            "username": self.username,
            "icons": self.icons,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "thread_ts": self.thread_ts or (self.ts if self.reply_count else ""),
            "reactions": self.reaction_list(),
            "files": files or [],
        }
        wire |= {key: value for key, value in optional.items() if value}
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

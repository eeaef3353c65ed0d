"""Messages that are posted later.

Reference: https://docs.slack.dev/messaging/sending-and-scheduling-messages
"""

from dataclasses import dataclass, field

from bot.sandbox.errors import Json


@dataclass(slots=True)
class Scheduled:
    """A message waiting for `post_at` (seconds since the epoch); `content` is what `posting.by_app` takes."""

    id: str
    app_id: str
    author: str
    channel: str
    post_at: int
    date_created: int
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str = ""
    broadcast: bool = False

    def wire(self) -> Json:
        """Return it as `chat.scheduledMessages.list` does."""
        return {
            "id": self.id,
            "channel_id": self.channel,
            "post_at": self.post_at,
            "date_created": self.date_created,
            "text": self.text,
        }

"""What came of something a person did, as the control API tells it."""

from dataclasses import dataclass, field

from bot.sandbox.delivery import Delivery
from bot.sandbox.errors import Json
from bot.sandbox.message import Message

_SENTENCES = {
    "operation_timeout": "The app did not respond in time.",
    "dispatch_failed": "The app could not be reached.",
    "invalid_inputs": "Some fields need your attention.",
    "view_errors": "The app has refused some fields.",
    "invalid_response_errors": "The app named errors for blocks that are no inputs of this view.",
    "invalid_response_action": "The app answered with a response_action that Slack does not know.",
    "invalid_options": "The app answered without options.",
    "invalid_arguments": "The app answered with a view that Slack refuses.",
}


@dataclass(slots=True)
class Outcome:
    """Deliveries, their acknowledgement, and what the person saw; `error` is set when it did not work."""

    deliveries: list[Delivery] = field(default_factory=list)
    error: str = ""
    message: Message | None = None
    details: Json = field(default_factory=dict)

    def wire(self) -> Json:
        """Return it as JSON: `ok`, `delivered`, `ack` and `elapsed_ms` of the first delivery, and the details.

        `posted` is the message the person sees of it, `ts` its time stamp; `error` and `message` say what went wrong.
        """
        first = self.deliveries[0].first_ack if self.deliveries else None
        wire: Json = {
            "ok": not self.error,
            "delivered": [delivery.wire() for delivery in self.deliveries],
            "ack": first.wire() if first else None,
            "elapsed_ms": first.elapsed_ms if first else 0,
        }
        if self.error:
            said = self.message.text if self.message else _SENTENCES.get(self.error, self.error)
            wire |= {"error": self.error, "message": said}
        if self.message is not None:
            where = {"channel": self.message.channel, "ephemeral_to": self.message.ephemeral_to}
            wire |= {"ts": self.message.ts, "posted": self.message.wire() | where}
        return wire | self.details

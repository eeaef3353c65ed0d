"""What came of something a person did, as the control API tells it."""

from dataclasses import dataclass, field

from bot.sandbox.delivery import Delivery
from bot.sandbox.errors import Json
from bot.sandbox.message import Message


@dataclass(slots=True)
class Outcome:
    """Deliveries, their acknowledgement, and what the person saw; `error` is set when it did not work."""

    deliveries: list[Delivery] = field(default_factory=list)
    error: str = ""
    message: Message | None = None
    details: Json = field(default_factory=dict)

    def wire(self) -> Json:
        """Return it as JSON: `ok`, `delivered`, `ack` and `elapsed_ms` of the first delivery, and the details."""
        first = self.deliveries[0].ack if self.deliveries else None
        wire: Json = {
            "ok": not self.error,
            "delivered": [delivery.wire() for delivery in self.deliveries],
            "ack": first.wire() if first else None,
            "elapsed_ms": first.elapsed_ms if first else 0,
        }
        if self.error:
            wire["error"] = self.error
        if self.message is not None:
            wire |= {
                "ts": self.message.ts,
                "message": self.message.wire() | {"ephemeral_to": self.message.ephemeral_to},
            }
        return wire | self.details

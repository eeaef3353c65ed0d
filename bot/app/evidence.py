"""`Evidence`: what looks after the audit log while the bot runs: one forwarder for each sink, and daily checkpoints."""

from typing import TYPE_CHECKING

from bot.audit import Audit
from bot.audit.forwarding import Forwarder, sink_of
from bot.health import HealthChecks
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.audit.checkpoints import Keys
    from bot.audit.keeping import Keeper


def keys_of(settings: Settings) -> "Keys":
    """Return the keys of the configuration."""
    from bot.audit.checkpoints import Keys  # noqa: PLC0415 - cryptography is loaded only where it is used

    return Keys(settings.audit.signing_key.get_secret_value(), settings.audit.public_keys)


class Evidence:
    """Starts and stops with the bot. `start` also puts each sink into `/shipmate health`."""

    def __init__(self, settings: Settings, audit: Audit, health: HealthChecks, *, owner: str) -> None:
        self._settings = settings
        self._audit = audit
        self._health = health
        self._forwarders = [
            Forwarder(name, sink_of(sink), audit=audit, owner=owner) for name, sink in settings.audit.sinks.items()
        ]
        self._keeper: Keeper | None = None

    def start(self) -> None:
        """Begin to deliver and to sign."""
        for forwarder in self._forwarders:
            self._health.add(f"audit sink {forwarder.name}", forwarder.health)
            forwarder.start()
        if self._settings.audit.signing_key.get_secret_value():
            from bot.audit.keeping import Keeper  # noqa: PLC0415 - cryptography is loaded only where it is used

            self._keeper = Keeper(self._audit, keys_of(self._settings))
            self._keeper.start()

    async def stop(self) -> None:
        """End; what is not delivered yet is delivered by the next process."""
        if self._keeper is not None:
            await self._keeper.stop()
        for forwarder in self._forwarders:
            await forwarder.stop()

"""`Following`: tells when trouble freezes a service or lets go of it, and lets go on what waited.

What is frozen is decided on each wish, from what is wrong at that moment; this is for those who wait and who read.
"""

from typing import TYPE_CHECKING

from bot.audit import SHIPMATE
from bot.changes import records as changes
from bot.command import Resource
from bot.errors import UserError
from bot.freezes import messages, trouble_records
from bot.freezes.parts import Parts
from bot.freezes.trouble_records import Followed
from bot.identity import Channel
from bot.locks.rules import Scope
from bot.repeating import Repeating

if TYPE_CHECKING:
    from bot.freezes.freezes import Freezes

TICK = 5.0


class Following:
    """Compares, now and then, what trouble freezes with what was told."""

    def __init__(self, parts: Parts, freezes: "Freezes") -> None:
        self._parts = parts
        self._freezes = freezes
        self._repeating = Repeating("freeze-troubles", self.look, parts.clock, pause=lambda: TICK)

    def start(self) -> None:
        """Begin, where a freeze follows trouble; after a reload of the configuration once more."""
        if any(one.during is not None for one in self._parts.settings().freezes):
            self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def look(self) -> None:
        """Tell of what is frozen now and was not, and of what is no longer."""
        async with self._parts.store.read() as conn:
            told = {one.key: one for one in await trouble_records.told(conn)}
            now = {one.key: one for one in await self._freezes.followed(conn)}
        for one in now.values():
            if one.key not in told:
                await self._turned(one, frozen=True)
        for one in told.values():
            if one.key not in now:
                await self._turned(one, frozen=False)

    async def _channel(self, service: str) -> Channel | None:
        """Return where a service's news goes, None where it has no channel or is in the catalog no more."""
        try:
            return await self._parts.channel_of(self._parts.catalog().service(service), None)
        except UserError:
            return None

    async def _turned(self, one: Followed, *, frozen: bool) -> None:
        at = self._parts.clock.now()
        message = messages.trouble_froze(one) if frozen else messages.trouble_over(one)
        channel = await self._channel(one.service)
        async with self._parts.store.write() as tx:
            if not await (trouble_records.begin(tx, one) if frozen else trouble_records.end(tx, one)):
                return
            key = f"{one.freeze}/{one.trouble}/{at:%Y%m%dT%H%M%S.%f}"
            if channel is not None:
                await self._parts.outbox.post(tx, f"freeze/{key}", channel, message)
            kind = changes.Kind.FROZEN if frozen else changes.Kind.UNFROZEN
            change = changes.Change(
                kind=kind,
                subject=key[-64:],
                summary=message.summary,
                at=at,
                service=one.service,
                environment=one.environment,
            )
            await changes.record(tx, change)
            await self._freezes.changed(tx, Scope(one.service, one.environment))
            await self._parts.audit.record(
                tx,
                actor=SHIPMATE,
                action="freeze.trouble",
                outcome="frozen" if frozen else "open",
                resource=Resource(one.service, one.environment),
                subject=one.trouble,
                data={"freeze": one.freeze, "alert": one.title},
            )

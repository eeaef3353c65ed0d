"""`Watching`: reads the error budgets that freeze, now and then, and tells when one freezes or lets go."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from bot.audit import SHIPMATE
from bot.catalog import Place
from bot.changes import records as changes
from bot.command import Resource
from bot.errors import UserError
from bot.freezes import budget_records, messages
from bot.freezes.budgets import Budget, Limits, Unreadable, after
from bot.freezes.parts import Parts
from bot.identity import Channel
from bot.locks.rules import Scope
from bot.repeating import Repeating
from bot.settings.freezes import Burn, FreezeSettings
from bot.store import Tx
from integrations.capabilities.metrics import MetricsSource
from integrations.errors import IntegrationError

if TYPE_CHECKING:
    from bot.freezes.freezes import Freezes

TICK = 5.0
PATIENCE = 30.0
"""Seconds that one reading may take."""

log = structlog.get_logger()


class _Reading(Struct, frozen=True):
    value: float | None
    why: str = ""


class Watching:
    """Reads each budget every so often; the newest reading is a row, and what follows from it is decided on it."""

    def __init__(self, parts: Parts, freezes: "Freezes") -> None:
        self._parts = parts
        self._freezes = freezes
        self._due: dict[str, float] = {}
        self._repeating = Repeating("freeze-budgets", self._look_at_due, parts.clock, pause=lambda: TICK)

    def start(self) -> None:
        """Begin, where a budget is configured; after a reload of the configuration once more."""
        if self._budgets():
            self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def look(self, name: str) -> Budget | None:
        """Read a budget once and keep what follows; None where no freeze of this name has one."""
        found = next((one for one in self._budgets() if one.name == name), None)
        if found is None or found.burn is None:
            return None
        reading = await self._read(found.burn)
        channels = await self._channels(found)
        async with self._parts.store.write() as tx:
            before = await budget_records.hold(tx, name)
            now = after(before, limits(found.burn), reading.value, self._parts.clock.now(), why=reading.why)
            await budget_records.keep(tx, now)
            if now.frozen != before.frozen:
                await self._turned(tx, found, now, channels)
            elif now.unreadable_since != before.unreadable_since:
                log.warning("freeze.budget", name=name, readable=now.unreadable_since is None, reason=now.why)
        return now

    async def _read(self, burn: Burn) -> _Reading:
        """Return the worst value of all series, or why there is none."""
        try:
            source = self._parts.toolbox.get(MetricsSource, burn.instance)
            async with asyncio.timeout(PATIENCE):
                samples = await source.query(burn.query)
        except TimeoutError:
            return _Reading(None, f"{burn.instance} gave no answer in {PATIENCE:g} s")
        except (IntegrationError, UserError) as error:
            return _Reading(None, str(error)[:300])
        values = [sample.value for sample in samples if sample.value == sample.value]
        return _Reading(max(values)) if values else _Reading(None, "the query has no value")

    async def _turned(self, tx: Tx, freeze: FreezeSettings, now: Budget, channels: list[Channel]) -> None:
        message = messages.budget_turned(freeze, now)
        for channel in channels:
            await self._parts.outbox.post(tx, f"freeze/{freeze.name}/{now.number}/{channel.key}", channel, message)
        kind = changes.Kind.FROZEN if now.frozen else changes.Kind.UNFROZEN
        at = self._parts.clock.now()
        subject = f"{freeze.name}/{now.number}"  # each of its changes is one
        await changes.record(tx, changes.Change(kind=kind, subject=subject, summary=message.summary, at=at))
        await self._freezes.changed(tx, Scope())
        await self._parts.audit.record(
            tx,
            actor=SHIPMATE,
            action="freeze.budget",
            outcome="frozen" if now.frozen else "open",
            resource=Resource(),
            subject=freeze.name,
            data={"value": now.value, "limit": freeze.burn.above if freeze.burn else None, "words": now.why},
        )

    async def _channels(self, freeze: FreezeSettings) -> list[Channel]:
        """Return the channels of the services that a freeze is about."""
        catalog = self._parts.catalog()
        rule = self._freezes.of(freeze, None)
        concerned = {
            place.service
            for place in catalog.places()
            if rule.covers(_scope(place), production_like=self._freezes.production_like(_scope(place)))
        }
        found = {await self._parts.channel_of(catalog.service(name), None) for name in sorted(concerned)}
        return sorted(channel for channel in found if channel is not None)

    async def _look_at_due(self) -> None:
        now = self._parts.clock.monotonic()
        for freeze in self._budgets():
            if freeze.burn is not None and self._due.get(freeze.name, 0.0) <= now:
                self._due[freeze.name] = now + freeze.burn.every.total_seconds()
                await self.look(freeze.name)

    def _budgets(self) -> list[FreezeSettings]:
        return [one for one in self._parts.settings().freezes if one.burn is not None]


def limits(burn: Burn) -> Limits:
    """Return the limits that the configuration gives a budget; it opens at nine tenths where nothing else is said."""
    below = burn.above * 0.9 if burn.below is None else burn.below
    length = burn.length or timedelta()
    return Limits(above=burn.above, below=below, length=length, unreadable=Unreadable(burn.unreadable))


def _scope(place: Place) -> Scope:
    return Scope(place.service, place.environment, place.target)

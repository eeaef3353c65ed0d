"""Alerts that always fire, so that their absence tells: the monitoring itself is silent, and nobody would hear of it.

What is missing is an alert group of our own, like any other: it has a message, pages, is acknowledged, and is over when
the watchdog is heard of again. Only a notification counts: it alone proves the whole way, from Prometheus to here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from bot.alerts import records
from bot.alerts.intake import OURS, Intake
from bot.alerts.parts import Parts
from bot.repeating import Repeating
from bot.settings.alerts import WatchdogSettings
from bot.store import Tx
from integrations.capabilities.alerts import Alert, AlertGroup

NAME: Final = "WatchdogMissing"
_MOST_SECONDS = 15.0

log = structlog.get_logger()


class Watchdogs:
    """Hears of watchdogs, and makes an alert of one that is missing. Every replica looks; the rows are the same."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake
        self._since: datetime | None = None
        self._repeating = Repeating("alerts-watchdogs", self.look, parts.clock, pause=self._pause)
        intake.on_watchdog = self.heard

    def start(self) -> None:
        """Begin to look whether one is missing."""
        self._repeating.start()

    async def stop(self) -> None:
        """Look no more."""
        await self._repeating.stop()

    def _pause(self) -> float:
        lengths = [one.missing_after.total_seconds() for one in self._wanted()]
        return max(0.5, min([_MOST_SECONDS, *(length / 4 for length in lengths)]))

    def _wanted(self) -> Sequence[WatchdogSettings]:
        return self._parts.settings().alerts.watchdogs

    async def heard(self, tx: Tx, name: str) -> None:
        """Note that a watchdog was heard of, in the transaction that takes in its notification; end its alert."""
        await records.heard(tx, _row(name), self._parts.clock.now())
        await self._end(tx, name)

    async def look(self) -> None:
        """Make an alert of each watchdog that was not heard of for too long, and end those that nobody waits for now.

        While Shipmate was away it heard of none: each gets its time from our start on.
        """
        now = self._parts.clock.now()
        self._since = self._since or now
        wanted = {one.name: one for one in self._wanted()}
        for one in wanted.values():
            async with self._parts.store.read() as conn:
                heard_at = await records.last_heard(conn, _row(one.name))
            if heard_at is None:
                async with self._parts.store.write() as tx:  # waited for from now on
                    await records.heard(tx, _row(one.name), now)
            elif now - max(heard_at, self._since) >= one.missing_after:
                await self._missing(one)
        async with self._parts.store.read() as conn:
            told = await records.open_groups(conn, instance=OURS)
        for name in {group.labels.get("watchdog", "") for group in told} - wanted.keys():
            async with self._parts.store.write() as tx:
                await self._end(tx, name)

    async def _missing(self, one: WatchdogSettings) -> None:
        async with self._parts.store.write() as tx:
            heard_at = await records.last_heard(tx.conn, _row(one.name))
            if heard_at is None or self._parts.clock.now() - heard_at < one.missing_after:
                return  # it came meanwhile
            labels = {**_labels(one.name), "severity": one.severity}
            summary = (
                f"{one.name} has not been heard of since {heard_at.astimezone(UTC):%H:%M} UTC. The monitoring itself is"
                " silent: alerts may not arrive. Look at Prometheus, at Alertmanager, and at the way from there."
            )
            alert = Alert(
                fingerprint=f"watchdog-{records.key_of(labels)[:32]}",
                labels=labels,
                annotations={"summary": summary},
                starts_at=heard_at + one.missing_after,
            )
            log.warning("alert.watchdog_missing", watchdog=one.name, heard_at=heard_at.isoformat())
            told = AlertGroup(labels=_labels(one.name), alerts=(alert,))
            await self._intake.take_in(tx, OURS, told, asked_at=None)

    async def _end(self, tx: Tx, name: str) -> None:
        """End the alert of a watchdog, where there is one."""
        group = await records.newest(tx, OURS, records.key_of(_labels(name)))
        if group is None or group.over:
            return
        now = self._parts.clock.now()
        for known in (await records.alerts_of(tx.conn, group.id)).values():
            if known.episode.firing:
                over = Alert(
                    fingerprint=known.episode.fingerprint,
                    labels=known.labels,
                    annotations=known.annotations,
                    starts_at=known.episode.starts_at,
                    firing=False,
                    ends_at=now,
                )
                told = AlertGroup(labels=group.labels, alerts=(over,))
                await self._intake.take_in(tx, OURS, told, asked_at=None)


def _row(name: str) -> str:
    return f"{OURS}/{name}"


def _labels(name: str) -> dict[str, str]:
    return {"alertname": NAME, "watchdog": name}

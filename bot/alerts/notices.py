"""`Notices`: notifications that came faster than they could be taken in, kept as they are and taken in one by one.

A notification is answered once it is kept. While few come they are taken in at once; when many are on the way, one row
is all that the answer waits for. News may come in any order, so it does not matter which are taken in first.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from bot.alerts import records
from bot.alerts.intake import Intake
from bot.alerts.parts import Parts
from bot.repeating import Repeating
from bot.store import JsonColumn, StoreUnavailable, Timestamp, Tx, insert, metadata
from integrations.capabilities.alerts import Alert, AlertGroup
from integrations.contract import WebhookEvent

SIGNAL = "alerts.notices"
AT_ONCE = 0.005
"""Seconds after which a transaction takes in no further one, so that none that arrives waits long."""
_BATCH = 50
_SWEEP = 30.0
_PAUSE = 0.2

log = structlog.get_logger()

notices = sa.Table(
    "alert_notices",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("instance", sa.String(255), nullable=False),
    sa.Column("received_at", Timestamp, nullable=False),
    sa.Column("told", JsonColumn, nullable=False),
    sa.Column("problem", sa.String(500), nullable=False),  # why it cannot be taken in, "" while it waits
)
_WAITS = notices.c.problem == sa.literal("", literal_execute=True)
sa.Index("ix_alert_notices_waits", notices.c.id, sqlite_where=_WAITS, postgresql_where=_WAITS)


class Notices:
    """Keeps notifications in a crowd, and takes them in. Every replica does; each row is taken in by one."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake
        self._most = _BATCH
        self._repeating = Repeating("alerts-notices", self._drain_and_wait, parts.clock, pause=lambda: 0.0)

    def start(self) -> None:
        """Begin to take in what waits, also from before."""
        self._repeating.start()

    async def stop(self) -> None:
        """Take in no more; what waits is taken in by the next process."""
        await self._repeating.stop()

    async def keep(self, tx: Tx, events: Sequence[WebhookEvent]) -> None:
        """Keep notifications for later, because many have come at once."""
        now = self._parts.clock.now()
        rows = []
        for one in events:
            group = one.data.get("group")
            if isinstance(group, AlertGroup):
                rows.append({"instance": one.instance, "received_at": now, "told": _dump(group), "problem": ""})
        if rows:
            await tx.conn.execute(insert(tx.conn, notices).values(rows))
            tx.wake(SIGNAL)

    async def waiting(self) -> int:
        """Return how many wait to be taken in."""
        async with self._parts.store.read() as conn:
            return int((await conn.execute(sa.select(sa.func.count()).select_from(notices).where(_WAITS))).scalar_one())

    async def drain(self) -> int:
        """Take in all that waits; return how many there were."""
        number, clock = 0, self._parts.clock
        began = clock.monotonic()
        while some := await self._some():
            number += some
            await clock.sleep(clock.monotonic() - began)  # half of the time is for those that arrive
            began = clock.monotonic()
        return number

    async def _drain_and_wait(self) -> None:
        signal = self._parts.store.signal(SIGNAL)
        signal.clear()
        try:
            await self.drain()
        except StoreUnavailable as error:
            log.warning("alert.notices_wait", reason=error.reason)
            await self._parts.clock.sleep(_PAUSE)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SWEEP):
                await signal.wait()

    async def _some(self) -> int:
        """Take in some in one transaction; return how many. If one cannot be, they are tried one by one."""
        taken: list[int] = []
        try:
            async with self._parts.store.write() as tx:
                await self._take_in(tx, taken)
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception("alert.notice_failed", notice=taken[-1:])
            if len(taken) == 1:
                await self._put_aside(taken[0], repr(error))
            self._most = 1
            return len(taken)
        self._most = min(_BATCH, self._most * 2)
        return len(taken)

    async def _take_in(self, tx: Tx, taken: list[int]) -> None:
        clock = self._parts.clock
        statement = sa.select(notices).where(_WAITS).order_by(notices.c.id).limit(self._most)
        rows = (await tx.conn.execute(statement.with_for_update(skip_locked=True))).all()
        rows = [row for row in rows if row.instance == rows[0].instance]
        began = clock.monotonic()
        for row in rows:
            taken.append(row.id)
            if len(taken) == 1:  # first, as every writer of a source's news does: so none waits for another in a ring
                await records.heard(tx, row.instance, row.received_at)
            await self._intake.take_in(tx, row.instance, _load(row.told), asked_at=None)
            if clock.monotonic() - began > AT_ONCE:
                break
        if taken:
            await tx.conn.execute(sa.delete(notices).where(notices.c.id.in_(taken)))

    async def _put_aside(self, ident: int, problem: str) -> None:
        async with self._parts.store.write() as tx:
            await tx.conn.execute(sa.update(notices).where(notices.c.id == ident).values(problem=problem[:500]))


def _dump(group: AlertGroup) -> dict[str, Any]:
    told = {name: getattr(group, name) for name in ("receiver", "key", "url", "truncated")}
    return {**told, "labels": dict(group.labels), "alerts": [_dumped(one) for one in group.alerts]}


def _dumped(one: Alert) -> dict[str, Any]:
    return {
        "fingerprint": one.fingerprint,
        "labels": dict(one.labels),
        "annotations": dict(one.annotations),
        "starts_at": one.starts_at.isoformat(),
        "firing": one.firing,
        "ends_at": None if one.ends_at is None else one.ends_at.isoformat(),
        "generator_url": one.generator_url,
    }


def _load(told: Mapping[str, Any]) -> AlertGroup:
    return AlertGroup(**{**told, "alerts": tuple(_loaded(one) for one in told["alerts"])})


def _loaded(one: Mapping[str, Any]) -> Alert:
    ends_at = None if one["ends_at"] is None else datetime.fromisoformat(one["ends_at"])
    return Alert(**{**one, "starts_at": datetime.fromisoformat(one["starts_at"]), "ends_at": ends_at})

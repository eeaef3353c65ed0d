"""Maintenance windows of the configuration: what fires within one is shown as silent, and comes back at its end."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from bot.alerts import records
from bot.alerts.intake import Intake, held
from bot.alerts.parts import Parts
from bot.alerts.records import OPEN, groups
from bot.alerts.under import Under

_Standing = tuple[tuple[str, datetime | None], ...]


class Maintenance:
    """Looks when windows begin and end, and moves the groups that are concerned."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake
        self._under = Under(parts)
        self._seen: _Standing | None = None

    async def look(self) -> None:
        """Move the groups whose window has begun or ended since the last look; the first looks at all."""
        now = self._parts.clock.now()
        standing = tuple((one.reason, one.until) for one in self._under.in_force(now))
        if standing == self._seen:
            return
        for ident in await self._concerned(everything=bool(standing)):
            async with self._parts.store.write() as tx:
                group = await records.locked(tx, ident)
                if group is None or group.over:
                    continue
                known = await records.alerts_of(tx.conn, group.id)
                firing = [one for one in known.values() if one.episode.firing]
                hold = self._under.hold(group.hold, firing, now)
                if hold != group.hold:
                    moved = held(group, known, hold, now)
                    await self._intake.turn(tx, group, await self._intake.begun(tx, group, moved, now))
        self._seen = standing

    async def _concerned(self, *, everything: bool) -> Sequence[str]:
        statement = sa.select(groups.c.id).where(OPEN).order_by(groups.c.opened_at)
        if not everything:
            statement = statement.where(groups.c.maintenance != "")
        async with self._parts.store.read() as conn:
            return list((await conn.execute(statement)).scalars())

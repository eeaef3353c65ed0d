"""`Keeper`: signs a checkpoint a day, and prunes what an old one vouches for."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from bot.audit.checkpoints import Keys
from bot.audit.log import SHIPMATE, Audit
from bot.audit.proof import CHECKPOINT, PRUNE
from bot.audit.search import Search
from bot.audit.tables import cursors, entries, personal
from bot.command import Resource
from bot.repeating import Repeating

_LOOK_AGAIN = 600.0


class Pruned(Struct, frozen=True):
    """How many entries were removed, and the number of the last of them."""

    entries: int
    through: int


class Keeper:
    """Looks after the log with its keys."""

    def __init__(self, audit: Audit, keys: Keys) -> None:
        self._audit = audit
        self._keys = keys
        self._repeating = Repeating("audit-checkpoints", self.look, audit.clock, pause=lambda: _LOOK_AGAIN)

    def start(self) -> None:
        """Begin to sign a checkpoint on every day (UTC) that has entries; does nothing without a signing key."""
        if self._keys.can_sign:
            self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def checkpoint(self) -> int:
        """Sign the log as it stands and return the number of the entry that was signed.

        Raises:
            ValueError: there is no signing key, or nothing to sign.
        """
        async with self._audit.store.write() as tx:
            number, last = await self._audit.lock_head(tx.conn)
            if not number:
                raise ValueError("the audit log is empty: there is nothing to sign")
            details = self._keys.sign(number, last, self._audit.clock.now())
            await self._audit.record(
                tx, actor=SHIPMATE, action=CHECKPOINT, outcome="succeeded", resource=Resource(), data=details
            )
        return number

    async def look(self) -> bool:
        """Sign when the last checkpoint is of another day and entries came since; answer whether that was so."""
        newest = await self._audit.recent(limit=1)
        last = await self._audit.find(Search(action=CHECKPOINT), limit=1)
        if not newest or newest[0].action == CHECKPOINT:
            return False
        if last and last[0].at.date() >= self._audit.clock.now().date():
            return False
        await self.checkpoint()
        return True

    async def prune(self, before: datetime, *, sinks: tuple[str, ...] = ()) -> Pruned:
        """Remove the entries that the newest checkpoint from before a moment vouches for, and say so in the log.

        The log is proven whole first, and what a sink in `sinks` does not have yet is kept.

        Raises:
            ValueError: there is no such checkpoint, the log is not whole, or a sink is behind; says which.
        """
        verdict = await self._audit.verify(keys=self._keys)
        if not verdict.ok:
            raise ValueError(
                f"the log is not whole, so nothing was pruned: entry {verdict.first_bad}: {verdict.reason}"
            )
        found = await self._audit.find(Search(action=CHECKPOINT, until=before), limit=1)
        if not found or found[0].number - 1 <= verdict.pruned:
            raise ValueError(f"no checkpoint from before {before.isoformat()} vouches for entries that could be pruned")
        through = found[0].number - 1
        async with self._audit.store.write() as tx:
            rows = (await tx.conn.execute(sa.select(cursors.c.name, cursors.c.number))).all()
            got = {row.name: row.number for row in rows}
            behind = [name for name in sinks if got.get(name, 0) < through]
            if behind:
                raise ValueError(f"{behind[0]} has not got every entry up to {through} yet, so nothing was pruned")
            count = through - verdict.pruned
            await self._audit.record(
                tx,
                actor=SHIPMATE,
                action=PRUNE,
                outcome="succeeded",
                resource=Resource(),
                data={"through": through, "entries": count, "before": before.isoformat()},
            )
            await tx.conn.execute(sa.delete(personal).where(personal.c.number <= through))
            await tx.conn.execute(sa.delete(entries).where(entries.c.number <= through))
        return Pruned(count, through)

"""`Recovery`: silences that were asked for until their group recovers end when it has; their own end is the latest."""

from msgspec.structs import replace

from bot.alerts import records, silence_records
from bot.alerts.parts import Parts
from bot.alerts.silence_records import Quiet, State
from bot.alerts.silences import END
from bot.audit import SHIPMATE
from bot.command import Resource
from bot.store.starts import want


class Recovery:
    """Looks, after the sources were asked, which silences have outlived what they were for.

    It reads what is, so nothing is lost of a recovery that came while Shipmate was away.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def end_silences(self) -> None:
        """Have those silences ended whose group fires no more."""
        async with self._parts.store.read() as conn:
            found = await silence_records.outlived(conn)
        for quiet in found:
            await self._end(quiet)

    async def _end(self, seen: Quiet) -> None:
        """Have one ended, once: the wish that it ends by itself is used up by that."""
        async with self._parts.store.write() as tx:
            group = await records.locked(tx, seen.group_id)
            quiet = await silence_records.locked(tx, seen.id)
            if group is None or quiet is None or quiet.state is not State.ACTIVE or not quiet.until_recovery:
                return
            if any(one.episode.firing for one in (await records.alerts_of(tx.conn, group.id)).values()):
                return
            now = self._parts.clock.now()
            await silence_records.keep(tx, replace(quiet, until_recovery=False, changed_at=now))
            await want(tx, f"{quiet.id}/end/recovered", END, quiet.id)
            await self._parts.audit.record(
                tx,
                actor=SHIPMATE,
                action="alert.unsilence",
                outcome="succeeded",
                resource=Resource(group.service, group.environment),
                subject=group.id,
                data={"silence": quiet.id, "why": "it has recovered"},
            )

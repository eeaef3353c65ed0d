"""`Housekeeping`: revoke what leavers lent and what waits to be revoked; seal anew after a key was changed."""

from datetime import timedelta

import structlog

from bot.audit import SHIPMATE
from bot.errors import Degraded
from bot.grants import records
from bot.grants.grants import LEFT, Grants, Lending
from bot.store.starts import want
from bot.vault import Unreadable

SWEEP = "grant.sweep.v1"
EVERY = timedelta(hours=1)

log = structlog.get_logger()


class Housekeeping:
    """Looks after all grants, once an hour and at start."""

    def __init__(self, lending: Lending, grants: Grants) -> None:
        self._of = lending
        self._grants = grants

    async def begin(self) -> None:
        """Seal anew what older keys sealed, and plan the next sweep. Does nothing while grants are off."""
        if not self._grants.off:
            await self.rotate()
            await self.plan()

    async def plan(self) -> None:
        """Have the next full hour begin with a sweep, one for all replicas."""
        hour = self._of.clock.now().replace(minute=0, second=0, microsecond=0) + EVERY
        async with self._of.store.write() as tx:
            await want(tx, f"grants/sweep/{hour:%Y%m%dT%H}", SWEEP, at=hour)

    async def sweep(self) -> None:
        """Revoke what leavers lent and what is waiting to be revoked, and end sign-ins whose time is over."""
        async with self._of.store.read() as conn:
            found = await records.everything(conn)
        for kept in found:
            if kept.ending:
                await self._grants.revoke(kept, kept.ending, by=SHIPMATE)
                continue
            try:
                here = await self._of.people.in_good_standing(kept.person)
            except Degraded:
                continue  # Slack does not say: the next sweep asks again, and nothing is lent meanwhile
            if not here:
                await self._grants.revoke(kept, LEFT, by=SHIPMATE)
        await self._end_sign_ins()

    async def _end_sign_ins(self) -> None:
        async with self._of.store.read() as conn:
            unfinished = await records.expired(conn, self._of.clock.now())
        for sign_in in unfinished:
            if sign_in.sealed:
                try:
                    grant, _ = records.unseal(self._of.vault, sign_in.person, sign_in.instance, sign_in.sealed)
                except Unreadable:
                    log.warning("grant.unreadable", person=sign_in.person.key, instance=sign_in.instance)
                else:
                    if not await self._grants.drop(sign_in.instance, grant):
                        continue
            async with self._of.store.write() as tx:
                await records.finish(tx, sign_in)

    async def rotate(self) -> int:
        """Seal anew, by the first key, what older keys sealed; return how many grants no key opens."""
        async with self._of.store.read() as conn:
            found = await records.everything(conn)
        unreadable = 0
        for kept in found:
            try:
                sealed = self._of.vault.rotated(kept.sealed)
            except Unreadable:
                unreadable += 1
                log.warning("grant.unreadable", person=kept.person.key, instance=kept.instance)
                continue
            if sealed is not None:
                async with self._of.store.write() as tx:
                    await records.replace_sealed(tx, kept, sealed)
        return unreadable

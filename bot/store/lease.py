"""The lease of a replica: its right to act, which it has to renew, and by whose end others know that it is gone.

On PostgreSQL each process has a row that says until when it is there, by the clock of the database. It counts itself
out a moment before that, by its own steady clock: so one that was stopped, or cut off, knows that it is stale before
another takes its work over, and before it does anything itself. A lease that was lost can be had again, but that is
another term: what was begun in the one before is nobody's business here any more. Who takes over holds the row
meanwhile and removes it, so that the two cannot both believe that the work is theirs. On SQLite there is one process,
and nothing to renew.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.endings import end
from bot.store.columns import Timestamp
from bot.store.connections import lease_engine
from bot.store.errors import StoreUnavailable
from bot.store.tables import metadata

SECONDS = 10.0
"""How long a replica may be silent before another takes its work over."""
MARGIN = 0.1
"""The part of a lease by which a replica counts itself out earlier than others do."""
_RENEWALS = 4  # in the length of a lease
_AGAIN = 0.5

replicas = sa.Table(
    "replicas",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("until", Timestamp, nullable=False),
)
_mine = sa.bindparam("mine", type_=sa.String(128))

_begun: ContextVar[tuple["Lease", int] | None] = ContextVar("begun", default=None)

log = structlog.get_logger()


def still_ours() -> None:
    """Ask just before something is done outside that must not be done twice. Outside of `Lease.work` all is ours.

    Raises:
        LeaseLost: what this task works on may be another replica's by now.
    """
    begun = _begun.get()
    if begun is not None:
        lease, term = begun
        lease.check(term)


class LeaseLost(StoreUnavailable):
    """This replica was silent for too long: what it works on may be another's by now."""

    def __init__(self) -> None:
        super().__init__("this replica was cut off from it, and another may have taken its work over")


class Lease:
    """The lease of this process. Held for ever until `begin`, and on SQLite."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.term = 0
        """How often the lease was lost: work remembers in which term it began."""
        self._store_engine = engine
        self._engine: AsyncEngine | None = None
        self._owner = ""
        self._until = 0.0
        self._lost: Callable[[], Awaitable[None]] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._held_again = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether this process may act: nobody can have taken its work over yet."""
        return self._engine is None or asyncio.get_running_loop().time() < self._until

    def check(self, term: int) -> None:
        """Ask whether what was begun in a term is still ours.

        Raises:
            LeaseLost: it may be another's by now.
        """
        if not self.held or term != self.term:
            raise LeaseLost

    def work(self, term: int | None = None) -> None:
        """Note that this task works on something that became ours in a term, by default in this one."""
        _begun.set((self, self.term if term is None else term))

    async def begin(self, owner: str, *, lost: Callable[[], Awaitable[None]]) -> None:
        """Take a lease under a name that no other process has, and keep it until `end`.

        `lost` is awaited when it was not renewed in time: it ends what is under way, before the lease is held again.

        Raises:
            SQLAlchemyError: the database cannot be used.
        """
        self._owner, self._lost = owner, lost
        self._engine = lease_engine(self._store_engine)
        await self._renew()
        self._keeping = asyncio.create_task(self._keep(), name="lease")

    async def end(self) -> None:
        """Give the lease up, so that others take over at once what is left."""
        await end([self._keeping])
        self._keeping = None
        engine, self._engine = self._engine, None
        if engine is not None:
            self._until = 0.0
            with contextlib.suppress(sa.exc.SQLAlchemyError, TimeoutError):
                async with asyncio.timeout(SECONDS / _RENEWALS), engine.begin() as conn:
                    over = sa.update(replicas).where(replicas.c.id == _mine).values(until=_from_now(-1))
                    await conn.execute(over, {"mine": self._owner})
            await engine.dispose()

    async def take_over(self, working: Collection[str], recover: Callable[[str], Awaitable[int]]) -> int:
        """Have `recover(name)` called for each replica that is gone, and return what these calls sum up to.

        `working` are the names that work is under way for: one that has no row left counts as gone. While `recover`
        runs, the replica in question cannot renew its lease; afterwards it knows that it lost its work.

        Raises:
            SQLAlchemyError: the database cannot be used.
        """
        if self._engine is None or not self.held:
            return 0
        number = 0
        async with self._engine.begin() as conn:
            if working:
                await conn.execute(_UNKNOWN, {"names": sorted(working)})
            gone = sa.select(replicas.c.id).where(replicas.c.until < sa.func.clock_timestamp(), replicas.c.id != _mine)
            names = (await conn.execute(gone.with_for_update(skip_locked=True), {"mine": self._owner})).scalars().all()
            for name in names:
                number += await recover(name)
            if names:
                await conn.execute(sa.delete(replicas).where(replicas.c.id.in_(names)))
                log.info("lease.took_over", replicas=len(names), workflows=number)
        return number

    async def wait_until_held(self) -> None:
        """Return when this process may act."""
        while not self.held:
            self._held_again.clear()
            await self._held_again.wait()

    # --------------------------------------------------------------------------------------------------------- keeping

    async def _keep(self) -> None:
        term = self.term
        while True:
            renewing = asyncio.create_task(self._renewed(), name="lease: renewal")
            try:
                left = self._until - asyncio.get_running_loop().time()
                if left > 0:
                    await asyncio.wait([renewing], timeout=left)
                term = await self._told_since(term)
                again = await renewing
                term = await self._told_since(term)
            finally:
                renewing.cancel()
            await asyncio.sleep(again)

    def _count_out(self) -> None:
        """End the term where the lease was not renewed in time."""
        if self._until and not self.held:
            self._until = 0.0
            self.term += 1

    async def _told_since(self, term: int) -> int:
        """Return the present term; where it is another, what is under way has ended."""
        self._count_out()
        if term != self.term and self._lost is not None:
            term = self.term
            log.error("lease.lost", replica=self._owner)
            await self._lost()
        return term

    async def _renewed(self) -> float:
        """Renew the lease where that goes, and return after what time to do so again."""
        try:
            async with asyncio.timeout(SECONDS / 2):
                await self._renew()
        except (sa.exc.SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("lease.not_renewed", replica=self._owner, error=str(error).splitlines()[:1])
            return _AGAIN
        return SECONDS / _RENEWALS

    async def _renew(self) -> None:
        assert self._engine is not None  # noqa: S101 - begun
        asked = asyncio.get_running_loop().time()
        async with self._engine.begin() as conn:
            renewed = sa.update(replicas).where(replicas.c.id == _mine).values(until=_from_now(SECONDS))
            taken_over = not (await conn.execute(renewed, {"mine": self._owner})).rowcount
            if taken_over:
                await conn.execute(sa.insert(replicas).values(id=self._owner, until=_from_now(SECONDS)))
        self._count_out()
        if taken_over and self._until:  # by a clock that goes faster than ours, or the database was set back
            self.term += 1
        self._until = asked + SECONDS * (1 - MARGIN)
        if self.held:
            self._held_again.set()


_UNKNOWN = sa.text(
    "INSERT INTO replicas (id, until) SELECT name, clock_timestamp() - interval '1 second'"
    " FROM unnest(CAST(:names AS text[])) AS name ON CONFLICT DO NOTHING"
)


def _from_now(seconds: float) -> sa.ColumnElement[Any]:
    return sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, sa.cast(seconds, sa.Double))

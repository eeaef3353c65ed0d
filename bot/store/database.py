"""`Store`: the one way to the database, for reading and for writing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.clock import Clock
from bot.store.connections import (
    IMMEDIATE,
    DialectName,
    make_private,
    parse_url,
    patiently,
    postgres_engines,
    sqlite_engines,
)
from bot.store.errors import StoreMismatch, StoreUnavailable, told_plainly
from bot.store.lease import Lease
from bot.store.one_trip import Connections
from bot.store.schema import prepare
from bot.store.transaction import Signals, Tx
from bot.store.turns import Turns

T = TypeVar("T")
_LAST_STATEMENT = 10.0  # seconds that one gets at the end


class Store:
    """An open database. Made by `Store.open`; `engine` is the writing engine, for the durability engine's steps."""

    def __init__(
        self,
        engine: AsyncEngine,
        reading: AsyncEngine,
        dialect: DialectName,
        clock: Clock,
        made: Connections | None = None,
    ) -> None:
        self.engine = engine
        self.dialect: DialectName = dialect
        self.clock = clock
        self.turns = Turns()
        self.lease = Lease(engine)
        self._reading = reading
        self._made = made

    @classmethod
    async def open(cls, url: str, *, clock: Clock, create: bool = True) -> Self:
        """Open the database at `url` and bring its tables to this version.

        `sqlite:///path` or `postgresql://user:password@host/name`. All modules that declare tables must have
        been imported. With `create` false a fresh database is refused, for commands that only look.

        Raises:
            ValueError: the URL cannot be used.
            StoreMismatch: the database was written by a newer Shipmate, or there is none and `create` is false.
            StoreUnavailable: it cannot be reached or opened.
        """
        parsed, dialect = parse_url(url)
        if dialect == "sqlite":
            _find_folder(Path(parsed.database or ""), create=create)
            engine, reading, made = sqlite_engines(parsed)
        else:
            (engine, reading), made = postgres_engines(parsed), None
        store = cls(engine, reading, dialect, clock, made)
        try:
            with told_plainly(), patiently():
                await prepare(engine, create=create)
        except BaseException:
            await store.close()
            raise
        return store

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection for reading; each statement sees what is committed at its moment.

        Raises:
            StoreUnavailable: the database cannot be read now.
        """
        with told_plainly():
            async with self._reading.connect() as conn:
                yield conn

    @asynccontextmanager
    async def write(self, *, urgent: bool = False) -> AsyncIterator[Tx]:
        """Open one transaction: kept when the block ends, undone when it raises. Hooks run after it is kept.

        On SQLite one writer at a time goes, `urgent` ones first: await nothing but the database inside.
        On PostgreSQL the isolation is READ COMMITTED: lock rows, or compare and set.

        Raises:
            StoreUnavailable: nothing was kept: disk full, locked, connection lost. Where the connection was lost in
                the commit it may have been kept (`in_doubt`); who waits for such rows is woken to look.
        """
        async with self.writing(urgent=urgent):
            with told_plainly():
                async with self.engine.connect() as conn:
                    await conn.execution_options(**IMMEDIATE)
                    await conn.begin()
                    tx = Tx(conn)
                    try:
                        yield tx
                    except BaseException:
                        await _to_the_end(conn.rollback())
                        raise
                    try:
                        with told_plainly(committing=True):
                            await _to_the_end(conn.commit(), then=tx)
                    except StoreUnavailable as error:
                        if error.in_doubt:
                            tx.in_doubt()
                        raise

    def writing(self, *, urgent: bool = False) -> AbstractAsyncContextManager[None]:
        """Hold this process's turn to write, without a transaction: for transactions that others open.

        Nothing to wait for on PostgreSQL. Not reentrant: never call `write` inside.
        """
        return self.turns.turn(urgent=urgent) if self.dialect == "sqlite" else nullcontext()

    def signal(self, name: str) -> asyncio.Event:
        """Return the event that `Tx.wake(name)` sets after a commit."""
        return Signals.of(self.engine.sync_engine).event(name)

    async def close(self) -> None:
        """Close all connections, and wait for statements that go on although nobody waits for them any more."""
        await self._reading.dispose()
        await self.engine.dispose()
        if self._made is not None:
            await self._made.end(_LAST_STATEMENT)


def _find_folder(path: Path, *, create: bool) -> None:
    if create:
        make_private(path)
    elif not path.exists():
        raise StoreMismatch(f"there is no Shipmate database at {path}: `shipmate serve` makes one")


async def _to_the_end(ending: Awaitable[None], *, then: Tx | None = None) -> None:
    """Finish a commit or rollback though the task is cancelled meanwhile, so that its outcome is never in doubt."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if then is not None and not task.cancelled() and task.exception() is None:
            then.committed()
        raise
    if then is not None:
        then.committed()

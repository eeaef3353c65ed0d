"""Several processes' worth of stores on one database, with faults at their commits, driven from synchronous tests."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from bot.audit import Audit
from bot.audit.entries import Entry
from bot.errors import UserError
from bot.store import Store, StoreUnavailable, metadata
from tests.deployments.one_place import template
from tests.deployments.rig import Clock as RigClock
from tests.histories.faults import Fault, Faults, held

T = TypeVar("T")
AWAY = "away"
"""The answer of who was told that the store cannot be used."""


class Logged(NamedTuple):
    """One entry of the audit log, as models speak of it."""

    action: str
    actor: str
    subject: str


class Clock(RigClock):
    """Stands still until it is moved; who sleeps by it does so for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def jump(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


class Replicas:
    """The stores; each of `stores` is what one process would have. An empty URL is a SQLite file of its own."""

    def __init__(self, url: str = "", count: int = 1, *, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = "" if url else f"{self.folder.name}/store.db"
        self._url = url or f"sqlite:///{self.path}"
        self.logged = 0
        if self.path:
            shutil.copyfile(template(), self.path)
        self.stores: list[Store] = [self.run(self._open(first=number == 0)) for number in range(count)]
        self.faults = [Faults(store) for store in self.stores]
        for store in self.stores:
            self.run(store.engine.dispose())  # connections from before would wait for a file that is held
        self.audit = Audit(self.stores[0], self.clock)

    async def _open(self, *, first: bool) -> Store:
        store = await Store.open(self._url, clock=self.clock)
        if first and store.dialect == "postgresql":
            async with store.write() as tx:
                names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
                await tx.conn.execute(sa.text(f"TRUNCATE {names} CASCADE"))
        return store

    def close(self) -> None:
        """Close everything."""
        for store in self.stores:
            self.run(store.close())
        self.runner.close()
        self.folder.cleanup()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end."""
        return self.runner.run(work)

    def at_once(
        self, works: Sequence[Callable[[], Awaitable[T]]], plan: Sequence[Fault], *, file_held: bool = False
    ) -> list[T | str]:
        """Run these at the same time and return what each was answered: a result, a code, or `AWAY`.

        `plan` is what happens to the commits of each replica, in turn. With `file_held` another process holds the file
        until somebody was told so.
        """

        async def one(work: Callable[[], Awaitable[T]], locker: Any) -> T | str:
            try:
                return await work()
            except StoreUnavailable:
                if locker is not None and locker.in_transaction:
                    locker.rollback()
                return AWAY
            except UserError as error:
                return error.code

        async def together(locker: Any) -> list[T | str]:
            return await asyncio.gather(*(one(work, locker) for work in works))

        with contextlib.ExitStack() as stack:
            for faults in self.faults:
                stack.enter_context(faults.planned(list(plan)))
            locker = stack.enter_context(held(self.path)) if file_held and self.path else None
            return self.run(together(locker))

    def new_entries(self, actions: str | tuple[str, ...]) -> list[Logged]:
        """Return the entries since the last call whose action begins so; check that the chain is whole."""

        async def found() -> tuple[Sequence[Entry], Any]:
            return await self.audit.after(self.logged, limit=1000), await self.audit.verify()

        entries, verdict = self.run(found())
        assert verdict.ok, verdict
        numbers = [entry.number for entry in entries]
        assert numbers == list(range(self.logged + 1, self.logged + 1 + len(entries))), numbers
        assert verdict.head.split(":")[0] == str(self.logged + len(entries)), "one head, and it is the last entry"
        self.logged += len(entries)
        return [
            Logged(entry.action, entry.actor.user, entry.subject)
            for entry in entries
            if entry.action.startswith(actions)
        ]

    def rows(self, statement: sa.Select[Any]) -> list[Any]:
        """Return rows."""

        async def read() -> list[Any]:
            async with self.stores[0].read() as conn:
                return list((await conn.execute(statement)).all())

        return self.run(read())

    @property
    def folder_path(self) -> Path:
        """A folder of its own."""
        return Path(self.folder.name)

"""A clock that is set by hand, an open store of each kind, and a log to write in."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit import Audit
from bot.command import Resource
from bot.identity import Person
from bot.store import Store

MIA = Person("T1", "U1")


class HandClock:
    """A clock that moves when a test says so; who waits by it waits until then."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.sleepers = 0
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        until = self.moment + timedelta(seconds=seconds)
        self.sleepers += 1
        try:
            async with self._moved:
                self._moved.notify_all()
                await self._moved.wait_for(lambda: self.moment >= until)
        finally:
            self.sleepers -= 1

    async def move(self, **length: float) -> None:
        """Let time pass, and wake those whose moment has come."""
        self.moment += timedelta(**length)
        async with self._moved:
            self._moved.notify_all()

    async def when_sleeping(self, least: int = 1) -> None:
        """Wait until so many sleep."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.sleepers >= least)

    def pass_by(self, **length: float) -> None:
        """Let time pass while nobody waits for it."""
        self.moment += timedelta(**length)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(database_url: str, clock: HandClock) -> AsyncIterator[Store]:
    opened = await Store.open(database_url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def file_store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    """Return a store in a file, where the kind of database makes no difference."""
    opened = await Store.open(f"sqlite:///{tmp_path / 'shipmate.db'}", clock=clock)
    yield opened
    await opened.close()


async def write(store: Store, audit: Audit, count: int, **values: Any) -> None:
    """Write so many entries, each in a transaction of its own."""
    for number in range(count):
        async with store.write() as tx:
            known = {
                "actor": MIA,
                "action": "deploy",
                "outcome": "allowed",
                "resource": Resource("checkout", "staging"),
            }
            await audit.record(tx, **{**known, "subject": f"D-{1000 + number}", "data": {"n": number}, **values})

"""An empty database of each kind, and a store opened on it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.store import Store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class StillClock:
    """A clock that stands where it was put."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the store does not sleep")


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'shipmate.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
async def store(database_url: str, clock: StillClock) -> AsyncIterator[Store]:
    opened = await Store.open(database_url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_store(sqlite_url: str, clock: StillClock) -> AsyncIterator[Store]:
    opened = await Store.open(sqlite_url, clock=clock)
    yield opened
    await opened.close()

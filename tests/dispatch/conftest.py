"""The road with its real parts: store, permissions, audit, catalog. Time stands still until a test moves it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.audit import Audit, Entry
from bot.catalog import Catalog
from bot.command import Invocation, Trigger, World
from bot.deliveries import Deliveries, deliveries
from bot.dispatch import Dispatcher, Outcome
from bot.health import HealthChecks
from bot.help import Help
from bot.identity import Channel, Person
from bot.permissions import Permissions
from bot.registry import Registry
from bot.reply import Reply
from bot.settings import Settings
from bot.starter import Starter
from bot.store import Store, Tx
from commands.access import show as access
from commands.shipmate import health, help_
from tests.dispatch.commands import COMMANDS, Notes, own

TEAM = "T1"
MIA = Person(TEAM, "U1MIA")
TOM = Person(TEAM, "U1TOM")
GUEST = Person(TEAM, "U1GUEST")
STRANGER = Person("T2", "U2EVE")
NAMED_STRANGER = Person("T2", "U2PAT")
ACCOUNT = Person("account", "ci")

JOB = {"with": "local", "job": "x"}
SETTINGS: dict[str, Any] = {
    "people": {"mia": {"slack": "U1MIA"}, "tom": {"slack": "U1TOM"}, "pat": {"slack": "T2/U2PAT"}},
    "groups": {"developers": ["mia"], "partners": ["pat"], "release-managers": ["tom"]},
    "permissions": [
        {"allow": ["service.read"], "to": ["everyone"]},
        {"allow": ["deployment.*"], "to": ["developers"], "environments": ["staging"]},
        {"allow": ["deployment.start"], "to": ["release-managers", "account:ci"]},
        {"allow": ["deployment.start"], "to": ["partners"], "services": ["checkout"], "environments": ["staging"]},
        {"allow": ["people.read"], "to": ["release-managers"]},
    ],
    "environments": {"staging": {}, "production": {"production_like": True}},
    "services": {
        name: {
            "repository": {"with": "local", "project": name},
            "environments": [
                {"name": "staging", "aliases": ["stage"], "deploy": JOB},
                {"name": "production", "aliases": ["prod"], "deploy": JOB, "targets": ["eu", "us"]},
            ],
        }
        for name in ("checkout", "search")
    },
}


class HandClock:
    """A clock that moves when a test says so; who sleeps wakes when its moment has come."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.sleepers: list[tuple[datetime, asyncio.Event]] = []
        self.slept = asyncio.Condition()

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        waker = asyncio.Event()
        entry = (self.moment + timedelta(seconds=seconds), waker)
        self.sleepers.append(entry)
        async with self.slept:
            self.slept.notify_all()
        try:
            await waker.wait()
        finally:
            if entry in self.sleepers:
                self.sleepers.remove(entry)

    def pass_by(self, **length: float) -> None:
        self.moment += timedelta(**length)
        due = [entry for entry in self.sleepers if entry[0] <= self.moment]
        self.sleepers = [entry for entry in self.sleepers if entry not in due]
        for _, waker in due:
            waker.set()

    async def when_sleeping(self, least: int = 1) -> None:
        """Wait until so many sleep."""
        async with asyncio.timeout(60), self.slept:
            await self.slept.wait_for(lambda: len(self.sleepers) >= least)


@dataclass
class Told:
    """What the replier was handed, once its transaction was kept."""

    replies: list[tuple[str, Reply]] = field(default_factory=list)
    raises: Exception | None = None

    async def __call__(self, tx: Tx, invocation: Invocation, reply: Reply) -> None:
        if self.raises is not None:
            raise self.raises
        tx.after_commit(lambda: self.replies.append((invocation.delivery_id, reply)))


@dataclass
class Yard:
    """One process: the composed road. `replica` makes another one on the same database."""

    store: Store
    clock: HandClock
    owner: str
    settings: Settings = field(default_factory=lambda: Settings.model_validate(SETTINGS))

    def __post_init__(self) -> None:
        self.told, self.notes = Told(), Notes()
        self.registry = Registry((*COMMANDS, help_, access, health))
        self.permissions = Permissions(self.settings, self.clock)
        self.permissions.set_home(TEAM)
        self.audit = Audit(self.store, self.clock)
        self.deliveries = Deliveries(self.store, self.clock, self.owner)
        self.health = HealthChecks(self.clock)
        help_pages = Help(self.registry, self.permissions, self.clock, slash={"deploy": "/deploy"})
        world = World(self.store, self.notes, Catalog(self.settings), self.health, self.registry, help_pages)
        self.dispatcher = Dispatcher(
            registry=self.registry,
            permissions=self.permissions,
            audit=self.audit,
            deliveries=self.deliveries,
            store=self.store,
            world=world,
            clock=self.clock,
            replier=self.told,
        )
        self.starter: Starter[Outcome] = Starter(self.deliveries, self.dispatcher, clock=self.clock)
        self._ids = count(1)

    def asks(self, text: str, person: Person = MIA, **fields: Any) -> Invocation:
        values: dict[str, Any] = {
            "delivery_id": f"{self.owner}-{next(self._ids)}",
            "trigger": Trigger.SLASH,
            "person": person,
            "at": self.clock.now(),
            "text": text,
            "channel": Channel(TEAM, "C1"),
            **fields,
        }
        return Invocation(**values)

    async def answer(self, text: str, person: Person = MIA, **fields: Any) -> Reply:
        """Go the whole road at once, as a read does."""
        invocation = self.asks(text, person, **fields)
        return await self.dispatcher.answer(invocation, self.dispatcher.parse(invocation))

    async def settled(self) -> None:
        async with asyncio.timeout(60):
            await self.starter.idle()

    async def entries(self) -> Sequence[Entry]:
        """Return the audit log, oldest first, and prove it whole."""
        assert (await self.audit.verify()).ok
        return list(reversed(await self.audit.recent()))

    async def rows(self) -> list[tuple[str, str, int, str]]:
        columns = deliveries.c.delivery_id, deliveries.c.state, deliveries.c.attempts, deliveries.c.outcome
        async with self.store.read() as conn:
            return [tuple(row) for row in await conn.execute(sa.select(*columns).order_by(*columns))]


@pytest.fixture(autouse=True)
def log_lines() -> Iterator[list[Any]]:
    """Keep what is logged, for tests that look at it."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def opened(url: str, clock: HandClock) -> AsyncIterator[Store]:
    store = await Store.open(url, clock=clock)
    async with store.write() as tx:
        await tx.conn.run_sync(own.create_all)
    yield store
    await store.close()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    async for store in opened(f"sqlite:///{tmp_path / 'shipmate.db'}", clock):
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
async def either_store(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    sqlite = f"sqlite:///{tmp_path / 'shipmate.db'}"
    url = sqlite if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    async for store in opened(url, clock):
        yield store


Open = Callable[[str, Store], Awaitable[Yard]]


@pytest.fixture
async def open_yard(clock: HandClock) -> AsyncIterator[Open]:
    """Start processes, and stop those that a test left running."""
    yards: list[Yard] = []

    async def start(owner: str, store: Store) -> Yard:
        yard = Yard(store, clock, owner)
        await yard.starter.start()
        yards.append(yard)
        return yard

    yield start
    for yard in yards:
        yard.notes.go_on.set()
        await yard.starter.stop()


@pytest.fixture
async def yard(store: Store, open_yard: Open) -> Yard:
    return await open_yard("p1", store)

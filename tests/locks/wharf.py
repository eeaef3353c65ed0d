"""Locks with what they need, and the clock in the test's hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bot.audit import Audit
from bot.changes import records as changes
from bot.clock import SystemClock
from bot.identity import Person
from bot.locks.locks import Locks, Wish
from bot.locks.rules import Scope
from bot.slack.outbox import Outbox
from bot.slack.records import outbox
from bot.store import Store, Tx
from bot.store.starts import starts

STAGING = Scope("checkout", "staging")
PRODUCTION = Scope("checkout", "production")
EU = Scope("checkout", "production", "eu")
MIA, TOM = (Person(team="T", user=name) for name in ("mia", "tom"))


class Clock(SystemClock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass
class Wharf:
    store: Store
    clock: Clock
    locks: Locks
    audit: Audit
    freed: list[str] = field(default_factory=list)

    async def take(self, person: Person, scope: Scope, **wish: object) -> str:
        return (await self.locks.take(Wish(scope=scope, person=person, **wish))).lock.id  # type: ignore[arg-type]

    async def blocking(self, scope: Scope, person: Person | None = None) -> str:
        async with self.store.read() as conn:
            lock = await self.locks.blocking(conn, scope, person)
        return "" if lock is None else lock.id

    async def told(self) -> list[tuple[str, str]]:
        async with self.store.read() as conn:
            rows = (await conn.execute(sa.select(outbox.c.key, outbox.c.person).order_by(outbox.c.id))).all()
        return [(row.person.user, row.key) for row in rows]

    async def deadlines(self) -> list[str]:
        async with self.store.read() as conn:
            rows = (await conn.execute(sa.select(starts.c.name, starts.c.not_before))).all()
        return sorted(f"{row.name} {row.not_before:%H:%M}" for row in rows)

    async def changed(self) -> list[str]:
        found = await changes.since(self.store, self.clock.at - timedelta(days=99))
        return [one.kind.value for one in reversed(found)]


@asynccontextmanager
async def up(url: str) -> AsyncIterator[Wharf]:
    clock = Clock()
    store = await Store.open(url, clock=clock)
    audit = Audit(store, clock)
    outbox_of = Outbox(store, clock)
    locks = Locks(store=store, clock=clock, audit=audit, outbox=outbox_of, name_of=lambda person: person.user)
    wharf = Wharf(store, clock, locks, audit)

    async def note(_tx: Tx, scope: Scope) -> None:
        wharf.freed.append(scope.key)

    locks.on_released.append(note)
    try:
        yield wharf
    finally:
        await store.close()

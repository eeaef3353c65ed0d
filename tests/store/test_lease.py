"""Leases: who is silent is taken over from, once, and knows it before it does anything more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from bot.clock import SystemClock
from bot.store import Store, lease
from bot.store.lease import LeaseLost, replicas, still_ours

pytestmark = pytest.mark.timeout(180)


class Replica:
    """A store whose lease is held, and what was told of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lease = store.lease
        self.lost = 0
        self.recovered: list[str] = []

    async def note_lost(self) -> None:
        self.lost += 1

    async def recover(self, name: str) -> int:
        self.recovered.append(name)
        return 1

    async def look(self, *names: str) -> list[str]:
        """Take over from whoever is gone, and return from whom that was so far."""
        await self.lease.take_over(names, self.recover)
        return self.recovered

    def stop_renewing(self) -> None:
        """Hang, as a process that was stopped does: nothing of it runs, its row stays."""
        assert self.lease._keeping is not None
        self.lease._keeping.cancel()


@asynccontextmanager
async def replica(url: str, name: str) -> AsyncIterator[Replica]:
    store = await Store.open(url, clock=SystemClock())
    made = Replica(store)
    await store.lease.begin(name, lost=made.note_lost)
    try:
        yield made
    finally:
        await store.lease.end()
        await store.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110 - what passes is the lease's time
            await asyncio.sleep(0.02)


async def test_who_renews_keeps_the_lease(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SECONDS", 3.0)
    async with replica(postgres_url, "one") as one, replica(postgres_url, "two") as two:
        first = await _until_of(one.store)
        while await _until_of(one.store) == first:  # noqa: ASYNC110 - it is renewed in the meantime
            await asyncio.sleep(0.02)
        assert await two.look("one", "two") == []
        one.lease.check(0)
        assert one.lost == 0


async def _until_of(store: Store) -> object:
    async with store.read() as conn:
        return (await conn.execute(sa.select(replicas.c.until).where(replicas.c.id == "one"))).scalar_one()


async def test_who_ends_is_taken_over_at_once(postgres_url: str) -> None:
    async with replica(postgres_url, "two") as two:
        async with replica(postgres_url, "one"):
            assert await two.look() == []
        assert await two.look() == ["one"]
        assert await two.look("one") == ["one", "one"], "work that is left of one without a row is taken over, too"


async def test_who_hangs_is_taken_over_once_and_does_nothing_more(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 1.0)
    async with (
        replica(postgres_url, "one") as one,
        replica(postgres_url, "two") as two,
        replica(postgres_url, "three") as three,
    ):
        one.lease.work()
        still_ours()
        one.stop_renewing()
        async with asyncio.timeout(90):
            while not two.recovered + three.recovered:
                await asyncio.gather(two.look("one", "two"), three.look("one", "three"))
        assert two.recovered + three.recovered == ["one"]
        assert not one.lease.held, "it counts itself out before others do"
        with pytest.raises(LeaseLost):
            still_ours()

        one.lease._keeping = asyncio.create_task(one.lease._keep())
        await one.lease.wait_until_held()
        await until(lambda: one.lost == 1)
        with pytest.raises(LeaseLost):
            still_ours()  # it may act again, but not on what it began before
        one.lease.work()
        still_ours()


async def test_a_holder_cannot_renew_while_it_is_taken_over_from(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would believe that the work is theirs."""
    async with replica(postgres_url, "one") as one, replica(postgres_url, "two") as two:
        one.stop_renewing()
        async with one.store.engine.begin() as conn:
            await conn.execute(sa.update(replicas).where(replicas.c.id == "one").values(until=lease._from_now(-1)))
        renewing: list[asyncio.Task[None]] = []

        async def recover(name: str) -> int:
            assert name == "one"
            renewing.append(asyncio.create_task(one.lease._renew()))
            done, _ = await asyncio.wait(renewing, timeout=0.3)
            assert not done
            return 1

        assert await two.lease.take_over((), recover) == 1
        await renewing[0]
        assert one.lease.term == 1
        assert one.lease.held


async def test_sqlite_has_nothing_to_renew(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url, clock=SystemClock())
    store.lease.work()
    still_ours()
    assert store.lease.held
    await store.close()

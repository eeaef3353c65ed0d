"""A commit that fails: nothing is left behind of it, and who is told of it knows whether it may have been kept."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store import Store, StoreUnavailable, next_id
from bot.store.counters import counters
from tests.histories.faults import Fault, Faults
from tests.histories.replicas import Clock


async def count(store: Store) -> str:
    async with store.write() as tx:
        tx.wake("counted")
        return await next_id(tx, "L")


async def kept(store: Store) -> list[Any]:
    async with store.read() as conn:
        return list((await conn.execute(sa.select(counters))).all())


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_the_next_ones_write_at_once_and_doubt_is_told(database_url: str, fault: Fault):
    store = await Store.open(database_url, clock=Clock())
    try:
        faults = Faults(store)
        with (
            faults.planned([fault]),
            pytest.raises(StoreUnavailable, match="may have been done all the same") as caught,
        ):
            await count(store)
        assert caught.value.in_doubt
        assert store.signal("counted").is_set(), "who waits for the row looks"
        assert len(await kept(store)) == (fault is Fault.AFTER)
        async with asyncio.timeout(60):
            told = await asyncio.gather(*(count(store) for _ in range(5)))
        assert len(set(told)) == 5
    finally:
        await store.close()

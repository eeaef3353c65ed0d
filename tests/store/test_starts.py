"""Workflows that shall start: wished with the decision, started once it is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bot.store import Store
from bot.store.starts import due, enter, next_due, wait_for_wanted, want, withdraw

from .conftest import START, StillClock


def _steps(count: int) -> Callable[[], Awaitable[int]]:
    async def steps() -> int:
        return count

    return steps


async def test_a_wish_counts_once_and_only_when_its_transaction_is_kept(store: Store) -> None:
    for _ in range(2):
        async with store.write() as tx:
            await want(tx, "D-1001/execute", "deployment.execute.v1", "D-1001", {"n": [1]})
    with pytest.raises(RuntimeError):
        await _want_and_fail(store)
    (start,) = await due(store, START)
    assert (start.workflow_id, start.name, start.args) == (
        "D-1001/execute",
        "deployment.execute.v1",
        ("D-1001", {"n": [1]}),
    )


async def _want_and_fail(store: Store) -> None:
    async with store.write() as tx:
        await want(tx, "never", "x")
        raise RuntimeError


async def test_wishes_fall_due_at_their_time_the_longest_due_first(store: Store) -> None:
    async with store.write() as tx:
        await want(tx, "later", "x", at=START + timedelta(hours=2))
        await want(tx, "soon", "x", at=START + timedelta(hours=1))
        await want(tx, "now", "x")
    assert [one.workflow_id for one in await due(store, START)] == ["now"]
    assert await next_due(store, START) == START + timedelta(hours=1)
    at_three = START + timedelta(hours=3)
    assert [one.workflow_id for one in await due(store, at_three)] == ["now", "soon", "later"]
    assert [one.workflow_id for one in await due(store, at_three, limit=1, skip={"now"})] == ["soon"]
    assert await next_due(store, at_three) is None


async def test_a_wish_can_be_withdrawn_until_it_began(store: Store) -> None:
    async with store.write() as tx:
        await want(tx, "a", "x")
        await want(tx, "b", "x")
    await enter(store, "b", _steps(0))
    async with store.write() as tx:
        assert await withdraw(tx, "a")
        assert not await withdraw(tx, "a")
        assert not await withdraw(tx, "b")
    assert list(await due(store, START)) == []


async def test_beginning_again_without_getting_further_is_counted(store: Store, clock: StillClock) -> None:
    async with store.write() as tx:
        await want(tx, "w", "x")
    assert await enter(store, "w", _steps(99)) == 1  # the first time nobody asks for steps
    assert await enter(store, "w", _steps(3)) == 1
    assert await enter(store, "w", _steps(3)) == 2
    assert await enter(store, "w", _steps(3)) == 3
    assert await enter(store, "w", _steps(4)) == 1
    assert await enter(store, "no row asked for it", _steps(0)) == 1
    assert list(await due(store, START + timedelta(days=1))) == []


async def test_the_loop_that_waits_is_woken_by_the_commit(store: Store) -> None:
    waiting = asyncio.create_task(wait_for_wanted(store, timeout=60))
    await asyncio.sleep(0)
    async with store.write() as tx:
        await want(tx, "w", "x")
        assert not waiting.done()
    async with asyncio.timeout(60):
        await waiting
    assert not store.signal("starts").is_set()
    await wait_for_wanted(store, timeout=0.001)  # the bound ends a wait without a wish

"""Whoever queues because of a lock or freeze is found by whoever ends it, though neither transaction sees the other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.deployments.ledger import Ledger, Said
from bot.deployments.rules import State
from bot.locks.rules import Scope
from tests.deployments.rig import MIA, RAJ, TOM, Rig, up

_WAITS = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


@pytest.fixture
async def rig(postgres_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, url=postgres_url) as made:
        made.history()
        yield made


async def waits_or_ends(rig: Rig, task: "asyncio.Task[object]") -> None:
    """Wait until a task ended, or its transaction waits for another one."""

    async def so() -> bool:
        async with rig.store.read() as conn:
            return task.done() or bool((await conn.execute(_WAITS)).scalar_one())

    async def why() -> str:
        return "the other transaction neither ended nor waits"

    await rig.until(so, why)


@pytest.mark.parametrize(
    ("stop", "free"),
    [
        ("lock checkout production", "unlock checkout production"),
        ("lock everything", "unlock everything"),
        ('freeze production --reason "year-end"', "unfreeze production"),
    ],
)
async def test_a_transaction_that_queues_while_the_way_is_freed(rig: Rig, stop: str, free: str):
    """It read the lock as held, and is kept after the lock was released: it must not wait for ever."""
    await rig.deploy("v1.4.1")
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production")).subject
    asked = await rig.reaches(at, State.AWAITING_APPROVAL)
    await rig.run(TOM, stop)
    async with rig.store.write() as tx, Ledger(rig.parts()).open(tx) as book:
        queued = await book.claim_or_queue(asked, Said(text="approved", person=RAJ))
        assert queued is not None
        assert queued.state is State.QUEUED
        freeing = asyncio.create_task(rig.run(TOM, free))
        await waits_or_ends(rig, freeing)
    await freeing
    await rig.reaches(at, State.SUCCEEDED)
    assert (await rig.audit.verify()).ok


async def test_a_transaction_that_frees_the_way_while_another_queues(rig: Rig):
    """It released the lock, and is kept after the other began: that one waits for it and goes at once."""
    await rig.deploy("v1.4.1")
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production")).subject
    asked = await rig.reaches(at, State.AWAITING_APPROVAL)
    await rig.run(TOM, "lock checkout production")

    async def queue() -> State:
        async with rig.store.write() as tx, Ledger(rig.parts()).open(tx) as book:
            moved = await book.claim_or_queue(asked, Said(text="approved", person=RAJ))
            assert moved is not None
            return moved.state

    async with rig.store.read() as conn:
        lock = await rig.locks.blocking(conn, Scope("checkout", "production"))
    assert lock is not None
    async with rig.store.write() as tx:
        await rig.locks.release_owned(tx, lock.owner_kind, lock.owner, lock.scope)
        queueing = asyncio.create_task(queue())
        await waits_or_ends(rig, queueing)
        assert not queueing.done()
    assert await queueing is State.DEPLOYING
    await rig.reaches(at, State.SUCCEEDED)

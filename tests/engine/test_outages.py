"""The store goes away under work that is under way: that stops, is not parked for it, and goes on by itself."""

import asyncio
from pathlib import Path

import sqlalchemy as sa

from bot.store import Store
from bot.store.errors import StoreUnavailable
from bot.store.starts import want
from tests.engine import stories
from tests.engine.test_engine import Databases, engine, lines, until


def on(folder: Path) -> Databases:
    return Databases(f"sqlite:///{folder}/store.db", f"sqlite:///{folder}/engine.db")


async def marks(store: Store) -> list[str]:
    async with store.read() as conn:
        found = await conn.execute(sa.select(stories.marks.c.name).where(stories.marks.c.times == 1))
        return list(found.scalars().all())


async def test_a_full_disk_stops_work_that_goes_on_with_room(tmp_path, small_disk):
    """Steps that were recorded do not run again, nothing is parked, and no restart is needed."""
    async with engine(on(small_disk.folder)) as (store, running):
        async with store.write() as tx:
            await want(tx, "T-1/three", "test.three.v1", str(tmp_path), "T-1")
        await until(lambda: lines(tmp_path / "T-1.waiting") == 1)
        await refuse_writes(store, small_disk)
        (tmp_path / "go").touch()
        await until(lambda: running.active == 0)
        small_disk.free()
        await until(lambda: lines(tmp_path / "T-1.last") >= 1, 90)
        await until(lambda: running.active == 0)
        assert await marks(store) == ["T-1"]
    assert lines(tmp_path / "T-1.first") == 1
    assert not list(tmp_path.glob("parked-*"))


async def test_a_transaction_that_finds_no_room_is_made_once_there_is_some(tmp_path, small_disk):
    """Nothing of the failed commit is recorded as the outcome of its step."""
    async with engine(on(small_disk.folder)) as (store, running):
        async with store.write() as tx:
            await want(tx, "T-2/large", "test.large.v1", str(tmp_path), "T-2")
        await until(lambda: lines(tmp_path / "T-2.waiting") == 1)
        small_disk.fill()
        (tmp_path / "go").touch()
        await until(lambda: running.active == 0)
        assert await marks(store) == []
        small_disk.free()
        await until(lambda: lines(tmp_path / "T-2.last") == 1, 90)
        assert [len(name) for name in await marks(store)] == [stories.LARGE]
    assert not list(tmp_path.glob("parked-*"))


async def refuse_writes(store: Store, disk) -> None:
    """Fill the disk, and what room the store's log had taken before."""
    disk.fill()
    for number in range(2000):
        try:
            async with store.write() as tx:
                await tx.conn.execute(sa.insert(stories.marks).values(name=f"x{number}" * 2000, times=0))
        except StoreUnavailable:
            return
        await asyncio.sleep(0)
    raise AssertionError("the store takes whatever is written")

"""The generation and its marker: what is noticed at a start, and under a process that runs."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import SystemClock
from bot.store import Store, next_id
from bot.store.generation import FILE, Generation, Mark, Marker, Outrun, held, lineages, mark_restored, why_restored
from bot.store.tables import insert


def test_why() -> None:
    row, same = Mark(lineage="a", generation=7), Mark(lineage="a", generation=7)
    assert not why_restored(row, "", None, "")
    assert not why_restored(row, "", same, "")
    assert not why_restored(row, "cluster/16", same, "cluster/16")
    assert "at generation 7, and had reached 8" in why_restored(row, "", Mark(lineage="a", generation=8), "")
    assert "another one" in why_restored(row, "", Mark(lineage="b", generation=1), "")
    assert "dump" in why_restored(row, "cluster/16", None, "cluster/17")
    assert "backup of yesterday" in why_restored(row, "backup of yesterday", None, "")


async def test_ids_go_on_behind_those_of_a_database_that_was_lost(tmp_path: Path) -> None:
    marker = Marker(tmp_path)
    marker.write(Mark(lineage="another", generation=5, counters={"D": 1040, "L": 3}))
    store = await fresh(tmp_path)
    try:
        assert await Generation(store, tmp_path).begin() is None, "in a new database nothing is in flight"
        async with store.write() as tx:
            assert [await next_id(tx, prefix) for prefix in ("D", "L", "B")] == ["D-2041", "L-1004", "B-1"]
    finally:
        await store.close()


async def test_a_process_ends_whose_database_was_replaced(tmp_path: Path) -> None:
    store = await fresh(tmp_path)
    try:
        generation = Generation(store, tmp_path)
        await generation.begin()
        await generation.raise_it()
        async with store.write() as tx:
            await tx.conn.execute(sa.update(lineages).values(generation=1))
        with pytest.raises(Outrun):
            await generation.raise_it()
        with pytest.raises(Outrun):
            await generation.held()
    finally:
        await store.close()


async def test_a_hold_lasts_until_it_is_let_go(tmp_path: Path) -> None:
    store = await fresh(tmp_path)
    try:
        await Generation(store, tmp_path).begin()
        await mark_restored(store, "backup of today")
        first = await Generation(store, tmp_path).begin()
        again = Generation(store, tmp_path)
        assert first is not None
        assert await again.begin() == first == await again.held() == await held(store)
        async with store.write() as tx:
            await again.let_go(tx)
        assert await Generation(store, tmp_path).begin() is None
    finally:
        await store.close()


async def test_a_marker_that_cannot_be_read_or_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    store = await fresh(tmp_path)
    try:
        assert await Generation(store, tmp_path).begin() is None
        (tmp_path / FILE).rmdir()
        (tmp_path / FILE).write_bytes(b"{")
        assert await Generation(store, tmp_path).begin() is None
        assert Marker(tmp_path).read() is not None
    finally:
        await store.close()


async def test_a_dump_in_another_place_of_postgresql_is_noticed(tmp_path: Path, postgres_url: str) -> None:
    store = await Store.open(postgres_url, clock=SystemClock())
    try:
        assert await Generation(store, tmp_path / "one").begin() is None
        assert await Generation(store, tmp_path / "two").begin() is None
        async with store.write() as tx:
            row = (await tx.conn.execute(sa.select(lineages))).one()
            await tx.conn.exec_driver_sql("ALTER TABLE lineage RENAME TO lineage_before")
            await tx.conn.exec_driver_sql("CREATE TABLE lineage (LIKE lineage_before INCLUDING ALL)")
            await tx.conn.execute(insert(tx.conn, lineages).values(**row._mapping))
        hold = await Generation(store, tmp_path / "three").begin()
        assert hold is not None
        assert "dump" in hold.why
    finally:
        await store.close()


async def fresh(folder: Path) -> Store:
    return await Store.open(f"sqlite:///{folder / 'shipmate.db'}", clock=SystemClock())

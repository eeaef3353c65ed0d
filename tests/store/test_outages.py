"""When the database cannot be used: what is said, that nothing was kept, and that it goes on afterwards."""

import sqlite3
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import Degraded
from bot.store import Store, StoreMismatch, StoreUnavailable, next_id, one_trip
from bot.store.connections import SCHEMA
from bot.store.counters import counters
from bot.store.starts import want

from .conftest import StillClock


async def _count(store: Store) -> int:
    async with store.read() as conn:
        return int((await conn.execute(sa.select(sa.func.count()).select_from(counters))).scalar_one())


async def test_a_full_disk_is_named_and_nothing_is_kept(sqlite_store: Store) -> None:
    """SQLite itself is told how large the file may be: the error is the one of a full disk."""

    async def fill() -> None:
        async with sqlite_store.write() as tx:
            await next_id(tx, "D")
            pages = (await tx.conn.execute(sa.text("pragma page_count"))).scalar_one()
            await tx.conn.execute(sa.text(f"pragma max_page_count = {pages + 1}"))
            await want(tx, "big", "x", "a" * 100_000)

    with pytest.raises(StoreUnavailable, match=r"its disk is full\. Nothing was started") as caught:
        await fill()
    assert caught.value.code == "store_unavailable"
    assert isinstance(caught.value, Degraded)
    assert await _count(sqlite_store) == 0


async def test_a_file_that_another_process_holds_is_named(
    sqlite_url: str, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_trip, "BUSY_MILLISECONDS", 20)
    store = await Store.open(sqlite_url, clock=clock)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("begin immediate")
        with pytest.raises(StoreUnavailable, match="another process holds it"):
            async with store.write() as tx:
                await next_id(tx, "D")
        other.execute("rollback")
        async with store.write() as tx:
            assert await next_id(tx, "D") == "D-1001"
    finally:
        other.close()
        await store.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path, clock: StillClock) -> None:
    path = tmp_path / "shipmate.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreUnavailable, match="is not a database"):
        await Store.open(f"sqlite:///{path}", clock=clock)
    assert path.read_bytes().startswith(b"not a database")


async def test_a_server_that_is_away_is_named(clock: StillClock, unused_port: int) -> None:
    with pytest.raises(StoreUnavailable, match="lost or refused"):
        await Store.open(f"postgresql://nobody@127.0.0.1:{unused_port}/nowhere", clock=clock)


@pytest.fixture
def unused_port() -> int:
    """Return a port of this machine on which nobody listens."""
    import socket  # noqa: PLC0415 - next to its use

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _write_and_be_cut(store: Store) -> None:
    async with store.write() as tx:
        await next_id(tx, "D")
        mine = (await tx.conn.execute(sa.text("select pg_backend_pid()"))).scalar_one()
        async with store.read() as other:
            await other.execute(sa.select(sa.func.pg_terminate_backend(mine)))
        await next_id(tx, "D")


async def test_a_connection_cut_in_a_transaction_undoes_it_and_the_next_one_works(
    postgres_url: str, clock: StillClock
) -> None:
    store = await Store.open(postgres_url, clock=clock)
    try:
        with pytest.raises(StoreUnavailable):
            await _write_and_be_cut(store)
        assert await _count(store) == 0
        async with store.write() as tx:
            assert await next_id(tx, "D") == "D-1001"
    finally:
        await store.close()


async def test_a_user_who_may_not_make_tables_is_told_what_to_grant(postgres_url: str, clock: StillClock) -> None:
    role = f"limited_{uuid.uuid4().hex[:8]}"
    store = await Store.open(postgres_url, clock=clock)
    async with store.write() as tx:
        await tx.conn.execute(sa.text(f"create role {role} login"))
        await tx.conn.execute(sa.text("drop schema shipmate cascade"))
    limited = store.engine.url.set(username=role, drivername="postgresql").render_as_string(hide_password=False)
    with pytest.raises(StoreMismatch, match=f"CREATE SCHEMA {SCHEMA} AUTHORIZATION"):
        await Store.open(limited, clock=clock)
    async with store.write() as tx:
        await tx.conn.execute(sa.text(f"create schema {SCHEMA} authorization {role}"))
    await (await Store.open(limited, clock=clock)).close()
    await store.close()


async def test_a_database_that_does_not_exist_is_named(postgres_url: str, clock: StillClock) -> None:
    with pytest.raises(StoreUnavailable):
        await Store.open(postgres_url.rsplit("/", 1)[0] + "/no_such_database", clock=clock)

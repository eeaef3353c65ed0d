"""Where a read runs: on the event loop while it is short, in a thread when it is long or meets a lock."""

import asyncio
import sqlite3
import threading
from typing import Any

import pytest

from bot.store import Store, one_trip
from tests.store.conftest import StillClock
from tests.store.test_closing import LONG


async def read(store: Store, sql: str) -> tuple[list[tuple[object, ...]], list[threading.Thread]]:
    """Return the rows of `sql`, and the threads that called `mark()` in it."""
    threads: list[threading.Thread] = []

    def mark() -> int:
        threads.append(threading.current_thread())
        return 7

    async with store.read() as conn:
        raw = await conn.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.create_function("mark", 0, mark)
        rows = (await conn.exec_driver_sql(sql)).all()
    return [tuple(row) for row in rows], threads


async def test_a_short_read_makes_no_trip_to_a_thread(sqlite_store: Store) -> None:
    assert await read(sqlite_store, "SELECT mark()") == ([(7,)], [threading.current_thread()])


async def test_a_long_read_does_not_hold_the_event_loop(sqlite_store: Store) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    rows, threads = await read(sqlite_store, f"SELECT {LONG}, mark()")
    turning.cancel()
    assert rows == [(300_000, 7)]
    assert threading.current_thread() not in threads
    assert turns > 100


async def test_a_lock_is_waited_for_in_a_thread(
    sqlite_url: str, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()
    threads: list[threading.Thread] = []
    patiently = one_trip._run_patiently

    def tell(*args: Any, **kwargs: Any) -> one_trip.Outcome:
        threads.append(threading.current_thread())
        waiting.set()
        return patiently(*args, **kwargs)

    monkeypatch.setattr(one_trip, "_run_patiently", tell)
    store = await Store.open(sqlite_url, clock=clock)
    await store.engine.dispose()  # no connection is left that shares the file
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("CREATE TABLE held (x)")
        reading = asyncio.create_task(read(store, "SELECT count(*) FROM held"))
        assert await asyncio.to_thread(waiting.wait, 90)
        assert not reading.done()
        other.close()
        assert await reading == ([(0,)], [])
        assert threading.current_thread() not in threads
    finally:
        other.close()
        await store.close()


async def test_a_mistake_is_told_once(sqlite_store: Store) -> None:
    rows, threads = await read(sqlite_store, "SELECT mark() UNION ALL SELECT 1")
    assert rows == [(7,), (1,)]
    assert len(threads) == 1

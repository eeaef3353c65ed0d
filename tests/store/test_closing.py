"""A store is closed only when no thread of a connection can reach for the event loop any more."""

import asyncio
import threading
from pathlib import Path

import pytest

from bot.store import Store
from tests.store.conftest import StillClock

BOUND = 60.0
LONG = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n)"
"""Takes longer than a statement may on the event loop."""


class Held:
    """A function of SQL that goes on until it is let go, as a slow statement does."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self) -> int:
        self.threads.append(threading.current_thread())
        self.begun.set()
        self.go_on.wait(BOUND)
        return 1


async def read(store: Store, held: Held) -> None:
    async with store.read() as conn:
        raw = await conn.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        await driver.create_function("held", 0, held)
        await conn.exec_driver_sql(f"SELECT held() WHERE {LONG} > 0")


async def close_while_a_read_goes_on(folder: Path, held: Held, *, cancelled: bool) -> None:
    store = await Store.open(f"sqlite:///{folder}/shipmate.db", clock=StillClock())
    reading = asyncio.create_task(read(store, held))
    assert await asyncio.to_thread(held.begun.wait, BOUND)
    if cancelled:
        reading.cancel()
    closing = asyncio.create_task(store.close())
    for _ in range(100):
        await asyncio.sleep(0)
    held.go_on.set()
    await closing
    assert not held.threads[0].is_alive()
    await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.parametrize("cancelled", [True, False])
def test_what_is_still_read_has_ended_when_the_store_is_closed(tmp_path, monkeypatch, cancelled):
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    held = Held()
    asyncio.run(close_while_a_read_goes_on(tmp_path, held, cancelled=cancelled))
    for thread in held.threads:
        thread.join(BOUND)
    assert told == []


def test_a_statement_that_does_not_end_holds_nobody_up_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("bot.store.database._LAST_STATEMENT", 0.05)
    held = Held()

    async def close() -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/shipmate.db", clock=StillClock())
        reading = asyncio.create_task(read(store, held))
        assert await asyncio.to_thread(held.begun.wait, BOUND)
        await store.close()
        assert held.threads[0].is_alive()
        held.go_on.set()
        await asyncio.to_thread(held.threads[0].join, BOUND)
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(close())

"""Tasks that are ended end, also those on which a cancellation was lost; one that will not end keeps nobody waiting."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.endings import end


async def deaf(times: int, heard: list[int], enough: asyncio.Event) -> None:
    """Go on through so many cancellations, or until it is enough."""
    while not enough.is_set():
        try:
            await enough.wait()
        except asyncio.CancelledError:
            heard.append(1)
            if len(heard) > times:
                raise


async def test_a_lost_cancellation_is_said_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.endings.AGAIN", 0.01)
    heard: list[int] = []
    task = asyncio.create_task(deaf(3, heard, asyncio.Event()))
    await asyncio.sleep(0)
    await end([task, None])
    assert task.cancelled()
    assert len(heard) == 4


async def test_one_that_will_not_end_is_left_and_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.endings.AGAIN", 0.01)
    enough = asyncio.Event()
    task = asyncio.create_task(deaf(1_000_000, [], enough), name="deaf")
    await asyncio.sleep(0)
    with capture_logs() as logs:
        await end([task], within=0.05)
    assert [(one["event"], one["task"]) for one in logs] == [("task.would_not_end", "deaf")]
    enough.set()
    await task


async def test_what_a_task_raises_at_its_end_is_its_own():
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("at the end")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await end([task])
    assert isinstance(task.exception(), ValueError)

"""What is done again and again goes on after a time that failed, and ends when it is told to."""

import asyncio

import pytest
import structlog

from bot.repeating import Repeating
from tests.dispatch.conftest import HandClock

SECONDS = 30


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def test_a_time_that_fails_is_told_and_is_not_the_last(clock):
    times: asyncio.Queue[bool] = asyncio.Queue()

    async def deed():
        times.put_nowait(True)
        if times.qsize() == 1:
            raise LookupError("a mistake of ours")

    repeating = Repeating("odd-jobs", deed, clock, pause=lambda: 5.0)
    async with asyncio.timeout(SECONDS):
        with structlog.testing.capture_logs() as said:
            repeating.start()
            repeating.start()
            await clock.when_sleeping()
        assert [(one["event"], one["name"]) for one in said] == [("repeating.failed", "odd-jobs")]
        assert times.qsize() == 1, "started twice it runs once"
        clock.pass_by(seconds=5)
        await clock.when_sleeping()
        assert times.qsize() == 2
        await repeating.stop()
        await repeating.stop()

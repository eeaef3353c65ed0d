"""Threads for libraries that block: the loop goes on, a call has a deadline, and nobody waits for one that hangs."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from integrations.errors import Unavailable
from integrations.threads import BoundedThreads
from tests.integrations.waiting import eventually


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def threads():
    pool = BoundedThreads("tool", size=2, waiting=1, deadline=10)
    yield pool
    pool.close()


async def test_a_call_returns_what_the_function_returns_or_raises(threads):
    assert await threads.run(lambda: 7) == 7
    with pytest.raises(KeyError):
        await threads.run(lambda: os.environ["SHIPMATE_NO_SUCH_NAME"])
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(lambda: next(iter(())))
    with pytest.raises(TimeoutError, match="of its own"):
        await threads.run(lambda: exec("raise TimeoutError('of its own')"))  # noqa: S102 -- an expression that raises
    assert await threads.run(lambda: 8) == 8


async def test_a_call_that_hangs_is_given_up(threads, release):
    with pytest.raises(Unavailable, match=r"within 0\.05 s"):
        await threads.run(release.wait, deadline=0.05)
    assert await threads.run(lambda: 1) == 1


async def test_the_line_is_bounded_and_opens_again(threads, release):
    calls = [asyncio.create_task(threads.run(release.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="3 calls wait"):
        await threads.run(lambda: 1)
    release.set()
    await asyncio.gather(*calls)
    assert await threads.run(lambda: 1) == 1


async def test_a_call_whose_time_passed_in_the_line_is_never_made(threads, release):
    made = []
    calls = [asyncio.create_task(threads.run(release.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await threads.run(lambda: made.append(1), deadline=0.01)
    release.set()
    await asyncio.gather(*calls)
    await threads.run(lambda: None)
    assert made == []


async def test_no_more_threads_than_allowed_and_none_after_the_end(release):
    pool = BoundedThreads("tool-x", size=2, waiting=50)

    def own() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name.startswith("tool-x-")]

    calls = [asyncio.create_task(pool.run(release.wait)) for _ in range(20)]
    await asyncio.sleep(0)
    assert len(own()) == 2
    release.set()
    await asyncio.gather(*calls)
    pool.close()

    async def none_left() -> bool:
        return not own()

    assert await eventually(none_left)
    with pytest.raises(Unavailable, match="closed"):
        await pool.run(lambda: 1)


def test_a_call_that_hangs_delays_no_exit():
    program = """
import asyncio, threading
from integrations.errors import Unavailable
from integrations.threads import BoundedThreads

async def main():
    try:
        await BoundedThreads("tool", deadline=0.05).run(threading.Event().wait)
    except Unavailable:
        print("given up")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "given up\n"

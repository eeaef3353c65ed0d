"""Waiting for something that other processes do, with a deadline and no fixed pause."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from integrations.capabilities.runs import Run, RunRef, RunTracker

_T = TypeVar("_T")
DEADLINE = 60.0  # seconds; more where a real tool is asked


async def eventually(look: Callable[[], Awaitable[_T]], deadline: float = 0.0) -> _T:
    """Return the first true thing that `look` returns."""
    deadline = deadline or DEADLINE
    until = time.monotonic() + deadline
    while True:
        seen = await look()
        if seen:
            return seen
        if time.monotonic() > until:
            message = f"waited {deadline:g} s in vain; last seen: {seen!r}"
            raise AssertionError(message)
        await asyncio.sleep(0.01)


async def ended(tracker: RunTracker, ref: RunRef) -> Run:
    """Return the run when it is over."""

    async def look() -> Run | None:
        run = await tracker.get_run(ref)
        return run if run.state.final else None

    run = await eventually(look)
    assert run is not None
    return run


async def log_of(tracker: RunTracker, ref: RunRef) -> str:
    """Return a whole log, read from the beginning by its offsets."""
    text, offset = "", 0
    while True:
        chunk = await tracker.read_log(ref, offset)
        text += chunk.text
        if not chunk.more:
            return text
        assert chunk.next_offset > offset, "a log of a run that is over must get on"
        offset = chunk.next_offset

"""Ends tasks for certain: a cancellation can get lost, and a stop that waits for ever is worse than giving up."""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

AGAIN = 1.0
"""Seconds after which a task that goes on in spite of its cancellation is cancelled once more."""
PATIENCE = 15.0

log = structlog.get_logger()


async def end(tasks: Iterable[asyncio.Task[Any] | None], *, within: float = PATIENCE) -> None:
    """Cancel tasks and return when they have ended, or after so many seconds; what they raise is left to them.

    Libraries catch a cancellation now and then, and one that comes as a wait ends can be swallowed with it. So it is
    said again. A task that goes on all the same is told to the log and left behind: what is durable goes on elsewhere.
    """
    left = {task for task in tasks if task is not None and not task.done()}
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while left and loop.time() < until:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=min(AGAIN, within))
        for task in done:
            if not task.cancelled():
                task.exception()  # looked at: nobody waits for it
    for task in left:
        log.error("task.would_not_end", task=task.get_name(), seconds=within)

"""Work that goes on after an acknowledgement: named, bounded, awaited when the process ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from bot.endings import end

_log = structlog.get_logger(__name__)


class Busy(Exception):
    """So much work waits already that more would only be late."""


class Tasks:
    """Runs at most `running` pieces of work at a time and lets at most `waiting` more wait."""

    def __init__(self, *, running: int = 32, waiting: int = 500) -> None:
        self._slots = asyncio.Semaphore(running)
        self._limit = running + waiting
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many pieces of work run or wait."""
        return len(self._tasks)

    def spawn(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` beside what is going on; what it raises is logged.

        Raises:
            Busy: too much waits already; `work` was not begun.
        """
        if len(self._tasks) >= self._limit:
            work.close()
            raise Busy(f"{len(self._tasks)} pieces of work wait already")
        task = asyncio.get_running_loop().create_task(self._run(name, work), name=f"slack.{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        try:
            async with self._slots:
                await work
        except asyncio.CancelledError:
            work.close()
            raise
        except Exception:  # noqa: BLE001 - nobody waits for it: the log is told
            _log.exception("work after an acknowledgement failed", work=name)

    async def close(self, seconds: float) -> None:
        """Wait up to so many seconds for what runs, then cancel the rest."""
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            await end(late)

"""`Repeating`: does something again and again until it is stopped, whatever became of the last time."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.clock import Clock
from bot.endings import end

log = structlog.get_logger()


class Repeating:
    """Runs `deed`, waits for `pause` seconds, and begins again.

    A time that fails is told to the log and is not the last one: what was not done is done by a later one.
    """

    def __init__(
        self, name: str, deed: Callable[[], Awaitable[object]], clock: Clock, *, pause: Callable[[], float]
    ) -> None:
        self._name = name
        self._deed = deed
        self._clock = clock
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; where it runs already nothing changes."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End, also in the middle."""
        if self._task is not None:
            await end([self._task])
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._deed()
            except Exception:
                log.exception("repeating.failed", name=self._name)
            await self._clock.sleep(self._pause())

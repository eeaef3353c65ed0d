"""Whose turn it is to write: one writer at a time in this process, the urgent ones first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_URGENT_IN_A_ROW = 16


class Turns:
    """A lock with two queues.

    SQLite lets one connection write; the others would poll for the file's lock with growing pauses. Queuing
    here keeps the wait short and lets an acknowledgement overtake the work behind it. After sixteen urgent
    writers in a row one of the others goes, so that nobody starves.
    """

    def __init__(self) -> None:
        self._busy = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._patient: deque[asyncio.Future[None]] = deque()
        self._urgent_in_a_row = 0

    @property
    def waiting(self) -> int:
        """How many writers wait."""
        return len(self._urgent) + len(self._patient)

    @asynccontextmanager
    async def turn(self, *, urgent: bool = False) -> AsyncIterator[None]:
        """Hold the turn for the length of the block."""
        await self._acquire(self._urgent if urgent else self._patient)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, queue: deque[asyncio.Future[None]]) -> None:
        if not self._busy:
            self._busy = True
            return
        waiter = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._release()  # the turn was handed over in the moment of the cancellation
            elif waiter in queue:
                queue.remove(waiter)
            raise

    def _release(self) -> None:
        waiter = self._next()
        if waiter is None:
            self._busy = False
        else:
            waiter.set_result(None)  # the turn passes on without becoming free: nobody can slip in between

    def _next(self) -> asyncio.Future[None] | None:
        for queue in (self._urgent, self._patient):
            while queue and queue[0].cancelled():  # its task has not run since it was cancelled
                queue.popleft()
        fair = self._patient and self._urgent_in_a_row >= _URGENT_IN_A_ROW
        if self._urgent and not fair:
            self._urgent_in_a_row += 1
            return self._urgent.popleft()
        self._urgent_in_a_row = 0
        return self._patient.popleft() if self._patient else None

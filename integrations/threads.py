"""Threads for libraries that block: few, with a deadline on every call, and never in the way of an exit."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from integrations.errors import Unavailable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Any]"


class BoundedThreads:
    """At most `size` threads of one adapter; at most `waiting` calls stand in line for them.

    The event loop never waits longer than `deadline` seconds. A call that hangs keeps its thread, so that many hanging
    calls fill the line and are refused at once instead of piling up; the threads are daemons, so that a hanging
    one delays no exit.
    """

    def __init__(self, instance: str, *, size: int = 4, waiting: int = 32, deadline: float = 15.0) -> None:
        self._instance = instance
        self._size = size
        self._waiting = waiting
        self._deadline = deadline
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._closed = False

    async def run(self, function: Callable[[], _T], *, deadline: float | None = None) -> _T:
        """Call a function in a thread and return what it returns or raises.

        Raises:
            Unavailable: no answer within the deadline (seconds), too many calls in line, or closed.
        """
        if self._closed:
            raise Unavailable(self._instance, "is closed")
        if self._busy >= self._size + self._waiting:
            raise Unavailable(self._instance, f"{self._busy} calls wait for an answer; no more are sent until some end")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()
        self._busy += 1
        self._calls.put(_Call(function, loop, answer))
        if len(self._threads) < min(self._size, self._busy):
            self._add_thread()
        limit = self._deadline if deadline is None else deadline
        timer = asyncio.timeout(limit)
        try:
            async with timer:
                return await answer
        except TimeoutError as error:
            if not timer.expired():
                raise  # the function's own
            raise Unavailable(self._instance, f"no answer within {limit:g} s") from error

    def close(self) -> None:
        """Let idle threads end, and busy ones as soon as their call does. Does not wait."""
        self._closed = True
        for _ in self._threads:
            self._calls.put(None)

    def _add_thread(self) -> None:
        name = f"{self._instance}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            result: Any = None
            failure: BaseException | None = None
            if not call.answer.done():  # its deadline may have passed in the line
                try:
                    result = call.function()
                except BaseException as error:  # noqa: BLE001 -- carried over to the caller as it is
                    failure = error
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits for it any more
                call.loop.call_soon_threadsafe(self._settle, call.answer, result, failure)
            del call, result, failure

    def _settle(self, answer: "asyncio.Future[Any]", result: object, failure: BaseException | None) -> None:
        self._busy -= 1
        if answer.done():
            return
        if failure is None:
            answer.set_result(result)
        elif isinstance(failure, StopIteration):
            answer.set_exception(RuntimeError("a call in a thread raised StopIteration"))  # no future may carry it
        else:
            answer.set_exception(failure)

"""Charts as PNG, drawn in a process of their own.

The plotting library is heavy, so neither the event loop nor the bot's memory knows of it: a worker is started on
first use and ended when it was idle for a while.
"""

import asyncio
import json
import struct
import sys
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, to_builtins

from bot.errors import Degraded

IDLE_SECONDS: Final = 120.0
DRAW_SECONDS: Final = 20.0
MAX_SERIES: Final = 8


class Line(Struct, frozen=True, kw_only=True):
    """One series: its name in the legend and its (unix seconds, value) points; None where there is no value."""

    label: str
    points: Sequence[tuple[float, float | None]]


class Mark(Struct, frozen=True, kw_only=True):
    """A moment worth a vertical line, such as a deployment."""

    at: float
    label: str


class Span(Struct, frozen=True, kw_only=True):
    """A stretch of time that is shaded, such as that in which an alert fired; its label stands in the legend."""

    start: float
    end: float
    label: str


class Chart(Struct, frozen=True, kw_only=True):
    """What to draw. `unit` is one of "", ratio, seconds, bytes, or any word that is put behind the numbers.

    `limit` is drawn as a dashed line. `zone` is an IANA time zone for the axis. At most eight lines are drawn, the
    ones with the highest last values; the legend says how many were left out, with `left_out` that are not among them.
    """

    title: str
    lines: Sequence[Line]
    unit: str = ""
    limit: float | None = None
    marks: Sequence[Mark] = ()
    spans: Sequence[Span] = ()
    left_out: int = 0
    zone: str = "UTC"


class Charts:
    """Draws charts in a worker process, one at a time."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._worker: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether a worker is up."""
        return self._worker is not None and self._worker.returncode is None

    async def draw(self, chart: Chart) -> bytes:
        """Return the chart as a PNG, 1200 pixels wide.

        Raises:
            Degraded: the plotting library is not installed, or the worker gave no picture in time.
        """
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(DRAW_SECONDS):
                    kind, body = await self._ask(json.dumps(to_builtins(chart)).encode())
            except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                await self._end()
                code = "charts_unavailable"
                raise Degraded(code, "The chart could not be drawn: the drawing process gave no answer.") from error
            self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_soon)
        if kind != b"P":
            code = "charts_unavailable"
            raise Degraded(code, f"The chart could not be drawn: {body.decode(errors='replace')}")
        return body

    async def close(self) -> None:
        """End the worker, if there is one."""
        if self._idle is not None:
            self._idle.cancel()
        async with self._turn:
            await self._end()

    async def _ask(self, request: bytes) -> tuple[bytes, bytes]:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot.chart_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        worker = self._worker
        if worker.stdin is None or worker.stdout is None:  # pragma: no cover - both were asked for
            raise OSError
        worker.stdin.write(struct.pack(">I", len(request)) + request)
        await worker.stdin.drain()
        head = await worker.stdout.readexactly(5)
        return head[:1], await worker.stdout.readexactly(struct.unpack(">I", head[1:])[0])

    def _end_soon(self) -> None:
        worker = self._worker
        if worker is not None and worker.stdin is not None and not self._turn.locked():
            worker.stdin.close()  # the worker ends when its input does; the next draw starts a new one
            self._worker = None

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None or worker.returncode is not None:
            return
        if worker.stdin is not None:
            worker.stdin.close()
        try:
            async with asyncio.timeout(2):
                await worker.wait()
        except TimeoutError:
            worker.kill()
            await worker.wait()

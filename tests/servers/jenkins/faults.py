"""What goes wrong on the way: answers that are slow, lost, of another kind, or not Jenkins' at all."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Fault:
    """What becomes of the next `times` requests whose "METHOD /path" matches; -1 is for good, until `remove`.

    `response` is given instead of an answer. `after` lets the request take effect first. `drop` closes the connection.
    `gate` holds the answer until it is set.
    """

    pattern: "re.Pattern[str]"
    times: int = 1
    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    drop: bool = False
    gate: asyncio.Event | None = None
    met: int = 0

    def response(self) -> web.Response:
        """Return what is answered instead."""
        headers = {"Content-Type": "text/html;charset=utf-8", **self.headers}
        return web.Response(status=self.status, text=self.body, headers=headers)


class Faults:
    """The faults that are to come, in order."""

    def __init__(self) -> None:
        self._coming: list[Fault] = []

    def answer(
        self, pattern: str, status: int, body: str = "", *, times: int = 1, after: bool = False, **headers: str
    ) -> Fault:
        """Answer so instead; header names are written with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._add(Fault(re.compile(pattern), times, status, body, named, after=after))

    def drop(self, pattern: str, *, times: int = 1, after: bool = False) -> Fault:
        """Close the connection without an answer, before or after the request took effect."""
        return self._add(Fault(re.compile(pattern), times, after=after, drop=True))

    def hold(self, pattern: str, *, times: int = 1, after: bool = False) -> Fault:
        """Answer only when the fault's `gate` is set."""
        return self._add(Fault(re.compile(pattern), times, after=after, gate=asyncio.Event()))

    def remove(self, fault: Fault) -> None:
        """Let a fault be over."""
        self._coming.remove(fault)

    def take(self, what: str) -> Fault | None:
        """Return the fault that meets this request."""
        for fault in self._coming:
            if fault.pattern.search(what):
                fault.met += 1
                if fault.times == fault.met:
                    self._coming.remove(fault)
                return fault
        return None

    def release(self) -> None:
        """Let everything go that is held."""
        for fault in self._coming:
            if fault.gate is not None:
                fault.gate.set()

    def _add(self, fault: Fault) -> Fault:
        self._coming.append(fault)
        return fault

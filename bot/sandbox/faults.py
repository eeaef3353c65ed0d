"""Faults on request: a Web API that fails, hangs, forgets tokens, or is away."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from bot.sandbox.clock import Clock
from bot.sandbox.errors import ControlError, Json

FaultKind: TypeAlias = Literal["ratelimited", "http_500", "timeout", "drop", "lost_reply", "token_revoked"]

_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(slots=True)
class Fault:
    """One planned fault: `times` calls of `method` (`*` for any) fail in this way.

    `lost_reply` carries the call out and then cuts the connection, so that the app cannot know; `drop` cuts before.
    """

    method: str
    kind: FaultKind
    times: int
    retry_after: int = 1


class Faults:
    """The faults that are still to happen, and whether the Web API is away."""

    def __init__(self, clock: Clock) -> None:
        """Start without faults."""
        self._clock = clock
        self._planned: list[Fault] = []
        self._away_until: float | None = None

    def plan(self, data: Json) -> Fault:
        """Add the fault a control request describes; raises `ControlError` naming the field that is wrong."""
        kind = next((known for known in _KINDS if known == data.get("kind")), None)
        if kind is None:
            raise ControlError("invalid_kind", f"kind: {data.get('kind')!r} is none of {', '.join(_KINDS)}")
        method, times, retry_after = data.get("method", "*"), data.get("times", 1), data.get("retry_after", 1)
        if not isinstance(method, str) or not method:
            raise ControlError("invalid_method", "method: must be a Web API method such as chat.postMessage, or *")
        if not isinstance(times, int) or times < 1:
            raise ControlError("invalid_times", "times: must be a whole number from 1")
        if not isinstance(retry_after, int) or retry_after < 0:
            raise ControlError("invalid_retry_after", "retry_after: must be a whole number of seconds")
        fault = Fault(method, kind, times, retry_after)
        self._planned.append(fault)
        return fault

    def clear(self) -> None:
        """Forget what was planned."""
        self._planned.clear()

    def next_for(self, method: str) -> Fault | None:
        """Use up and return the fault planned for this call, if any."""
        for fault in self._planned:
            if fault.method in {"*", method}:
                fault.times -= 1
                if fault.times == 0:
                    self._planned.remove(fault)
                return fault
        return None

    def leave(self, seconds: float | None) -> None:
        """Be away for so many seconds, or until `come_back`."""
        self._away_until = float("inf") if seconds is None else self._clock() + seconds

    def come_back(self) -> None:
        """Answer again."""
        self._away_until = None

    @property
    def is_away(self) -> bool:
        """Tell whether the Web API answers 503 now."""
        if self._away_until is not None and self._clock() >= self._away_until:
            self._away_until = None
        return self._away_until is not None

"""When an error budget freezes and when it lets go again. Pure: no I/O, no clock.

A value must be above the limit for some time before it freezes, and below a lower one for as long before it opens: what
swings about the limit does not freeze and open with every reading. A source that cannot be read tells neither.
"""

import math
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from bot.freezes.windows import Window


class Unreadable(StrEnum):
    """What a budget does once it could not be read for its time: what it did before, freeze, or open."""

    STAY = "stay"
    HOLD = "hold"
    OPEN = "open"


class Limits(Struct, frozen=True, kw_only=True):
    """Above which value a budget freezes, below which it opens, after how long, and what follows if nobody can tell."""

    above: float
    below: float
    length: timedelta
    unreadable: Unreadable


class Budget(Struct, frozen=True, kw_only=True):
    """How a budget stands. `number` counts its changes.

    `value` is the last that was read, at `read_at`. `crossed_at` is since when values say otherwise than it stands,
    `unreadable_since` since when none could be read, `why`. `blind` tells that no value but their absence decided.
    """

    name: str
    frozen: bool = False
    since: datetime | None = None
    number: int = 0
    value: float | None = None
    read_at: datetime | None = None
    crossed_at: datetime | None = None
    unreadable_since: datetime | None = None
    why: str = ""
    blind: bool = False


def after(budget: Budget, limits: Limits, value: float | None, now: datetime, *, why: str = "") -> Budget:
    """Return how a budget stands after a reading; None or NaN: there was no value, because of `why`."""
    if value is None or math.isnan(value):
        return _unread(budget, limits, now, why or "there is no value")
    read = replace(budget, value=value, read_at=now, unreadable_since=None, why="")
    if read.blind:  # what was decided without a value ends with the first one
        spent = value > limits.above
        return _turned(read, spent, now) if spent != read.frozen else replace(read, blind=False, crossed_at=None)
    crosses = value < limits.below if read.frozen else value > limits.above
    if not crosses:
        return replace(read, crossed_at=None)
    crossed = replace(read, crossed_at=read.crossed_at or now)
    return _turned(crossed, not read.frozen, now) if _for_long(crossed.crossed_at, now, limits) else crossed


def _unread(budget: Budget, limits: Limits, now: datetime, why: str) -> Budget:
    unread = replace(budget, unreadable_since=budget.unreadable_since or now, why=why, crossed_at=None)
    wanted = {Unreadable.HOLD: True, Unreadable.OPEN: False}.get(limits.unreadable, unread.frozen)
    if wanted == unread.frozen or not _for_long(unread.unreadable_since, now, limits):
        return unread
    return replace(_turned(unread, wanted, now), blind=True)


def _turned(budget: Budget, frozen: bool, now: datetime) -> Budget:  # noqa: FBT001 - how it stands then
    return replace(budget, frozen=frozen, since=now, number=budget.number + 1, crossed_at=None, blind=False)


def _for_long(since: datetime | None, now: datetime, limits: Limits) -> bool:
    return since is not None and now - since >= limits.length


class Spent(Struct, frozen=True):
    """The calendar of a budget: in force from the moment it was spent, with no end that anybody knows."""

    since: datetime | None

    def at(self, now: datetime) -> Window | None:
        """Return the window, None while there is budget left."""
        return Window(self.since, None) if self.since is not None and self.since <= now else None

    def following(self, now: datetime) -> Window | None:  # noqa: ARG002 - nobody knows the future
        """Return None: nobody knows when it will be spent."""
        return None

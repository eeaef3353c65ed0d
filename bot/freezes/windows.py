"""When a freeze is in force: between two moments, or again and again by the clock on a wall. Pure: no I/O, no clock.

Clocks change. Where a wall clock skips an hour, what should begin or end in it does so at the jump; where it shows an
hour twice, a window begins with the first and ends with the second, so that it never is shorter than people expect.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from msgspec import Struct

from bot.walls import instant, offset, shown

__all__ = ["Calendar", "Dates", "Recurring", "Window", "instant"]

_DAY = timedelta(days=1)
_MOST_JOINED = 400
"""Windows that touch each other are taken for one; of more than this many the first are."""


class Window(Struct, frozen=True):
    """From a moment until before another, None for no end; both aware, in UTC."""

    begins: datetime
    ends: datetime | None


class Calendar(Protocol):
    """What knows when a freeze is in force."""

    def at(self, now: datetime) -> Window | None:
        """Return the window that `now` is in, None outside of all."""
        ...

    def following(self, now: datetime) -> Window | None:
        """Return the first window that begins after `now`, None when none will."""
        ...


class Dates(Struct, frozen=True):
    """One window between two moments; `ends` None is open. Naive moments are read in `zone`."""

    begins: datetime
    ends: datetime | None = None
    zone: str = "UTC"

    @property
    def window(self) -> Window:
        """The window in UTC."""
        ends = None if self.ends is None else _aware(self.ends, self.zone, last=True)
        return Window(_aware(self.begins, self.zone, last=False), ends)

    def at(self, now: datetime) -> Window | None:
        """Return the window if `now` is in it."""
        window = self.window
        return window if window.begins <= now and (window.ends is None or now < window.ends) else None

    def following(self, now: datetime) -> Window | None:
        """Return the window if it begins after `now`."""
        window = self.window
        return window if now < window.begins and window.begins != window.ends else None


class Recurring(Struct, frozen=True):
    """A window of `length` each time a cron expression comes, both by the wall clock of `zone`."""

    cron: str
    length: timedelta
    zone: str = "UTC"

    def at(self, now: datetime) -> Window | None:
        """Return the window that `now` is in; with those that touch its end, as one."""
        begun = self._latest(now)
        if begun is None or self._end(begun) <= now:
            return None
        return Window(instant(begun, self.zone), self._joined_end(begun))

    def following(self, now: datetime) -> Window | None:
        """Return the first window that begins after `now`."""
        walls = _Walls(self.cron, shown(now, self.zone))
        for _ in range(_MOST_JOINED):
            begun = walls.next()
            if begun is None:
                return None
            begins = instant(begun, self.zone)
            if now < begins < self._end(begun):
                return Window(begins, self._joined_end(begun))
        return None

    def _end(self, begun: datetime) -> datetime:
        return instant(begun + self.length, self.zone, last=True)

    def _joined_end(self, begun: datetime) -> datetime:
        ends = self._end(begun)
        for _ in range(_MOST_JOINED):
            latest = self._latest(ends)
            further = ends if latest is None else self._end(latest)
            if further <= ends:
                break
            ends = further
        return ends

    def _latest(self, now: datetime) -> datetime | None:
        """Return the newest wall-clock beginning that is not after `now`.

        In the second pass of an hour that is shown twice, all of that hour's beginnings lie behind: they count in
        its first pass.
        """
        back = offset(now - _DAY, self.zone) - offset(now, self.zone)
        wall = shown(now, self.zone) + max(back, timedelta()) + timedelta(microseconds=1)
        walls = _Walls(self.cron, wall)
        begun = walls.previous()
        while begun is not None and instant(begun, self.zone) > now:
            begun = walls.previous()
        return begun


def _aware(moment: datetime, zone: str, *, last: bool) -> datetime:
    return instant(moment, zone, last=last) if moment.tzinfo is None else moment.astimezone(UTC)


class _Walls:
    """The wall-clock times that a cron expression names, one after another from a start."""

    def __init__(self, cron: str, start: datetime) -> None:
        from croniter import croniter  # noqa: PLC0415 - costs only where there are schedules

        self._cron = croniter(cron, start)

    def next(self) -> datetime | None:
        """Return the next one, None when there is none within fifty years."""
        with suppress(ValueError):  # what croniter raises then
            return self._cron.get_next(datetime)
        return None

    def previous(self) -> datetime | None:
        """Return the one before, None when there is none within fifty years."""
        with suppress(ValueError):
            return self._cron.get_prev(datetime)
        return None

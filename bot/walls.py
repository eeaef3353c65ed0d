"""Clocks on walls: which moment a wall clock's time is, in a time zone whose clocks change. Pure: no I/O, no clock.

Where a wall clock skips an hour, a time in it is the moment of the jump; where it shows an hour twice, a time in it is
its first time unless the last is asked for.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def instant(wall: datetime, zone: str, *, last: bool = False) -> datetime:
    """Return the moment in UTC at which the clocks of `zone` show `wall` (naive).

    Shown twice, it is the first time, or the `last`; never shown, it is the moment of the jump.
    """
    there = zone_named(zone)
    first = wall.replace(tzinfo=there, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=there, fold=1).astimezone(UTC)
    if first <= second:
        return second if last else first
    early, late = second, first  # in a gap: with the offset after the jump, and with the one before it
    before = offset(early, zone)
    while late - early > _SECOND:
        middle = early + (late - early) / 2
        early, late = (middle, late) if offset(middle, zone) == before else (early, middle)
    return late.replace(microsecond=0)


def shown(moment: datetime, zone: str) -> datetime:
    """Return what the clocks of `zone` show at a moment, as a naive time."""
    return moment.astimezone(zone_named(zone)).replace(tzinfo=None, fold=0)


def offset(moment: datetime, zone: str) -> timedelta:
    """Return how far the clocks of `zone` are ahead of UTC at a moment."""
    return moment.astimezone(zone_named(zone)).utcoffset() or timedelta()


@cache
def zone_named(name: str) -> ZoneInfo:
    """Return the time zone of this name."""
    return ZoneInfo(name)

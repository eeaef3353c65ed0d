"""When a person is told something. Pure: no I/O, no clock."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct, field

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=1)


class How(StrEnum):
    """How somebody is told: each thing at once, what comes close together as one message, or not at all."""

    AT_ONCE = "at-once"
    DIGEST = "digest"
    NONE = "none"


class Wants(Struct, frozen=True, kw_only=True):
    """What a person wants. `how` maps subjects to ways; `quiet` are the hours in which nothing is sent.

    What comes within `window` of a message is gathered into one; None is as long as the configuration says.

    The hours are those of the clocks of `zone`; they may go over midnight.
    """

    how: Mapping[str, How] = field(default_factory=dict)
    window: timedelta | None = None
    quiet: tuple[time, time] | None = None
    zone: str = "UTC"

    def way(self, about: str) -> How:
        """Return how the person is told of this: of approvals in a digest, of all else at once, unless they said."""
        return self.how.get(about, How.DIGEST if about == "approvals" else How.AT_ONCE)


def quiet_until(wants: Wants, now: datetime) -> datetime | None:
    """Return when the quiet hours end that it is in now, None where it is in none.

    A day on which clocks are changed has quiet hours that are as much longer or shorter.
    """
    if wants.quiet is None:
        return None
    begin, end = wants.quiet
    zone = ZoneInfo(wants.zone)
    local = now.astimezone(zone)
    there = local.time().replace(tzinfo=None)
    inside = begin <= there < end if begin < end else (there >= begin or there < end)
    if not inside:
        return None
    for days in range(3):
        wall = datetime.combine(local.date() + timedelta(days=days), end, tzinfo=zone)
        if wall.astimezone(UTC) > now:
            return wall.astimezone(UTC)
    return None


def due(
    wants: Wants, about: str, now: datetime, *, last: datetime | None, window: timedelta, urgent: bool
) -> datetime | None:
    """Return when somebody is told of this: `now`, later, or None for never.

    `last` is when they were, or will be, told something by digest; `window` counts where they said none. What is
    urgent is told now.
    """
    if urgent:
        return now
    way = wants.way(about)
    if way is How.NONE:
        return None
    at = now
    if way is How.DIGEST and last is not None:
        at = last if last > now else max(now, last + (window if wants.window is None else wants.window))
    return quiet_until(wants, at) or at

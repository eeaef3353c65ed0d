"""When a silence ends that somebody asks for, in their words and their time zone. Pure."""

from datetime import datetime, timedelta

from bot.errors import BadInput
from bot.freezes.windows import Recurring, instant
from bot.settings.moments import read_moment

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=90)
_WORKDAY = {"workday", "next workday", "next working day"}


def of(*, duration: timedelta | None, until: str, now: datetime, zone: str, workday: str) -> datetime:
    """Return the moment that a length, a date, or "workday" names; `workday` is a cron expression read in `zone`.

    Raises:
        BadInput: both are given or neither, it is no moment, or not between a minute and 90 days from now.
    """
    if duration is not None and until:
        raise BadInput("bad_end", "Give --for or --until, not both.")
    ends: datetime | None
    if duration is not None:
        ends = now + duration
    elif until.strip().lower() in _WORKDAY:
        window = Recurring(workday, timedelta(hours=1), zone).following(now)
        ends = window.begins if window is not None else None
    else:
        ends = _named(until, zone)
    if ends is None or not SHORTEST <= ends - now <= LONGEST:
        raise BadInput(
            "bad_end", "A silence ends between 1 minute and 90 days from now: --for 2h, or --until 2026-12-24."
        )
    return ends


def _named(text: str, zone: str) -> datetime | None:
    try:
        named = read_moment(text)
        return named if named.tzinfo is not None else instant(named, zone)
    except (ValueError, OverflowError):
        return None

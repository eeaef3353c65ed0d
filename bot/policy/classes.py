"""Classes of changes that people may ask for, and when one that went another way than usual is to be reviewed."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_FRIDAY = 4


class ChangeClass(StrEnum):
    """What a change is asked to be dealt with as."""

    NORMAL = "normal"
    STANDARD = "standard"
    EMERGENCY = "emergency"


def review_due(at: datetime, *, hour: int, timezone: str) -> datetime:
    """Return the moment by which something of `at` is to be reviewed: `hour` of the next working day, Monday to Friday.

    The hour is one of the clock on the wall of the time zone; one that is skipped there counts from before the jump.
    """
    zone = ZoneInfo(timezone)
    day = at.astimezone(zone).date() + timedelta(days=1)
    while day.weekday() > _FRIDAY:
        day += timedelta(days=1)
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)

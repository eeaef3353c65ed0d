"""When somebody is told: quiet hours over midnight and through changes of clocks, digests, and what is urgent."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from bot.notices.rules import How, Wants, due, quiet_until

BERLIN = ZoneInfo("Europe/Berlin")
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
wishes = st.builds(
    Wants,
    how=st.dictionaries(st.sampled_from(["approvals", "ends"]), st.sampled_from(How)),
    quiet=st.none() | st.tuples(times, times).filter(lambda hours: hours[0] != hours[1]),
    zone=zones,
)
NIGHT = Wants(quiet=(time(22), time(7)), zone="Europe/Berlin")


@given(wishes, moments)
def test_quiet_hours_end_and_are_over_then(wants: Wants, now: datetime):
    end = quiet_until(wants, now)
    if end is None:
        return
    assert wants.quiet is not None
    assert now < end <= now + timedelta(hours=25)
    again = quiet_until(wants, end)
    assert again is None or again - end <= timedelta(hours=1), "at most an hour that clocks show twice"


@given(wishes, moments, st.none() | moments, st.booleans(), st.sampled_from(["approvals", "ends"]))
def test_told_now_later_or_never(wants: Wants, now: datetime, last: datetime | None, urgent: bool, about: str):
    at = due(wants, about, now, last=last, window=timedelta(minutes=2), urgent=urgent)
    if urgent:
        assert at == now
    elif wants.way(about) is How.NONE:
        assert at is None
    else:
        assert at is not None
        assert at >= now


def berlin(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (berlin(11, 23, 21, 59), None),
        (berlin(11, 23, 22), berlin(11, 24, 7)),
        (berlin(11, 24, 6, 59), berlin(11, 24, 7)),
        (berlin(11, 24, 7), None),
        (berlin(3, 28, 23), berlin(3, 29, 7)),  # the night of 8 hours
        (berlin(10, 24, 23), berlin(10, 25, 7)),  # the night of 10 hours
    ],
)
def test_a_night_in_berlin(now: datetime, end: datetime | None):
    found = quiet_until(NIGHT, now.astimezone(UTC))
    assert found == (None if end is None else end.astimezone(UTC))


def test_the_night_on_which_clocks_change_is_an_hour_longer():
    night = quiet_until(NIGHT, berlin(10, 24, 22).astimezone(UTC))
    assert night is not None
    assert night - berlin(10, 24, 22).astimezone(UTC) == timedelta(hours=10)

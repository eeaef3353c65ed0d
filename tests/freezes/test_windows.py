"""When a freeze is in force: by dates and by the wall clock, over midnight and over changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from bot.freezes.windows import Dates, Recurring, Window, instant

BERLIN = "Europe/Berlin"
JUMP = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 02:00 becomes 03:00 in Berlin
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)  # 03:00 becomes 02:00 in Berlin


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("shown", "first", "last"),
    [
        ("2026-03-29 01:59", "2026-03-29 00:59", "2026-03-29 00:59"),
        ("2026-03-29 02:00", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("2026-03-29 02:30", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("2026-03-29 03:00", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("2026-10-25 01:59", "2026-10-24 23:59", "2026-10-24 23:59"),
        ("2026-10-25 02:30", "2026-10-25 00:30", "2026-10-25 01:30"),
        ("2026-10-25 03:00", "2026-10-25 02:00", "2026-10-25 02:00"),
    ],
)
def test_what_a_wall_clock_means(shown: str, first: str, last: str):
    assert instant(wall(shown), BERLIN) == at(first)
    assert instant(wall(shown), BERLIN, last=True) == at(last)


def test_a_weekend_over_midnight_and_over_the_change_of_the_clock():
    weekend = Recurring("0 16 * * 5", timedelta(days=2, hours=16), BERLIN)
    friday, monday = at("2026-03-27 15:00"), at("2026-03-30 06:00")  # 16:00 in winter, 08:00 in summer
    assert weekend.at(friday - timedelta(seconds=1)) is None
    assert weekend.at(friday) == Window(friday, monday)
    assert weekend.at(at("2026-03-28 23:30")) == Window(friday, monday)
    assert weekend.at(monday - timedelta(seconds=1)) == Window(friday, monday)
    assert weekend.at(monday) is None
    following = weekend.following(monday)
    assert following is not None
    assert following.begins == at("2026-04-03 14:00")
    assert weekend.following(friday - timedelta(seconds=1)) == Window(friday, monday)


def test_an_hour_that_is_skipped_is_no_window():
    hour = Recurring("0 2 * * *", timedelta(hours=1), BERLIN)
    assert hour.at(JUMP) is None
    assert hour.at(JUMP + timedelta(minutes=30)) is None
    following = hour.following(at("2026-03-28 12:00"))
    assert following == Window(at("2026-03-30 00:00"), at("2026-03-30 01:00"))


def test_a_window_that_begins_in_a_skipped_hour_begins_at_the_jump():
    long = Recurring("30 2 * * *", timedelta(hours=2), BERLIN)
    assert long.at(JUMP - timedelta(seconds=1)) is None
    assert long.at(JUMP) == Window(JUMP, at("2026-03-29 02:30"))


def test_an_hour_that_is_shown_twice_is_frozen_both_times():
    hour = Recurring("0 2 * * *", timedelta(hours=1), BERLIN)
    begins, ends = BACK - timedelta(hours=1), BACK + timedelta(hours=1)
    for moment in (begins, BACK - timedelta(seconds=1), BACK, ends - timedelta(seconds=1)):
        assert hour.at(moment) == Window(begins, ends)
    assert hour.at(begins - timedelta(seconds=1)) is None
    assert hour.at(ends) is None


def test_windows_that_touch_are_one():
    nights = Recurring("0 18 * * *", timedelta(hours=24))
    window = nights.at(at("2026-01-01 18:00"))
    assert window is not None
    assert window.ends is not None
    assert window.ends > at("2027-01-01 18:00")
    twice = Recurring("0 8,9 * * 1", timedelta(hours=1, minutes=30))
    assert twice.at(at("2026-11-23 08:10")) == Window(at("2026-11-23 08:00"), at("2026-11-23 10:30"))


def test_dates_are_read_in_their_zone_and_may_have_no_end():
    dates = Dates(wall("2026-12-18 18:00"), wall("2027-01-05"), BERLIN)
    begins, ends = at("2026-12-18 17:00"), at("2027-01-04 23:00")
    assert dates.at(begins - timedelta(seconds=1)) is None
    assert dates.following(begins - timedelta(seconds=1)) == Window(begins, ends)
    assert dates.at(begins) == dates.at(ends - timedelta(seconds=1)) == Window(begins, ends)
    assert dates.at(ends) is dates.following(begins) is None
    open_end = Dates(wall("2026-12-18"))
    assert open_end.at(at("2099-01-01 00:00")) == Window(at("2026-12-18 00:00"), None)
    offset = datetime.fromisoformat("2026-12-18T18:00:00-05:00")
    assert Dates(offset, None, BERLIN).window.begins == at("2026-12-18 23:00")


ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata"])
CRONS = st.sampled_from(["0 16 * * 5", "30 2 * * *", "0 0 1 * *", "15 1,2,3 * * *", "0 22 * * 1-5", "0 0 29 2 *"])
LENGTHS = st.integers(1, 5 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
MOMENTS = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: at("2026-01-01") + timedelta(minutes=minutes))
NEAR_A_CHANGE = st.tuples(st.sampled_from([JUMP, BACK]), st.integers(-300, 300)).map(
    lambda one: one[0] + timedelta(minutes=one[1])
)


@settings(max_examples=50)
@given(CRONS, LENGTHS, ZONES, MOMENTS | NEAR_A_CHANGE)
def test_always_inside_and_never_outside(cron: str, length: timedelta, zone: str, now: datetime):
    freeze = Recurring(cron, length, zone)
    window = freeze.at(now)
    if window is not None:
        assert window.ends is not None
        assert window.begins <= now < window.ends
        assert freeze.at(window.begins) is not None
        assert freeze.at(window.ends - timedelta(seconds=1)) is not None
        if length < timedelta(hours=20):  # longer ones may follow each other without end
            assert freeze.at(window.ends) is None
    following = freeze.following(now)
    if following is not None:
        assert now < following.begins
        assert freeze.at(following.begins) is not None
        if window is None:
            assert freeze.at(now + (following.begins - now) / 2) is None


@settings(max_examples=50)
@given(CRONS, LENGTHS, ZONES, MOMENTS | NEAR_A_CHANGE)
def test_frozen_as_a_count_of_all_beginnings_tells(cron: str, length: timedelta, zone: str, now: datetime):
    """The same, told in another way: look at each minute of the wall clock that could have begun a window."""
    from croniter import croniter  # noqa: PLC0415 - only this test

    there = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    names = croniter(cron, there - length - timedelta(hours=3))
    begun, found = names.get_next(datetime), False
    while begun <= there + timedelta(hours=3):
        found = found or instant(begun, zone) <= now < instant(begun + length, zone, last=True)
        begun = names.get_next(datetime)
    assert (Recurring(cron, length, zone).at(now) is not None) == found


@given(ZONES, MOMENTS | NEAR_A_CHANGE, st.integers(0, 400))
def test_later_on_the_wall_is_never_earlier(zone: str, now: datetime, minutes: int):
    earlier = now.replace(tzinfo=None)
    later = earlier + timedelta(minutes=minutes)
    assert instant(earlier, zone) <= instant(later, zone)
    assert instant(earlier, zone, last=True) <= instant(later, zone, last=True)
    assert instant(earlier, zone) <= instant(earlier, zone, last=True)

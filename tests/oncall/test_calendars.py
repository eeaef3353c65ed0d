"""iCalendar feeds: what their events mean, and that the last good copy counts while one is away."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app.covering import problems
from bot.oncall.calendars import Unreadable, events_of
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE
from tests.oncall.rig import BERLIN, PRIMARY, Rig, at, read, up

# Written by hand after RFC 5545 (2009-09), as exports of calendars look.
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example.org//calendar//EN\r\n"
SERIES = (
    "BEGIN:VEVENT\r\nUID:week@example.org\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Tom\r\n"
    "DTSTART;TZID=Europe/Berlin:20260323T090000\r\nDTEND;TZID=Europe/Berlin:20260323T170000\r\n"
    "RRULE:FREQ=DAILY;COUNT=10\r\nEXDATE;TZID=Europe/Berlin:20260325T090000\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:week@example.org\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Ana\r\n"
    "RECURRENCE-ID;TZID=Europe/Berlin:20260326T090000\r\n"
    "DTSTART;TZID=Europe/Berlin:20260326T100000\r\nDTEND;TZID=Europe/Berlin:20260326T120000\r\nEND:VEVENT\r\n"
)
ALL_DAY = (
    "BEGIN:VEVENT\r\nUID:day@example.org\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:On call\r\n"
    "ATTENDEE;CN=Raj:mailto:RAJ@example.org\r\nDTSTART;VALUE=DATE:20260329\r\nDTEND;VALUE=DATE:20260330\r\nEND:VEVENT\r\n"
)
LUNCH = (
    "BEGIN:VEVENT\r\nUID:lunch@example.org\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Lunch <!here>\r\n"
    "DTSTART:20260328T110000Z\r\nDTEND:20260328T120000Z\r\nEND:VEVENT\r\n"
)


def feed(*events: str) -> bytes:
    return (HEAD + "".join(events) + "END:VCALENDAR\r\n").encode()


WINDOW = (at("2026-03-20 00:00"), at("2026-04-20 00:00"))
CALENDAR = {"name": "duty", "url": "https://calendar.example.org/secret.ics", "every": "5m"}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    schedules: dict[str, Any] = {"primary": {**PRIMARY, "calendars": [CALENDAR]}}
    async with up(tmp_path, now="2026-03-24 08:00", engine=False, schedules=schedules) as made:
        yield made


def test_series_exceptions_and_moved_events():
    found = {one.begins: one for one in events_of(feed(SERIES), BERLIN, *WINDOW)}
    assert len(found) == 9
    assert at("2026-03-25 09:00") not in found
    assert at("2026-03-26 09:00") not in found
    assert found[at("2026-03-26 10:00")].summary == "Ana"
    assert found[at("2026-03-30 09:00")].ends == at("2026-03-30 17:00")  # by the wall, past the change of clocks


def test_a_day_is_by_the_wall_of_the_schedule():
    (one,) = events_of(feed(ALL_DAY), BERLIN, *WINDOW)
    assert (one.begins, one.ends - one.begins) == (at("2026-03-29 00:00"), timedelta(hours=23))
    assert one.emails == ("raj@example.org",)


@pytest.mark.parametrize("body", [b"", b"<html>sign in</html>", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", b"\xff\xfe"])
def test_garbage_is_no_calendar(body: bytes):
    with pytest.raises(Unreadable):
        events_of(body, BERLIN, *WINDOW)


async def test_events_win_over_layers_and_who_is_unknown_does_not_count(rig: Rig):
    rig.feed = feed(SERIES, ALL_DAY, LUNCH)
    await rig.oncall.feeds.read_due()
    for moment, who, why in (
        ("2026-03-24 10:00", TOM, "calendar"),
        ("2026-03-26 11:00", ANA, "calendar"),
        ("2026-03-29 12:00", RAJ, "calendar"),
        ("2026-03-29 23:30", RAJ, "calendar"),
        ("2026-03-28 12:30", TOM, "calendar"),
    ):
        found = await rig.oncall.now("primary", at(moment))
        assert found is not None
        assert (who in found.people, found.why) == (True, why), moment
    shown = read(await rig.run(MIA, "oncall show primary"))
    assert "1 events name nobody I know" in shown
    assert "<!here>" not in shown


async def test_the_last_good_copy_counts_while_the_feed_is_away_or_garbage(rig: Rig):
    rig.feed = feed(SERIES)
    await rig.oncall.feeds.read_due()
    for broken in (None, b"<html>", b"x" * 10):
        rig.feed = broken
        rig.clock.ahead += timedelta(minutes=6)
        await rig.oncall.feeds.read_due()
        found = await rig.oncall.now("primary", at("2026-03-24 10:00"))
        assert found is not None
        assert (found.people, found.why) == ((TOM,), "calendar")
        shown = read(await rig.run(MIA, "oncall show primary"))
        assert "what counts was read at 2026-03-24" in shown
        assert "secret.ics" not in shown
    assert rig.fetched == 4


async def test_a_feed_never_read_leaves_the_layers_and_says_so(rig: Rig):
    assert (await rig.oncall.now("primary")) is not None
    assert "not read yet" in read(await rig.run(MIA, "oncall show primary"))


async def test_it_is_read_when_due_by_one_replica(rig: Rig):
    rig.feed = feed(SERIES)
    for _ in range(3):
        await rig.oncall.feeds.read_due()
    assert rig.fetched == 1
    rig.clock.ahead += timedelta(minutes=5)
    await rig.oncall.feeds.read_due()
    assert rig.fetched == 2


async def test_a_file_is_read(tmp_path: Path):
    (tmp_path / "duty.ics").write_bytes(feed(ALL_DAY))
    schedules = {"primary": {"timezone": BERLIN, "calendars": [{"name": "duty", "file": "duty.ics"}]}}
    async with up(tmp_path, now="2026-03-29 08:00", engine=False, schedules=schedules) as rig:
        await rig.oncall.feeds.read_due()
        found = await rig.oncall.now("primary")
        assert found is not None
        assert found.people == (RAJ,)


async def test_check_finds_who_is_deactivated_and_gaps_with_times_of_the_zone(tmp_path: Path):
    layers = [
        {"people": ["mia", "zoe"], "from": "2026-03-23", "every": "1d", "only": [{"from": "09:00", "to": "18:00"}]}
    ]
    schedules: dict[str, Any] = {"primary": {"timezone": BERLIN, "layers": layers}}
    async with up(tmp_path, now="2026-03-28 10:00", engine=False, schedules=schedules) as rig:
        plan = await rig.oncall.plan("primary")
        assert plan is not None
        wrong = problems(plan, rig.oncall.name_of, (ZOE,), rig.clock)
        assert len(wrong) == 16
        assert "@zoe is deactivated in Slack" in wrong[0]
        assert "Sat 2026-03-28" in wrong[0]
        assert plan.gaps(at("2026-03-28 17:00"), at("2026-03-29 12:00"))[0].ends == at("2026-03-29 09:00")

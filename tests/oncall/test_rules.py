"""Who is on call when: turns, hours, layers, overrides; and that changing clocks make neither gap nor overlap."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from bot.identity import Person
from bot.oncall.rules import Gap, Hours, Layer, Plan, Span, Why

BERLIN = "Europe/Berlin"
ZONES = (
    "UTC",
    BERLIN,
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 its clocks skipped midnight
    "Australia/Lord_Howe",  # half an hour of summer time
    "Africa/Cairo",  # changes on Fridays, at midnight
    "Africa/Casablanca",  # puts its clocks back for Ramadan
    "Asia/Kathmandu",
    "Pacific/Apia",  # left out a whole day in 2011
)
MIA, TOM, ANA = (Person(team="T0", user=f"U0{name}") for name in ("MIA", "TOM", "ANA"))
WEEKDAYS = frozenset(range(5))
_HOUR = timedelta(hours=1)


def layer(*people: Person, **values: object) -> Layer:
    given: dict[str, object] = {
        "name": "main",
        "people": tuple((one,) for one in people),
        "begins": datetime.fromisoformat("2026-01-05 09:00"),
        "every": timedelta(days=1),
        "zone": BERLIN,
        **values,
    }
    return Layer(**given)  # type: ignore[arg-type]  # by name, as a test says it


def at(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def override(person: Person, begins: str, ends: str, key: str) -> Span:
    return Span(begins=at(begins), ends=at(ends), people=(person,), why=Why.OVERRIDE, key=key)


def shown(spans: list[Span], zone: str = BERLIN) -> list[str]:
    def wall(moment: datetime) -> str:
        return f"{moment.astimezone(ZoneInfo(zone)):%d %H:%M}"

    return [f"{wall(one.begins)}-{wall(one.ends)} {'+'.join(who.user[2:] for who in one.people)}" for one in spans]


def test_takes_turns_by_the_day_at_the_handover():
    plan = Plan(zone=BERLIN, layers=(layer(MIA, TOM),))
    assert shown(plan.spans(at("2026-01-05 12:00"), at("2026-01-08 08:00"))) == [
        "05 12:00-06 09:00 MIA",
        "06 09:00-07 09:00 TOM",
        "07 09:00-08 08:00 MIA",
    ]


def test_a_shift_is_23_hours_long_in_spring_and_25_in_autumn():
    plan = Plan(zone=BERLIN, layers=(layer(MIA, TOM),))
    for day, hours in (("2026-03-28", 23), ("2026-03-29", 24), ("2026-10-24", 25)):
        found = plan.at(at(f"{day} 10:00"))
        assert found is not None
        assert (found.begins, found.ends - found.begins) == (at(f"{day} 09:00"), timedelta(hours=hours))


def test_several_people_are_on_call_together():
    plan = Plan(zone=BERLIN, layers=(layer(people=((MIA, TOM), (ANA,)), every=timedelta(weeks=1)),))
    assert shown(plan.spans(at("2026-01-05 09:00"), at("2026-01-19 09:00"))) == [
        "05 09:00-12 09:00 MIA+TOM",
        "12 09:00-19 09:00 ANA",
    ]


def test_nobody_is_on_call_before_the_first_turn_and_after_the_last():
    plan = Plan(zone=BERLIN, layers=(layer(MIA, until=datetime.fromisoformat("2026-01-07 09:00")),))
    assert plan.at(at("2026-01-05 08:59")) is None
    assert plan.at(at("2026-01-07 08:59")) is not None
    assert plan.at(at("2026-01-07 09:00")) is None
    first = plan.following(at("2026-01-01 00:00"))
    assert first is not None
    assert first.begins == at("2026-01-05 09:00")


def test_hours_past_midnight_belong_to_the_day_they_begin_on():
    nights = Hours(time(22), time(6), WEEKDAYS)
    plan = Plan(zone=BERLIN, layers=(layer(MIA, every=timedelta(weeks=1), only=(nights,)),))
    assert shown(plan.spans(at("2026-01-08 12:00"), at("2026-01-13 00:00"))) == [
        "08 22:00-09 06:00 MIA",
        "09 22:00-10 06:00 MIA",
        "12 22:00-13 00:00 MIA",
    ]


def test_whole_days_that_touch_are_one_shift():
    plan = Plan(zone=BERLIN, layers=(layer(MIA, every=timedelta(weeks=2), only=(Hours(days=WEEKDAYS),)),))
    found = plan.at(at("2026-01-14 12:00"))
    assert found is not None
    assert (found.begins, found.ends) == (at("2026-01-12 00:00"), at("2026-01-17 00:00"))


def test_a_later_layer_wins_and_what_is_below_goes_on():
    days = layer(MIA, TOM, every=timedelta(weeks=1))
    lunch = layer(ANA, name="lunch", only=(Hours(time(12), time(13), WEEKDAYS),))
    plan = Plan(zone=BERLIN, layers=(days, lunch))
    assert shown(plan.spans(at("2026-01-06 09:00"), at("2026-01-07 12:30"))) == [
        "06 09:00-06 12:00 MIA",
        "06 12:00-06 13:00 ANA",
        "06 13:00-07 12:00 MIA",
        "07 12:00-07 12:30 ANA",
    ]


def test_of_overrides_that_overlap_the_one_made_later_wins():
    plan = Plan(
        zone=BERLIN,
        layers=(layer(MIA, every=timedelta(weeks=1)),),
        overrides=(
            override(TOM, "2026-03-29 01:00", "2026-03-29 05:00", "O-1"),
            override(ANA, "2026-03-29 03:00", "2026-03-29 04:00", "O-2"),  # the hour before it does not exist
        ),
    )
    assert shown(plan.spans(at("2026-03-29 00:00"), at("2026-03-29 06:00"))) == [
        "29 00:00-29 01:00 MIA",
        "29 01:00-29 03:00 TOM",
        "29 03:00-29 04:00 ANA",
        "29 04:00-29 05:00 TOM",
        "29 05:00-29 06:00 MIA",
    ]


def test_events_of_calendars_at_the_same_time_are_on_call_together():
    events = tuple(
        Span(begins=at(begins), ends=at(ends), people=(who,), why=Why.CALENDAR, key=key)
        for who, begins, ends, key in (
            (TOM, "2026-01-06 10:00", "2026-01-06 14:00", "a"),
            (ANA, "2026-01-06 12:00", "2026-01-06 16:00", "b"),
        )
    )
    plan = Plan(zone=BERLIN, layers=(layer(MIA),), events=events)
    assert shown(plan.spans(at("2026-01-06 09:00"), at("2026-01-06 17:00"))) == [
        "06 09:00-06 10:00 MIA",
        "06 10:00-06 12:00 TOM",
        "06 12:00-06 14:00 TOM+ANA",
        "06 14:00-06 16:00 ANA",
        "06 16:00-06 17:00 MIA",
    ]


def test_finds_gaps():
    plan = Plan(zone=BERLIN, layers=(layer(MIA, only=(Hours(time(8), time(18), WEEKDAYS),)),))
    assert plan.gaps(at("2026-01-08 10:00"), at("2026-01-09 12:00")) == [
        Gap(at("2026-01-08 18:00"), at("2026-01-09 08:00"))
    ]
    assert Plan(zone=BERLIN).gaps(at("2026-01-08 10:00"), at("2026-01-09 12:00")) == [
        Gap(at("2026-01-08 10:00"), at("2026-01-09 12:00"))
    ]


def test_a_turn_of_somebody_unknown_is_a_gap():
    plan = Plan(zone=BERLIN, layers=(layer(people=((MIA,), ()), unknown=((), ("ghost",))),))
    assert plan.gaps(at("2026-01-05 09:00"), at("2026-01-07 09:00")) == [
        Gap(at("2026-01-06 09:00"), at("2026-01-07 09:00"))
    ]


def test_what_goes_on_for_ever_is_cut_at_the_horizon():
    plan = Plan(zone=BERLIN, layers=(layer(MIA, only=(Hours(),), every=timedelta(days=366)),))
    found = plan.at(at("2027-06-01 00:00"))
    assert found is not None
    assert found.begins == at("2027-01-06 09:00")


# ------------------------------------------------------------------------------------------- whatever the clocks do

zones = st.sampled_from(ZONES)
days = st.dates(date(2010, 1, 1), date(2027, 12, 31))
clocks = st.times().map(lambda one: one.replace(microsecond=0, second=0))
lengths = st.one_of(
    st.integers(1, 60).map(lambda hours: timedelta(hours=hours)),
    st.integers(1, 21).map(lambda count: timedelta(days=count)),
)


@st.composite
def stretches(draw: st.DrawFn) -> tuple[datetime, datetime]:
    begin = datetime.combine(draw(days), draw(clocks), tzinfo=UTC)
    return begin, begin + timedelta(hours=draw(st.integers(1, 24 * 8)))


@given(zones, days, clocks, lengths, stretches())
def test_turns_follow_each_other_without_gap_or_overlap(
    zone: str, day: date, handover: time, every: timedelta, stretch: tuple[datetime, datetime]
):
    made = layer(MIA, TOM, ANA, begins=datetime.combine(day, handover), every=every, zone=zone)
    turns = list(made.turns(*stretch))
    assert all(one.ends == two.begins for one, two in pairwise(turns))
    assert all(one.begins < one.ends for one in turns)
    begin, end = stretch
    first = next(iter(made.turns(datetime(2009, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))))
    if first.begins <= begin:
        assert turns[0].begins <= begin < turns[0].ends
        assert turns[-1].ends >= end
    found = Plan(zone=zone, layers=(made,)).at(begin)
    assert (found is None) == (begin < first.begins)
    if found is not None:
        assert (found.begins, found.ends, found.people) == (turns[0].begins, turns[0].ends, turns[0].people)


@given(zones, days, clocks, clocks, clocks, stretches())
def test_day_and_night_meet_whatever_the_clocks_do(
    zone: str, day: date, handover: time, opens: time, closes: time, stretch: tuple[datetime, datetime]
):
    begins = datetime.combine(min(day, date(2009, 6, 1)), handover)
    if opens == closes:
        return
    light = layer(MIA, begins=begins, zone=zone, only=(Hours(opens, closes),))
    dark = layer(TOM, name="night", begins=begins, zone=zone, only=(Hours(closes, opens),))
    begin, end = stretch
    plan = Plan(zone=zone, layers=(light, dark))
    assert plan.gaps(begin, end) == []
    both = [one for made in (light, dark) for one in made.turns(begin, end)]
    cut = [(max(one.begins, begin), min(one.ends, end)) for one in both]
    assert sum((ends - opens_ for opens_, ends in cut if opens_ < ends), timedelta()) == end - begin


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30), st.sampled_from((MIA, TOM, ANA))), max_size=6),
    st.integers(0, 60),
)
def test_at_every_moment_the_last_override_counts(made: list[tuple[int, int, Person]], hour: int):
    base = at("2026-10-24 12:00")
    overrides = tuple(
        Span(
            begins=base + begins * _HOUR,
            ends=base + (begins + length) * _HOUR,
            people=(who,),
            why=Why.OVERRIDE,
            key=f"O-{number}",
        )
        for number, (begins, length, who) in enumerate(made)
    )
    plan = Plan(zone=BERLIN, layers=(layer(MIA, TOM),), overrides=overrides)
    moment = base + hour * _HOUR
    there = [one for one in overrides if one.begins <= moment < one.ends]
    found = plan.at(moment)
    assert found is not None
    if there:
        assert found.people == there[-1].people
    else:
        assert found.why is Why.LAYER
    spans = plan.spans(base, base + 80 * _HOUR)
    assert all(one.ends == two.begins for one, two in pairwise(spans))
    changes = plan.changes_at(moment)
    assert changes == found.ends

"""What is frozen for whom: pure rules, and that nothing in the way is ever overlooked."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from bot.freezes.rules import ALL, Freeze, blocking, in_force, on, opens, upcoming
from bot.freezes.windows import Dates, Recurring
from bot.locks.rules import Scope

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURS = st.integers(-48, 48).map(lambda hours: NOW + timedelta(hours=hours))
PLACES = [
    Scope(service, environment, target)
    for service in ("checkout", "cart")
    for environment, target in (("staging", ""), ("production", ""), ("production", "eu"))
]


@st.composite
def freezes(draw: st.DrawFn) -> tuple[Freeze, ...]:
    made = []
    for number in range(draw(st.integers(0, 4))):
        begins = draw(HOURS)
        ends = draw(st.none() | st.integers(1, 72).map(lambda hours: timedelta(hours=hours)))
        made.append(
            Freeze(
                name=f"freeze-{number}",
                reason="why",
                calendar=Dates(begins, None if ends is None else begins + ends),
                environments=draw(st.sampled_from([(), ("staging",), ("production",), (ALL,)])),
                production_like=draw(st.booleans()),
                services=draw(st.sampled_from([(ALL,), ("checkout",), ("cart",)])),
                target=draw(st.sampled_from(["", "", "eu"])),
                rollbacks=draw(st.booleans()),
            )
        )
    return tuple(made)


def covers(freeze: Freeze, place: Scope) -> bool:
    """Say the rule in other words."""
    named = place.environment in freeze.environments or ALL in freeze.environments
    kind = freeze.production_like and place.environment == "production"
    service = ALL in freeze.services or place.service in freeze.services
    return (named or kind) and service and (not freeze.target or freeze.target == place.target)


@given(freezes(), st.sampled_from(PLACES), st.booleans(), st.sets(st.sampled_from(["freeze-0", "freeze-1"])))
def test_free_only_if_nothing_in_force_is_in_the_way(
    all_freezes: tuple[Freeze, ...], place: Scope, rollback: bool, excepted: set[str]
):
    halts = on(in_force(all_freezes, NOW), place, production_like=place.environment == "production")
    left = blocking(halts, rollback=rollback, excepted=excepted)
    expected = {
        freeze.name
        for freeze in all_freezes
        if covers(freeze, place)
        and freeze.calendar.at(NOW) is not None
        and freeze.name not in excepted
        and not (rollback and freeze.rollbacks)
    }
    assert {halt.freeze.name for halt in left} == expected
    ends = [halt.until for halt in left]
    assert ends == sorted(ends, key=lambda end: (end is not None, -end.timestamp() if end else 0))


@given(freezes())
def test_it_opens_when_nothing_is_in_force_and_not_before(all_freezes: tuple[Freeze, ...]):
    free = opens(all_freezes, NOW)
    if free is None:
        assert any(freeze.calendar.at(NOW + timedelta(days=30)) for freeze in all_freezes)
        return
    assert in_force(all_freezes, free) == ()
    moment = NOW
    while moment < free:
        assert in_force(all_freezes, moment) != ()
        moment += timedelta(minutes=30)


def test_what_comes_is_listed_once_each():
    nights = Freeze(name="nights", reason="dark", calendar=Recurring("0 22 * * *", timedelta(hours=8)))
    found = upcoming(nights, NOW, NOW + timedelta(days=3), most=10)
    assert [window.begins for window in found] == [NOW.replace(hour=22) + timedelta(days=day) for day in range(3)]
    assert len(upcoming(nights, NOW, NOW + timedelta(days=30), most=4)) == 4
    good = Freeze(name="for-good", reason="over", calendar=Dates(NOW + timedelta(days=1)))
    [window] = upcoming(good, NOW, NOW + timedelta(days=3), most=10)
    assert window.ends is None

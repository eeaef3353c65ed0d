"""What changed before an alert, the likeliest first."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from bot.alerts import causes
from bot.changes.records import Change, Kind

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def change(subject: str, minutes: float, kind: Kind = Kind.DEPLOYED, **values: str) -> Change:
    place = {"service": "checkout", "environment": "production", **values}
    return Change(
        kind=kind,
        subject=subject,
        summary=subject,
        at=BEGAN - timedelta(minutes=minutes),
        service=place["service"],
        environment=place["environment"],
    )


def ranked(*changed: Change, dismissed: tuple[str, ...] = ()) -> list[str]:
    found = causes.ranked(
        changed, service="checkout", environment="production", began=BEGAN, within=HOUR, dismissed=dismissed
    )
    return [one.change.subject for one in found]


def test_the_closest_before_is_the_likeliest():
    assert ranked(change("D-1", 50), change("D-2", 5), change("D-3", 30)) == ["D-2", "D-3", "D-1"]


def test_a_deployment_is_likelier_than_a_lock_a_moment_later():
    assert ranked(change("L-1", 1, Kind.LOCKED), change("D-1", 10)) == ["D-1", "L-1"]


def test_the_place_itself_is_likelier_than_others():
    elsewhere = change("D-1", 5, environment="staging")
    everything = change("F-1", 5, Kind.FROZEN, service="", environment="")
    assert ranked(elsewhere, change("D-2", 10), everything) == ["D-2", "D-1", "F-1"]


def test_other_services_long_ago_afterwards_and_what_was_dismissed_are_left_out():
    other, old, late = change("D-1", 5, service="cart"), change("D-2", 61), change("D-3", -1)
    assert ranked(other, old, late, change("D-4", 5), change("D-5", 5), dismissed=("D-4",)) == ["D-5"]


def test_a_lock_that_was_released_counts_once():
    assert ranked(change("L-1", 20, Kind.LOCKED), change("L-1", 10, Kind.UNLOCKED)) == ["L-1"]


def test_only_the_last_deployment_of_a_place_can_be_undone_alone():
    found = causes.ranked(
        [change("D-1", 50), change("D-2", 5), change("D-3", 10, environment="staging"), change("D-4", -5)],
        service="checkout",
        environment="production",
        began=BEGAN,
        within=HOUR,
    )
    assert {one.change.subject: one.last for one in found} == {"D-1": False, "D-2": False, "D-3": True}


@given(st.lists(st.tuples(st.integers(-20, 80), st.sampled_from(list(Kind)), st.booleans()), max_size=12))
def test_scores_are_bounded_and_in_order(told):
    changed = [
        change(f"X-{number}", minutes, kind, environment="production" if here else "staging")
        for number, (minutes, kind, here) in enumerate(told)
    ]
    found = causes.ranked(changed, service="checkout", environment="production", began=BEGAN, within=HOUR)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert len({one.change.subject for one in found}) == len(found)

"""Whether a signal moved after a change."""

import random
from datetime import UTC, datetime, timedelta

from bot.alerts import movement
from bot.alerts.movement import Move

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(seconds=20)


def points(value, *, minutes=(-30, 10)):
    first, last = (round(timedelta(minutes=one) / STEP) for one in minutes)
    return [(AT + STEP * number, value(number)) for number in range(first, last + 1) if value(number) is not None]


def around(told, *, above: bool | None = True, until: datetime = AT + timedelta(minutes=10)):
    return movement.around(told, AT, above=above, since=AT - timedelta(minutes=30), until=until)


def test_a_step_is_a_move_and_its_size_is_told():
    wavering = random.Random(1)  # noqa: S311 - no secret
    found = around(points(lambda n: (0.1 if n < 3 else 0.9) + wavering.uniform(-0.02, 0.02)))
    assert found.move is Move.TOWARDS
    assert found.before is not None
    assert found.after is not None
    assert abs(found.before - 0.1) < 0.02
    assert abs(found.after - 0.9) < 0.02


def test_noise_and_a_few_wild_values_are_no_move():
    wavering = random.Random(2)  # noqa: S311 - no secret
    assert around(points(lambda n: 1 + wavering.uniform(-0.3, 0.3))).move is Move.STILL
    assert around(points(lambda n: 50.0 if n in {-5, 20, 25} else 1.0)).move is Move.STILL


def test_a_move_away_from_the_limit_is_none():
    fell = points(lambda n: 0.9 if n < 0 else 0.1)
    assert around(fell).move is Move.STILL
    assert around(fell, above=False).move is Move.TOWARDS
    assert around(fell, above=None).move is Move.TOWARDS


def test_what_had_no_value_before_began_with_the_change():
    found = around(points(lambda n: None if n < 0 else 0.5))
    assert (found.move, found.before, found.after) == (Move.TOWARDS, None, 0.5)


def test_too_little_before_or_after_tells_nothing():
    assert around([]).move is Move.UNKNOWN
    assert around(points(lambda n: 1.0), until=AT + STEP).move is Move.UNKNOWN
    assert around(points(lambda n: 1.0 if n > -2 else None)).move is Move.UNKNOWN


def test_the_worst_of_all_series_counts():
    low, high = [(AT, 1.0)], [(AT, 2.0), (AT + STEP, float("nan"))]
    assert movement.worst([low, high], above=True) == [(AT, 2.0)]
    assert movement.worst([low, high], above=False) == [(AT, 1.0)]

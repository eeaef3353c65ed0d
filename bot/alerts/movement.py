"""Whether a signal moved after something changed: medians before and after, held against how it wavers. Pure."""

import math
import statistics
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

AROUND = timedelta(minutes=15)
"""How long before and after a change the signal is looked at."""
_LEAST = 3
_NOISE = 3 * 1.4826
"""Three standard deviations, told from the median deviation, which a few wild values do not move."""
_SMALLEST = 0.15
"""A move smaller than this part of what it was before is none."""

Points = Sequence[tuple[datetime, float]]


class Move(StrEnum):
    """What a signal did after a change."""

    TOWARDS = "towards"
    """It went to where it fires."""
    STILL = "still"
    UNKNOWN = "unknown"


class Movement(Struct, frozen=True):
    """What a signal was before a change and after it; None where it had no value."""

    move: Move = Move.UNKNOWN
    before: float | None = None
    after: float | None = None


def worst(series: Iterable[Points], *, above: bool | None) -> list[tuple[datetime, float]]:
    """Return the worst value of all series at each moment: the highest, or the lowest of what fires when low."""
    found: dict[datetime, float] = {}
    choose = min if above is False else max
    for points in series:
        for at, value in points:
            if math.isfinite(value):
                found[at] = choose(found.get(at, value), value)
    return sorted(found.items())


def around(points: Points, changed_at: datetime, *, above: bool | None, since: datetime, until: datetime) -> Movement:
    """Return what a signal did around a change, as far as it was looked at between `since` and `until`.

    After a change the later half counts: a rollout takes a while, and so does a rate. A signal that had no value
    before and has one after has moved.
    """
    begins, ends = max(changed_at - AROUND, since), min(changed_at + AROUND, until)
    before = [value for at, value in points if begins <= at < changed_at]
    after = [value for at, value in points if changed_at + (ends - changed_at) / 2 <= at <= ends]
    if len(after) < _LEAST or changed_at - begins < AROUND / 3:
        return Movement()
    now = statistics.median(after)
    if not before:
        return Movement(Move.TOWARDS, None, now)
    if len(before) < _LEAST:
        return Movement(Move.UNKNOWN, None, now)
    was = statistics.median(before)
    noise = statistics.median(abs(value - was) for value in before)
    step = now - was
    moved = abs(step) > max(_NOISE * noise, _SMALLEST * abs(was)) and (above is None or (step > 0) is above)
    return Movement(Move.TOWARDS if moved else Move.STILL, was, now)

"""Is the new release good? Measurements in, verdict out. Pure: no I/O, no clock.

A value beyond its limit is bad. A source that does not answer, an empty answer and NaN are unknown, never good:
more than half of the window unknown makes the whole inconclusive, and a person decides.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct


class Reading(StrEnum):
    """What one look at one thing says."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What the whole verification says; GOING as long as it says nothing yet."""

    GOING = "going"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Measured(Struct, frozen=True, kw_only=True):
    """One value, seen once: `words` is how people read it ("errors 0.2 % (limit 1 %)")."""

    name: str
    reading: Reading
    words: str
    value: float | None = None


class Look(Struct, frozen=True, kw_only=True):
    """All values, seen at one moment. `stopped` when there was nothing to look at any more."""

    measured: tuple[Measured, ...] = ()
    stopped: bool = False

    @property
    def reading(self) -> Reading:
        """The worst of all: one bad value makes a bad look, one unknown an unknown one."""
        readings = {one.reading for one in self.measured}
        if Reading.BAD in readings:
            return Reading.BAD
        return Reading.UNKNOWN if Reading.UNKNOWN in readings or not readings else Reading.GOOD


def read_value(value: float | None, *, minimum: float | None, maximum: float | None) -> Reading:
    """Compare a value with its limits; both limits are still good."""
    if value is None or math.isnan(value):
        return Reading.UNKNOWN
    if maximum is not None and value > maximum:
        return Reading.BAD
    if minimum is not None and value < minimum:
        return Reading.BAD
    return Reading.GOOD


def judge(looks: Sequence[Reading], *, wanted: int, failures_allowed: int) -> Outcome:
    """Return the verdict after these looks, of `wanted` in all.

    More than `failures_allowed` bad looks in a row fail at once; a look that is unknown neither ends such a row
    nor lengthens it. At the end, bad looks that outnumber the good ones fail as well.
    """
    row = 0
    for reading in looks:
        if reading is Reading.BAD:
            row += 1
            if row > failures_allowed:
                return Outcome.FAILED
        elif reading is Reading.GOOD:
            row = 0
    if len(looks) < wanted:
        return Outcome.GOING
    unknown = sum(1 for reading in looks if reading is Reading.UNKNOWN)
    good = sum(1 for reading in looks if reading is Reading.GOOD)
    bad = len(looks) - unknown - good
    if unknown * 2 > len(looks) or good == 0:
        return Outcome.FAILED if bad and bad > unknown else Outcome.INCONCLUSIVE
    return Outcome.FAILED if bad > good else Outcome.SUCCESSFUL

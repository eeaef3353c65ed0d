"""What a chain does next, and what becomes of it when its trouble changes. Pure: no I/O, no clock.

A chain never ends while somebody is needed: after its last step it says that nobody came, and begins anew later.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class Standing(StrEnum):
    """Where a trouble stands, as far as paging is concerned."""

    NEEDS = "needs"
    """It fires and nobody is on it."""
    HELD = "held"
    QUIET = "quiet"
    UNKNOWN = "unknown"
    """It cannot be told: what was begun goes on, and nothing begins."""
    OVER = "over"


class Move(StrEnum):
    """What becomes of paging when a trouble has changed."""

    START = "start"
    STOP = "stop"
    STAY = "stay"


def followed(standing: Standing, *, running: bool) -> Move:
    """Return what a trouble's standing makes of its paging."""
    if standing is Standing.NEEDS:
        return Move.STAY if running else Move.START
    if standing is Standing.UNKNOWN or not running:
        return Move.STAY
    return Move.STOP


class Do(StrEnum):
    """What a step does."""

    TELL = "tell"
    WAIT = "wait"
    REPEAT = "repeat"


class Step(Struct, frozen=True):
    """One step: `length` is how long it waits, or how long before it repeats, `times` times."""

    do: Do
    length: timedelta = timedelta()
    times: int = 0


class Reach(StrEnum):
    """Whom a step that tells would reach now."""

    PASSED = "passed"
    """It is not to be done now: other hours, or too little has happened."""
    NOBODY = "nobody"
    SOMEBODY = "somebody"


class At(Struct, frozen=True):
    """Where a chain stands: before the step of this index, in this round. Behind the last step it waits to the end."""

    step: int = 0
    round: int = 0


class Turn(Struct, frozen=True):
    """What is done now: these steps are told, `nobody_came` is said, and after `wait` it goes on at `at`."""

    at: At
    wait: timedelta
    told: tuple[int, ...] = ()
    nobody_came: bool = False


def turn(
    steps: Sequence[Step], at: At, reach: Callable[[int], Reach], *, patience: timedelta, again_after: timedelta
) -> Turn:
    """Return what is due of a chain.

    Steps are done until one waits. A wait is for those who were told before it in the same turn: where there were such
    steps and none of them reached anybody, it is not waited. After the last step `patience` is waited, then it is said
    that nobody came, and after `again_after` all begins anew.
    """
    if at.step >= len(steps):
        return Turn(At(), again_after, nobody_came=True)
    told: list[int] = []
    asked = reached = False
    index = at.step
    while index < len(steps):
        step = steps[index]
        if step.do is Do.TELL:
            asked = True
            found = reach(index)
            reached = reached or found is Reach.SOMEBODY
            told += [index] if found is not Reach.PASSED else []
        elif step.do is Do.WAIT and (reached or not asked) and step.length > timedelta():
            return Turn(At(index + 1, at.round), step.length, tuple(told))
        elif step.do is Do.REPEAT and at.round < step.times:
            return Turn(At(0, at.round + 1), step.length, tuple(told))
        index += 1
    if asked and not reached:
        return Turn(At(), again_after, tuple(told), nobody_came=True)
    return Turn(At(len(steps), at.round), patience, tuple(told))


class Told(Struct, frozen=True):
    """A way that somebody is told by, and how long after the beginning."""

    way: str
    after: timedelta = timedelta()


def ways(rules: Sequence[Told], having: Sequence[str]) -> tuple[Told, ...]:
    """Return by which ways somebody is told, by their rules and what they have; never none where they have any.

    The first of them is at once: rules that begin later only because of ways that are not there do not make it late.
    """
    kept = sorted((one for one in rules if one.way in having), key=lambda one: one.after)
    if not kept:
        return tuple(Told(way) for way in having)
    early = kept[0].after - min(one.after for one in rules)
    return tuple(Told(one.way, one.after - early) for one in kept)

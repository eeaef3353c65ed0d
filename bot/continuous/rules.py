"""What a look at a place under continuous deployment leads to. Pure: no I/O, no clock.

Several looks at a place may be on their way at once, and nobody can tell which of two saw the newer state of a branch.
So a look decides only when no other has decided since it began to see; else the place is looked at again.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum

from msgspec import Struct


class Next(StrEnum):
    """What follows a look: only the first of these begins a deployment."""

    BEGIN = "begin"
    OVERTAKEN = "overtaken"
    OFF = "off"
    PAUSED = "paused"
    NOTHING_READY = "nothing_ready"
    TRIED = "tried"
    RUNS_THERE = "runs_there"


class Facts(Struct, frozen=True, kw_only=True):
    """What is known when a look decides.

    `seen` is the number of the look that had decided when this one began to see, `looked` the one that did now;
    `ready` the commit that would go ("" for none), `tried`
    the one that went last, whatever became of it, and `running` what the place runs.
    """

    seen: int
    looked: int
    on: bool
    paused: bool
    ready: str
    tried: str
    running: str


def decide(facts: Facts) -> Next:
    """Return what follows a look.

    A commit goes once: after a bad end the place waits for another commit.
    """
    if facts.seen != facts.looked:
        return Next.OVERTAKEN
    if not facts.on:
        return Next.OFF
    if facts.paused:
        return Next.PAUSED
    if not facts.ready:
        return Next.NOTHING_READY
    if facts.ready == facts.tried:
        return Next.TRIED
    return Next.RUNS_THERE if facts.ready == facts.running else Next.BEGIN


class Waiting(Struct, frozen=True, kw_only=True):
    """A deployment that continuous deployment began and that waits: for its plan, an approval or its turn."""

    id: str
    number: int


def superseded(waiting: Collection[Waiting], newest: int) -> tuple[str, ...]:
    """Return those that a newer one replaces, oldest first; `newest` is the highest number that began one."""
    return tuple(one.id for one in sorted(waiting, key=lambda one: one.number) if one.number < newest)


def is_green(required: Sequence[str], states: dict[str, str], *, built: bool) -> bool:
    """Tell whether a commit may go where only what is green goes.

    All `required` checks have passed; where none is named, all that were reported have; where none was reported,
    `built` tells that a build of this commit succeeded. `states` maps a check to passed, failed or pending.
    """
    if required:
        return all(states.get(name) == "passed" for name in required)
    return all(state == "passed" for state in states.values()) if states else built


def request_id(place: str, number: int) -> str:
    """Return the id under which a look asks for a deployment: asked again after a crash, it is the same."""
    return f"continuous/{place}/{number}"


def number_of(request: str) -> int:
    """Return the number of the look that asked for a deployment, 0 for a request of another kind."""
    kind, _, number = request.rpartition("/")
    return int(number) if kind.startswith("continuous/") and number.isdecimal() else 0

"""What may be answered about each thing that was in flight when the database was saved. Pure: no I/O, no clock."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What was in flight."""

    DEPLOYMENT = "deployment"
    BUILD = "build"
    RELEASE = "release"
    PLACE = "place"
    PAGING = "paging"
    LOCK = "lock"
    MESSAGES = "messages"


class Answer(StrEnum):
    """What an operator says of it."""

    DONE = "done"
    CARRY_ON = "carry-on"
    GIVE_UP = "give-up"


_BOTH = (Answer.CARRY_ON, Answer.GIVE_UP)
_KEPT = (Answer.CARRY_ON,)
UNTOUCHED = frozenset({"planning", "awaiting_approval", "queued"})
"""States of a deployment in which nothing was sent to its place."""

LABELS: Mapping[Kind, Mapping[Answer, str]] = MappingProxyType(
    {
        Kind.DEPLOYMENT: {Answer.DONE: "It is done", Answer.CARRY_ON: "Carry on", Answer.GIVE_UP: "Give it up"},
        Kind.BUILD: {Answer.CARRY_ON: "Follow it", Answer.GIVE_UP: "Give it up"},
        Kind.RELEASE: {Answer.CARRY_ON: "Carry on", Answer.GIVE_UP: "Give it up"},
        Kind.PLACE: {Answer.DONE: "Write down what runs", Answer.CARRY_ON: "Leave the record"},
        Kind.PAGING: {Answer.CARRY_ON: "Page on", Answer.GIVE_UP: "Page nobody"},
        Kind.LOCK: {Answer.CARRY_ON: "Keep it locked", Answer.GIVE_UP: "Unlock"},
        Kind.MESSAGES: {Answer.CARRY_ON: "Send them", Answer.GIVE_UP: "Drop them"},
    }
)
"""What the buttons say."""


def answers(kind: Kind, state: str = "", *, reached: bool = False) -> tuple[Answer, ...]:
    """Return what may be said of something, best first.

    `state` is a deployment's; `reached` says that its place runs now what it was to bring there.
    """
    if kind is Kind.PLACE:
        return (Answer.DONE, Answer.CARRY_ON)
    if kind is not Kind.DEPLOYMENT:
        return _BOTH
    done = (Answer.DONE,) if reached and state not in UNTOUCHED else ()
    return (*done, *(_KEPT if state == "inconclusive" else _BOTH))


def of_rest(wanted: Answer, offered: tuple[Answer, ...]) -> Answer:
    """Return what is said of one thing when somebody says the same of all: the nearest that is offered for it."""
    if wanted in offered:
        return wanted
    return Answer.CARRY_ON

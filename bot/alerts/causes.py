"""What changed before an alert, the likeliest first. Pure.

A change counts by how close before the alert it came, by whether it is of the very place or of what the place depends
on, by what it is, and, once the alert's signal was looked at, by whether that moved after it. A deployment breaks more
than a lock does.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field

from bot.alerts.movement import Move, Movement
from bot.changes.records import Change, Kind

_WEIGHTS = {
    Kind.DEPLOYED: 1.0,
    Kind.OUTSIDE: 0.9,
    Kind.ROLLED_BACK: 0.8,
    Kind.DEPLOYMENT_FAILED: 0.7,
    Kind.CONFIGURED: 0.4,
    Kind.LOCKED: 0.3,
    Kind.UNLOCKED: 0.2,
    Kind.FROZEN: 0.2,
    Kind.UNFROZEN: 0.2,
}
_MOVES = {Move.TOWARDS: 1.0, Move.UNKNOWN: 0.6, Move.STILL: 0.2}
_SAME_PLACE, _WHOLE_SERVICE, _EVERYTHING, _OTHER_ENVIRONMENT = 1.0, 0.8, 0.5, 0.25
_EACH_STEP = 0.6
"""What each step of dependency leaves of a change's weight."""
_CLOCKS = timedelta(seconds=5)
"""How far the source's clock may be from ours; a rollback this close behind is taken for the remedy."""
_PLACED = {Kind.DEPLOYED, Kind.ROLLED_BACK, Kind.DEPLOYMENT_FAILED}
REMEDIED_WITHIN = timedelta(minutes=30)


class Suspect(Struct, frozen=True):
    """A change that may be the cause, and how likely in comparison with others (0 to 1).

    `last` says that nothing was deployed to its place after it, so that going back undoes it and nothing else.
    `steps` is how far away what changed is: 0 for the service itself, 1 for what it depends on.
    """

    change: Change
    score: float
    last: bool = False
    steps: int = 0
    movement: Movement = field(default_factory=Movement)


def ranked(
    changes: Iterable[Change],
    *,
    service: str,
    environment: str,
    began: datetime,
    within: timedelta,
    dismissed: Collection[str] = (),
    upstream: Mapping[str, int] | None = None,
    moved: Mapping[str, Movement] | None = None,
) -> tuple[Suspect, ...]:
    """Return the changes before `began`, likeliest first, without those whose subject somebody `dismissed`.

    `upstream` tells how many steps away each service is that this one depends on; `moved` what the signal did after
    the changes that were looked at. What was undone again before it fired, such as a lock that was released, counts by
    its last change. What was begun after it fired is no cause of it, but perhaps its remedy.
    """
    steps = {**(upstream or {}), service: 0, "": 0}
    ordered = sorted(changes, key=lambda one: one.at)
    newest = {(one.service, one.environment, one.target): one for one in ordered if one.kind in _PLACED}
    best: dict[str, Suspect] = {}
    for change in ordered:
        gap = began - begun(change)
        tolerated = timedelta() if is_rollback(change) else -_CLOCKS
        if change.subject in dismissed or change.service not in steps or not tolerated <= gap <= within:
            continue
        movement = (moved or {}).get(change.subject, Movement())
        far = steps[change.service]
        closeness = 1 - max(gap, timedelta()) / within if within else 0.0
        near = _nearness(change, environment) * _EACH_STEP**far * _MOVES[movement.move]
        score = (0.2 + 0.8 * closeness) * near * _WEIGHTS.get(change.kind, 0.1)
        last = newest.get((change.service, change.environment, change.target)) is change
        best[change.subject] = Suspect(change, round(score, 4), last, far, movement)
    return tuple(sorted(best.values(), key=lambda one: (-one.score, one.change.subject)))


def begun(change: Change) -> datetime:
    """Return when a change began to have effects: a deployment is recorded at its end, and began before."""
    told = change.data.get("begun_at")
    return datetime.fromisoformat(told) if isinstance(told, str) else change.at


def called(change: Change) -> str:
    """Return what a change is called in a word: its id, where people know that."""
    words = {Kind.OUTSIDE: "changed outside", Kind.CONFIGURED: "configuration"}
    return words.get(change.kind, change.subject)


def is_placed(change: Change) -> bool:
    """Tell whether something was put somewhere by it."""
    return change.kind in _PLACED


def is_rollback(change: Change) -> bool:
    """Tell whether a change put back what ran before."""
    return change.kind is Kind.ROLLED_BACK or change.data.get("kind") == "rollback"


def remedied(
    cause: Change, changes: Iterable[Change], *, began: datetime, ended: datetime, within: timedelta = REMEDIED_WITHIN
) -> Change | None:
    """Return the roll back of `cause` after which an alert ended, None where it was something else.

    It was begun while the alert fired, not long before its end, and left what had been put there.
    """
    for change in changes:
        if not is_rollback(change) or _place(change) != _place(cause):
            continue
        itself = change.subject == cause.subject
        undone = change.data.get("previous_sha") == cause.data.get("sha") and bool(cause.data.get("sha"))
        at = change.at if itself else begun(change)
        if (itself or undone) and began <= at <= ended + _CLOCKS and ended - at <= within:
            return change
    return None


def _place(change: Change) -> tuple[str, str, str]:
    return change.service, change.environment, change.target


def _nearness(change: Change, environment: str) -> float:
    if change.service and change.environment == environment:
        return _SAME_PLACE
    if change.environment not in {"", environment}:
        return _OTHER_ENVIRONMENT
    return _WHOLE_SERVICE if change.service else _EVERYTHING

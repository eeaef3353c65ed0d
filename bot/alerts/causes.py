"""What changed before an alert, the likeliest first. Pure.

A change counts by how close before the alert it came, by whether it is of the very place, and by what it is: a
deployment breaks more than a lock does.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.changes.records import Change, Kind

_WEIGHTS = {
    Kind.DEPLOYED: 1.0,
    Kind.ROLLED_BACK: 0.8,
    Kind.DEPLOYMENT_FAILED: 0.7,
    Kind.LOCKED: 0.3,
    Kind.UNLOCKED: 0.2,
    Kind.FROZEN: 0.2,
    Kind.UNFROZEN: 0.2,
}
_SAME_PLACE, _WHOLE_SERVICE, _EVERYTHING, _OTHER_ENVIRONMENT = 1.0, 0.8, 0.5, 0.25
_CLOCKS = timedelta(seconds=5)
"""How far the source's clock may be from ours; a rollback this close behind is taken for the remedy."""
_PLACED = {Kind.DEPLOYED, Kind.ROLLED_BACK, Kind.DEPLOYMENT_FAILED}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change that may be the cause, and how likely in comparison with others (0 to 1).

    `last` says that nothing was deployed to its place after it, so that going back undoes it and nothing else.
    """

    change: Change
    score: float
    last: bool = False


def ranked(
    changes: Iterable[Change],
    *,
    service: str,
    environment: str,
    began: datetime,
    within: timedelta,
    dismissed: Collection[str] = (),
) -> tuple[Suspect, ...]:
    """Return the changes before `began`, likeliest first, without those whose subject somebody `dismissed`.

    What was undone again before it fired, such as a lock that was released, counts by its last change. What was begun
    after it fired is no cause of it, but perhaps its remedy.
    """
    ordered = sorted(changes, key=lambda one: one.at)
    newest = {(one.service, one.environment, one.target): one for one in ordered if one.kind in _PLACED}
    best: dict[str, Suspect] = {}
    for change in ordered:
        gap = began - begun(change)
        tolerated = timedelta() if _is_rollback(change) else -_CLOCKS
        if change.subject in dismissed or not tolerated <= gap <= within:
            continue
        closeness = 1 - max(gap, timedelta()) / within if within else 0.0
        score = (0.2 + 0.8 * closeness) * _nearness(change, service, environment) * _WEIGHTS.get(change.kind, 0.1)
        if score > 0:
            last = newest.get((change.service, change.environment, change.target)) is change
            best[change.subject] = Suspect(change, round(score, 4), last)
    return tuple(sorted(best.values(), key=lambda one: (-one.score, one.change.subject)))


def begun(change: Change) -> datetime:
    """Return when a change began to have effects: a deployment is recorded at its end, and began before."""
    told = change.data.get("begun_at")
    return datetime.fromisoformat(told) if isinstance(told, str) else change.at


def _is_rollback(change: Change) -> bool:
    return change.kind is Kind.ROLLED_BACK or change.data.get("kind") == "rollback"


def _nearness(change: Change, service: str, environment: str) -> float:
    if change.service not in {"", service}:
        return 0.0
    if change.service and change.environment == environment:
        return _SAME_PLACE
    if change.environment not in {"", environment}:
        return _OTHER_ENVIRONMENT
    return _WHOLE_SERVICE if change.service else _EVERYTHING

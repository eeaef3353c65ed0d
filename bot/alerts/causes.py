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
AFTERWARDS = timedelta(minutes=10)
"""A deployment is recorded when it has ended: its new version may have fired while it was still under way."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change that may be the cause, and how likely in comparison with others (0 to 1)."""

    change: Change
    score: float


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

    What was undone again before it fired, such as a lock that was released, counts by its last change.
    """
    best: dict[str, Suspect] = {}
    for change in sorted(changes, key=lambda one: one.at):
        gap = began - change.at
        if change.subject in dismissed or not -AFTERWARDS <= gap <= within:
            continue
        closeness = 1 - max(gap, timedelta()) / within if within else 0.0
        score = (0.2 + 0.8 * closeness) * _nearness(change, service, environment) * _WEIGHTS.get(change.kind, 0.1)
        if score > 0:
            best[change.subject] = Suspect(change, round(score, 4))
    return tuple(sorted(best.values(), key=lambda one: (-one.score, one.change.subject)))


def _nearness(change: Change, service: str, environment: str) -> float:
    if change.service not in {"", service}:
        return 0.0
    if change.service and change.environment == environment:
        return _SAME_PLACE
    if change.environment not in {"", environment}:
        return _OTHER_ENVIRONMENT
    return _WHOLE_SERVICE if change.service else _EVERYTHING

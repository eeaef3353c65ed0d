"""Who may decide, and when it is decided. Pure: no I/O, no clock.

A rule asks for `count` people of any of its groups. One person counts for one rule only, never when excluded
(the requester; authors and co-authors unless the policy lets them).
"""

from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.identity import Person


class State(StrEnum):
    """Where a request for approval stands; all but the first are final."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"


class Vote(StrEnum):
    """What one person says."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Rule:
    """`count` people of any of `groups`."""

    count: int
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Where the counting stands: how many each rule still misses, and who counts for which rule."""

    missing: tuple[int, ...]
    counted: Mapping[Person, int]

    @property
    def satisfied(self) -> bool:
        """Whether every rule has all of its people."""
        return not any(self.missing)


def tally(rules: Sequence[Rule], voters: Mapping[Person, AbstractSet[str]], excluded: AbstractSet[Person]) -> Tally:
    """Count approvals: `voters` maps who approved to the groups they are in now.

    The most that can be counted is counted, each person once (augmenting paths of bipartite matching).
    """
    seats = [number for number, rule in enumerate(rules) for _ in range(rule.count)]
    holder: list[Person | None] = [None] * len(seats)
    fits = {
        person: [seat for seat, number in enumerate(seats) if groups & set(rules[number].groups)]
        for person, groups in voters.items()
        if person not in excluded
    }

    def sit(person: Person, tried: set[int]) -> bool:
        for seat in fits[person]:
            if seat in tried:
                continue
            tried.add(seat)
            sitting = holder[seat]
            if sitting is None or sit(sitting, tried):
                holder[seat] = person
                return True
        return False

    for person in sorted(fits):
        sit(person, set())
    counted = {person: seats[seat] for seat, person in enumerate(holder) if person is not None}
    missing = tuple(
        rule.count - sum(1 for number in counted.values() if number == index) for index, rule in enumerate(rules)
    )
    return Tally(missing=missing, counted=counted)


@dataclass(frozen=True, slots=True)
class No:
    """Why a vote does not count: a stable code and the words."""

    code: str
    words: str


def may_vote(
    person: Person, groups: AbstractSet[str], rules: Sequence[Rule], excluded: Mapping[Person, str]
) -> No | None:
    """Return why this person may not approve, None when they may. `excluded` says why: "asked for it", "wrote it"."""
    if person in excluded:
        return No("not_by_you", f"who {excluded[person]} cannot approve it")
    asked = sorted({group for rule in rules for group in rule.groups})
    if not groups & set(asked):
        return No("not_an_approver", f"approvals come from {' or '.join(asked)}")
    return None


def expired(now: datetime, expires_at: datetime) -> bool:
    """Tell whether the time to decide is over; the last moment is."""
    return now >= expires_at

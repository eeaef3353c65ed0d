"""Who may decide, and when it is decided. Pure: no I/O, no clock.

A rule asks for `count` people of any of its groups. One person counts for one rule only, never when excluded
(the requester; authors and co-authors unless the policy lets them). Two accounts with one address are one person, and
so are who lent their right to approve and who uses it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

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
    REVOKE = "revoke"


class Rule(Struct, frozen=True):
    """`count` people of any of `groups`."""

    count: int
    groups: tuple[str, ...]


class Tally(Struct, frozen=True):
    """Where the counting stands: how many each rule still misses, and who counts for which rule."""

    missing: tuple[int, ...]
    counted: Mapping[Person, int]

    @property
    def satisfied(self) -> bool:
        """Whether every rule has all of its people."""
        return not any(self.missing)


def tally(
    rules: Sequence[Rule],
    voters: Mapping[Person, AbstractSet[str]],
    excluded: AbstractSet[Person],
) -> Tally:
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


def one_person(
    addresses: Mapping[Person, AbstractSet[str]], bound: Iterable[tuple[Person, Person]] = ()
) -> dict[Person, Person]:
    """Map each account to the one that stands for all accounts of the same person.

    Accounts that share an address (lower case), or are `bound` in a pair, are the same; so are those that both are the
    same as a third.
    """
    above = {person: person for person in addresses}

    def top(person: Person) -> Person:
        while above.setdefault(person, person) != person:
            person = above[person]
        return person

    def join(one: Person, other: Person) -> None:
        low, high = sorted((top(one), top(other)))
        above[high] = low

    first: dict[str, Person] = {}
    for person in sorted(addresses):
        for address in addresses[person]:
            join(person, first.setdefault(address, person))
    for one, other in bound:
        join(one, other)
    return {person: top(person) for person in list(above)}


NO_GROUP = "is in none of the groups that are asked"
UNREAD = "cannot be looked up now"


class Voter(Struct, frozen=True, kw_only=True):
    """Somebody who approved, as known now.

    `principal` is whose right was used, where it was lent; `groups` are then those of the principal. `reading` is false
    where the groups could not be read.
    """

    person: Person
    groups: AbstractSet[str]
    principal: Person | None = None
    reading: bool = True


class Facts(Struct, frozen=True, kw_only=True):
    """What was read for a count: who approved, and the addresses of them and of who is excluded, in lower case."""

    voters: tuple[Voter, ...] = ()
    addresses: Mapping[Person, AbstractSet[str]] = field(default_factory=dict)


class Count(Struct, frozen=True):
    """A count: the tally, and who approved and is not counted, with why.

    `twice` maps those whose other account counts already to that account; they are among the dropped.
    """

    tally: Tally
    dropped: Mapping[Person, str]
    twice: Mapping[Person, Person] = field(default_factory=dict)


def count_votes(
    rules: Sequence[Rule], facts: Facts, excluded: Mapping[Person, str], excluded_emails: Mapping[str, str]
) -> Count:
    """Count the approvals, without those that turn out to be of people who may not give one.

    So an approval falls away when its account is found to be the requester's, an author's or that of somebody who has
    approved already, or to have left the groups that are asked. Of several accounts of one person the first counts.
    """
    bound = [(voter.person, voter.principal) for voter in facts.voters if voter.principal is not None]
    same = one_person(facts.addresses, bound)
    why_out = {same.get(person, person): why for person, why in excluded.items()}
    for person, known in facts.addresses.items():
        for address in sorted(known & excluded_emails.keys()):
            why_out.setdefault(same.get(person, person), excluded_emails[address])
    wanted = {group for rule in rules for group in rule.groups}
    dropped: dict[Person, str] = {}
    twice: dict[Person, Person] = {}
    first: dict[Person, Person] = {}
    for voter in facts.voters:
        why = why_out.get(same.get(voter.person, voter.person), "")
        if not why and not voter.groups & wanted:
            why = NO_GROUP if voter.reading else UNREAD
        other = first.get(same.get(voter.person, voter.person))
        if not why and other is not None:
            why, twice[voter.person] = "is the same person as another who approved", other
        if why:
            dropped[voter.person] = why
        else:
            first[same.get(voter.person, voter.person)] = voter.person
    voters = {voter.person: voter.groups for voter in facts.voters if voter.person not in dropped}
    return Count(tally(rules, voters, frozenset()), dropped, twice)


class No(Struct, frozen=True):
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


def may_delegate(
    delegator: Person,
    delegate: Person,
    group: str,
    *,
    mine: AbstractSet[str],
    lendable: AbstractSet[str],
    both_ours: bool,
) -> No | None:
    """Return why a right to approve may not be lent, None where it may.

    `group` is the one that is meant, "" for all; `mine` are the delegator's groups, `lendable` those of them that the
    policy lets them lend. `both_ours` tells that both are of our own team and no guests.
    """
    if not both_ours:
        return No("not_in_team", "only people of our own team, guests excepted, approve in each other's place")
    if delegator == delegate:
        return No("not_yourself", "you approve in your own place anyway")
    if group and group not in mine:
        return No("not_your_group", f"you are not in {group}")
    if (group or lendable) and not ({group} if group else mine) & lendable:
        return No("not_delegable", f"the configuration keeps the rights of {group} with its own people")
    if not lendable:
        return No("not_delegable", "no group of yours may be lent")
    return None


def expired(now: datetime, expires_at: datetime) -> bool:
    """Tell whether the time to decide is over; the last moment is."""
    return now >= expires_at

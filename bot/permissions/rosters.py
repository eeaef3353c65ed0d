"""Whom the configuration names, ready to be asked for one person however many there are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set as AbstractSet

from bot.permissions.grants import PERSON
from bot.settings import PersonEntry

ACCOUNT = "account:"


def user_of(reference: str) -> str:
    """Return the user id of "user", "team/user" or "enterprise/team/user"."""
    return reference.rpartition("/")[2]


class Roster:
    """The people whom one group names: by their name in the configuration, as an account, or by a Slack id."""

    __slots__ = ("_marks", "_references")

    def __init__(self, entries: Iterable[str], people: Mapping[str, PersonEntry]) -> None:
        marks: set[str] = set()
        references: defaultdict[str, list[str]] = defaultdict(list)
        for entry in entries:
            if entry in people:
                marks.add(f"{PERSON}{entry}")
            elif entry.startswith(ACCOUNT):
                marks.add(entry)
            else:
                references[user_of(entry)].append(entry)
        self._marks = frozenset(marks)
        self._references = dict(references)

    def names(self, marks: AbstractSet[str]) -> bool:
        """Tell whether it names one of "person:<name>" and "account:<name>"."""
        return not self._marks.isdisjoint(marks)

    def references(self, user: str) -> list[str]:
        """Return the Slack ids in it that end in this user's."""
        return self._references.get(user, [])


def by_user(people: Mapping[str, PersonEntry]) -> Mapping[str, list[str]]:
    """Return the names of the people by the user id that stands beside them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, entry in people.items():
        if entry.slack:
            found[user_of(entry.slack)].append(name)
    return dict(found)

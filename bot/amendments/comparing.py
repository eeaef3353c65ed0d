"""What comparing policies needs everywhere: changes, where they are noted, and lists compared. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

Policy = Mapping[str, Any]


class Change(Struct, frozen=True):
    """One change: where it is, in words, and whether it gives somebody a right or takes a guard away."""

    where: str
    words: str
    widens: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


class Notes(Struct):
    """Where changes are noted."""

    changes: list[Change] = field(default_factory=list)

    def wider(self, where: str, words: str) -> None:
        """Note that somebody gets a right or a guard is gone."""
        self.changes.append(Change(where, words, widens=True))

    def other(self, where: str, words: str) -> None:
        """Note any other change."""
        self.changes.append(Change(where, words, widens=False))


def switches(
    where: str, old: Policy, new: Policy, kept: dict[str, Any], notes: Notes, *, guards: Mapping[str, bool]
) -> None:
    """Compare yes or no settings; `guards` says which of the two is the stricter, the other being the default."""
    for key, stricter in guards.items():
        was, now = old.get(key, not stricter), new.get(key, not stricter)
        if was != now:
            (notes.other if now == stricter else notes.wider)(f"{where}.{key}", "yes" if now else "no")
        if stricter in {was, now}:
            kept[key] = stricter


def no_more(where: str, old: Sequence[str], new: Sequence[str], notes: Notes) -> list[str]:
    """Return those of `new` that were there: one that is added widens."""
    for one in new:
        if one not in old:
            notes.wider(where, f"{one} added")
    for one in old:
        if one not in new:
            notes.other(where, f"{one} removed")
    return [one for one in new if one in old]


def fewer(where: str, old: Sequence[str], new: Sequence[str], notes: Notes, *, fold: bool = False) -> list[str]:
    """Return `new` and what was taken out of `old`: one that is removed widens."""
    had, has = ({one.lower() if fold else one for one in many} for many in (old, new))
    gone = [one for one in old if (one.lower() if fold else one) not in has]
    for one in gone:
        notes.wider(where, f"{one} removed")
    for one in new:
        if (one.lower() if fold else one) not in had:
            notes.other(where, f"{one} added")
    return [*new, *gone]


def rest(where: str, old: Policy, new: Policy, kept: dict[str, Any], notes: Notes, *, known: set[str]) -> None:
    """Keep as it was what nothing here knows how to compare."""
    for key in sorted(_differing(old, new, known)):
        notes.wider(f"{where}.{key}", "changed")
        kept.pop(key, None)
        if key in old:
            kept[key] = old[key]


def _differing(old: Policy, new: Policy, known: set[str]) -> Iterator[str]:
    yield from (key for key in (old.keys() | new.keys()) - known if old.get(key) != new.get(key))

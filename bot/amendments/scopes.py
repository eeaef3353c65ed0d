"""Grants compared: does one say nothing that others do not say already, and what do two have in common. Pure.

A grant is a product of sets: holders, permissions, services, environments, targets. "*" holds what is still to come,
so a list of all services there are is less than "*".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

FIELDS = ("to", "allow", "services", "environments", "targets")
_ANY = "*"
_ANYTHING = (_ANY,)
Entry = Mapping[str, Any]


def words(grant: Entry) -> str:
    """Return a grant in words: "developers: deployment.start on checkout production"."""
    where = [", ".join(grant[key]) for key in ("services", "environments", "targets") if _of(grant, key) != _ANYTHING]
    return f"{', '.join(grant['to'])}: {', '.join(grant['allow'])} {'on ' + ' '.join(where) if where else 'everywhere'}"


def covered(grant: Entry, others: Sequence[Entry]) -> bool:
    """Tell whether `others` together give all that `grant` gives."""
    if any(all(_holds_all(_of(one, key), _of(grant, key), key) for key in FIELDS) for one in others):
        return True
    near = [one for one in others if all(_meet(_of(one, key), _of(grant, key), key) for key in FIELDS)]
    return bool(near) and all(
        any(
            all(_holds_all(_of(one, key), (value,), key) for key, value in zip(FIELDS, atom, strict=True))
            for one in near
        )
        for atom in product(*(_of(grant, key) for key in FIELDS))
    )


def common(grant: Entry, others: Iterable[Entry]) -> Iterator[dict[str, list[str]]]:
    """Yield what `grant` has in common with each of `others`."""
    for other in others:
        met = {key: _meet(_of(other, key), _of(grant, key), key) for key in FIELDS}
        if all(met.values()):
            yield {key: values for key, values in met.items() if key in {"to", "allow"} or values != list(_ANYTHING)}


def _of(grant: Entry, key: str) -> tuple[str, ...]:
    return tuple(grant.get(key, _ANYTHING))


def _holds_all(holding: Iterable[str], held: Iterable[str], key: str) -> bool:
    known = tuple(holding)
    return all(any(_holds(one, other, key) for one in known) for other in held)


def _meet(first: Iterable[str], second: Sequence[str], key: str) -> list[str]:
    found: dict[str, None] = {}
    for one in first:
        for other in second:
            if _holds(one, other, key):
                found[other] = None
            elif _holds(other, one, key):
                found[one] = None
    return list(found)


def _holds(pattern: str, other: str, key: str) -> bool:
    """Tell whether all that `other` stands for is among what `pattern` stands for."""
    if pattern == other:
        return True
    if key == "to":
        return False  # "everyone" holds others today; who is in it changes elsewhere
    if pattern == _ANY:
        return True
    if key != "allow":
        return False
    if pattern.endswith(".*"):
        return other.startswith(pattern.removesuffix("*"))
    return pattern.startswith("*.") and other.endswith(pattern.removeprefix("*"))

"""Which groups belong together, by the rules of the configuration. Pure: no I/O, no clock.

A rule either names a cause and its effects, or it names what belongs together whoever came first. Groups meet under a
key: the rule, and the values of the labels that must be the same.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

Matches = Callable[[Mapping[str, str]], bool]


class Rule(Struct, frozen=True, kw_only=True):
    """One rule. `is_whole` and `is_part` tell by its labels what a group may be; without a cause it may be both."""

    name: str
    is_whole: Matches
    is_part: Matches
    same: tuple[str, ...]
    within: timedelta


class Role(Struct, frozen=True):
    """What a group may be by one rule: under which key it is a whole, "" for not, and under which a part."""

    rule: Rule
    whole: str
    part: str


def roles(rules: Iterable[Rule], labels: Mapping[str, str]) -> Sequence[Role]:
    """Return what a group with these labels may be, in the order of the rules.

    By a rule of which it lacks a label that must be the same it is nothing.
    """
    found = []
    for rule in rules:
        if not all(labels.get(name) for name in rule.same):
            continue
        whole, part = rule.is_whole(labels), rule.is_part(labels)
        if whole or part:
            key = _key(rule, labels)
            found.append(Role(rule, key if whole else "", key if part else ""))
    return found


def _key(rule: Rule, labels: Mapping[str, str]) -> str:
    told = [rule.name, *(labels[name] for name in rule.same)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class Past(Struct, frozen=True, kw_only=True):
    """One group as it was: when it began, and when it ended, None while it is open."""

    id: str
    labels: Mapping[str, str]
    began: datetime
    ended: datetime | None


class Join(Struct, frozen=True):
    """A group would have been a part of another, by a rule."""

    part: Past
    whole: Past
    rule: str


def joined(groups: Iterable[Past], rules: Collection[Rule]) -> Sequence[Join]:
    """Return which of these groups, in the order in which they began, the rules would have put together."""
    wholes: dict[str, list[Past]] = {}
    parts: dict[str, list[Past]] = {}
    found: dict[str, Join] = {}
    has_parts: set[str] = set()
    for one in groups:
        mine = roles(rules, one.labels)
        join = next(
            (Join(one, held, role.rule.name) for role in mine if (held := _held(wholes, found, role, one))), None
        )
        if join is not None:
            found[one.id] = join
            has_parts.add(join.whole.id)
            continue
        for role in mine:
            if role.whole:
                for part in parts.get(role.whole, ()) if not role.part else ():
                    if part.id not in found and part.id not in has_parts and _meets(role.rule, part, one):
                        found[part.id] = Join(part, one, role.rule.name)
                        has_parts.add(one.id)
                wholes.setdefault(role.whole, []).append(one)
            if role.part:
                parts.setdefault(role.part, []).append(one)
    return list(found.values())


def _held(wholes: Mapping[str, Sequence[Past]], found: Collection[str], role: Role, part: Past) -> Past | None:
    candidates = wholes.get(role.part, ()) if role.part else ()
    return next((one for one in candidates if one.id not in found and _meets(role.rule, one, part)), None)


def _meets(rule: Rule, first: Past, second: Past) -> bool:
    """Tell whether the first was open and young enough when the second began."""
    is_open = first.ended is None or first.ended > second.began
    return is_open and second.began - first.began <= rule.within

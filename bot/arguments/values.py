"""One argument's text <-> its value: str, bool, int, timedelta, StrEnum and Pairs.

`read` and `write` are each other's inverse for every value that `write` takes.
"""

import json
import re
from datetime import timedelta
from enum import StrEnum
from typing import Any

from bot.closest import closest
from bot.command import Pairs
from bot.errors import BadInput

LONGEST = timedelta(days=3650)
"""No argument names a longer time."""

KINDS = (str, bool, int, timedelta, Pairs)

_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"no", "false", "off", "0"})
_INT = re.compile(r"[+-]?[0-9]{1,18}\Z")
_DURATION = re.compile(r"(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?\Z")
_SHOWN = 60


def shown(text: str) -> str:
    """Return `text` in quotes for an error message: one line, cut where it grows long."""
    line = " ".join(text[: 2 * _SHOWN].split())
    return f'"{line}"' if len(line) <= _SHOWN and len(text) <= 2 * _SHOWN else f'"{line[:_SHOWN]}…"'


def read(kind: type[Any], text: str, label: str) -> object:
    """Return the value that `text` stands for; `label` names the argument in errors.

    Raises:
        BadInput: "bad_value"; says how such a value is written.
    """
    if kind is str:
        return text
    if kind is bool:
        return _read_bool(text, label)
    if kind is int:
        if _INT.match(text.strip()) is None:
            raise BadInput("bad_value", f"{shown(text)} is no number for {label}: write digits, such as 5.")
        return int(text)
    if kind is timedelta:
        return read_duration(text, label)
    if kind is Pairs:
        return _read_pairs(text, label)
    return _read_choice(kind, text, label)


def write(value: object) -> str:
    """Return the text of a value, as a person would type it.

    Raises:
        TypeError: no argument holds such a value.
    """
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return _write_duration(value)
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, Pairs):
        return json.dumps(value, ensure_ascii=False) if value else ""
    raise TypeError(f"an argument cannot hold {value!r}")


def joined_pairs(held: str, text: str, label: str) -> str:
    """Return the text of the pairs in `held` and of the one more that `text` says.

    Raises:
        BadInput: "bad_value" or "given_twice".
    """
    pairs = _read_pairs(held, label)
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadInput("bad_value", f"{shown(text)} is no pair for {label}: write name=value.")
    _add(pairs, name.strip(), value, label)
    return write(pairs)


def _add(pairs: Pairs, name: str, value: str, label: str) -> None:
    if pairs.setdefault(name, value) != value:
        raise BadInput("given_twice", f"{name} is given twice for {label}, with different values.")


def _read_bool(text: str, label: str) -> bool:
    word = text.strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise BadInput("bad_value", f"{shown(text)} is neither yes nor no for {label}.")


def read_duration(text: str, label: str) -> timedelta:
    """Return a length of time written like 30m, 2h or 1h30m. Raises: BadInput (`bad_value`)."""
    match = _DURATION.match(text.strip().casefold())
    if match is None or not any(match.groups()):
        raise BadInput("bad_value", f"{shown(text)} is no length of time for {label}: write it like 30m, 2h or 1d.")
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if length > LONGEST:
        raise BadInput("bad_value", f"{shown(text)} is too long for {label}: ten years are the most.")
    return length


def _write_duration(value: timedelta) -> str:
    rest = int(value.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _read_pairs(text: str, label: str) -> Pairs:
    """Return the pairs of a JSON object, or of lines `name=value`."""
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise BadInput("bad_value", f"What is given for {label} is no list of names and values.")
        return Pairs({str(name): str(one) for name, one in value.items()})
    pairs = Pairs()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise BadInput("bad_value", f"{shown(line)} is no pair for {label}: write name=value.")
        _add(pairs, name.strip(), value, label)
    return pairs


def _read_choice(kind: type[StrEnum], text: str, label: str) -> StrEnum:
    word = text.strip().casefold()
    for member in kind:
        if member.value.casefold() == word:
            return member
    choices = [member.value for member in kind]
    near = closest(word, choices)
    hint = f"Did you mean {near}?" if near else f"Choose one of {', '.join(choices)}."
    raise BadInput("bad_value", f"{shown(text)} is no value for {label}. {hint}")

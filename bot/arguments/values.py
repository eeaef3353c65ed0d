"""One argument's text <-> its value: str, bool, int, timedelta and StrEnum.

`read` and `write` are each other's inverse for every value that `write` takes.
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Any

from bot.closest import closest
from bot.errors import BadInput

LONGEST = timedelta(days=3650)
"""No argument names a longer time."""

KINDS = (str, bool, int, timedelta)

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
        return _read_duration(text, label)
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
    raise TypeError(f"an argument cannot hold {value!r}")


def _read_bool(text: str, label: str) -> bool:
    word = text.strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise BadInput("bad_value", f"{shown(text)} is neither yes nor no for {label}.")


def _read_duration(text: str, label: str) -> timedelta:
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


def _read_choice(kind: type[StrEnum], text: str, label: str) -> StrEnum:
    word = text.strip().casefold()
    for member in kind:
        if member.value.casefold() == word:
            return member
    choices = [member.value for member in kind]
    near = closest(word, choices)
    hint = f"Did you mean {near}?" if near else f"Choose one of {', '.join(choices)}."
    raise BadInput("bad_value", f"{shown(text)} is no value for {label}. {hint}")

"""Small checks that compose into the schemas of Block Kit, with errors worded and pointed as Slack does.

A check takes a decoded JSON value and a JSON pointer and yields problems, each `(pointer, message)`; Slack shows
them as "must be less than 3001 characters [json-pointer:/blocks/0/text/text]".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Problem: TypeAlias = tuple[str, str]
Check: TypeAlias = Callable[[object, str], Iterator[Problem]]

MISMATCH = "failed to match all allowed schemas"


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an object: how its value is checked and whether it must be there."""

    check: Check
    required: bool = False


def text(maximum: int, minimum: int = 0) -> Check:
    """Check a string of at most `maximum` and at least `minimum` characters."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield pointer, "must provide a string"
        elif len(value) > maximum:
            yield pointer, f"must be less than {maximum + 1} characters"
        elif len(value) < minimum:
            yield pointer, f"must be more than {minimum - 1} characters"

    return check


def flag(value: object, pointer: str) -> Iterator[Problem]:
    """Check true or false."""
    if not isinstance(value, bool):
        yield pointer, "must provide a boolean"


def whole(minimum: int | None = None, maximum: int | None = None) -> Check:
    """Check a whole number within bounds."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield pointer, "must provide an integer"
        elif minimum is not None and value < minimum:
            yield pointer, f"must be greater than {minimum - 1}"
        elif maximum is not None and value > maximum:
            yield pointer, f"must be less than {maximum + 1}"

    return check


def number(value: object, pointer: str) -> Iterator[Problem]:
    """Check a number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        yield pointer, "must provide a number"


def one_of(*allowed: str) -> Check:
    """Check one of a few words."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if value not in allowed:
            yield pointer, f"must be a valid enum value [{', '.join(allowed)}]"

    return check


def matching(pattern: Callable[[str], object], what: str) -> Check:
    """Check a string that `pattern` (a bound `fullmatch`) accepts; `what` names the format."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield pointer, "must provide a string"
        elif not pattern(value):
            yield pointer, f"must be formatted as {what}"

    return check


def items(check_item: Check, maximum: int, minimum: int = 0) -> Check:
    """Check an array of at most `maximum` items, each by `check_item`."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield pointer, "must be an array"
            return
        if len(value) > maximum:
            yield pointer, f"no more than {maximum} items allowed"
        if len(value) < minimum:
            yield pointer, f"no less than {minimum} items allowed" if minimum > 1 else "must not be empty"
        for index, item in enumerate(value):
            yield from check_item(item, f"{pointer}/{index}")

    return check


def anything(value: object, pointer: str) -> Iterator[Problem]:  # noqa: ARG001 - the shape of a check
    """Accept every value."""
    yield from ()


def or_nothing(check: Check) -> Check:
    """Check a value that may be null instead."""

    def checked(value: object, pointer: str) -> Iterator[Problem]:
        if value is not None:
            yield from check(value, pointer)

    return checked


def shape(fields: Mapping[str, Field], also: Check = anything) -> Check:
    """Check an object with exactly these properties; `also` looks at what spans several of them."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield pointer, "must provide an object"
            return
        inner: list[Problem] = []
        for name, field in fields.items():
            if field.required and value.get(name) is None:
                inner.append((pointer, f"missing required field: {name}"))
        for name, held in value.items():
            if name not in fields:
                inner.append((pointer, f"invalid additional property: {name}"))
            elif held is not None:
                inner += fields[name].check(held, f"{pointer}/{name}")
        inner += also(value, pointer)
        if inner:
            yield pointer, MISMATCH
            yield from inner

    return check


def by_type(checks: Mapping[str, Check], *, default: str = "") -> Check:
    """Check an object by the schema its `type` names; a type that is not in `checks` is not supported here."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield pointer, "must provide an object"
            return
        kind = value.get("type", default)
        if not kind:
            yield pointer, MISMATCH
            yield pointer, "missing required field: type"
        elif not isinstance(kind, str) or kind not in checks:
            yield pointer, MISMATCH
            yield f"{pointer}/type", f"unsupported type: {kind}"
        else:
            yield from checks[kind](value, pointer)

    return check


def at_least_one(*names: str) -> Check:
    """Check that an object has one or more of these properties."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if isinstance(value, dict) and all(value.get(name) is None for name in names):
            yield pointer, "must define " + " or ".join(f"`{name}`" for name in names)

    return check


def exactly_one(*names: str) -> Check:
    """Check that an object has one and only one of these properties."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if isinstance(value, dict) and sum(value.get(name) is not None for name in names) != 1:
            yield pointer, "must define exactly one of " + " or ".join(f"`{name}`" for name in names)

    return check

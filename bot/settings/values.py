"""Kinds of values that settings are made of: durations, names, emoji, references to people."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

_CRON_FIELDS = 5
_ANY_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - a wall clock is all that a schedule knows
_PART = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
DURATION_PATTERN = r"^(\d+(ms|s|m|h|d|w))+$"


def parse_duration(text: str) -> timedelta:
    """Return the length of "20s", "5m", "1h30m" or "2d".

    Raises:
        ValueError: it is not of this form, or longer than ten years.
    """
    squeezed = text.replace(" ", "")
    if not re.fullmatch(DURATION_PATTERN, squeezed):
        raise ValueError(
            f"{text!r} is no duration: a number with ms, s, m, h, d or w was expected, such as 20s or 1h30m"
        )
    total = sum((int(number[:9]) * _UNITS[unit] for number, unit in _PART.findall(squeezed)), timedelta())
    if total > timedelta(days=3660):
        raise ValueError(f"{text!r} is longer than ten years")
    return total


def format_duration(length: timedelta) -> str:
    """Return a duration as it is written in settings: the shortest text that `parse_duration` reads back."""
    rest = round(length / _UNITS["ms"])
    if rest == 0:
        return "0s"
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        size = round(_UNITS[unit] / _UNITS["ms"])
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text


def _duration(value: Any) -> timedelta:  # noqa: ANN401 - whatever stands in the file
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise PydanticCustomError("duration", "{problem}", {"problem": str(error)}) from None
    problem = "a duration with its unit was expected, such as 20s, 5m, 4h or 1d"
    raise PydanticCustomError("duration", "{problem}", {"problem": problem})


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["20s", "5m", "4h"]}),
]


def _schedule(text: str) -> str:
    if not text:
        return text
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 - costs only where there are schedules

    if len(text.split()) != _CRON_FIELDS or not croniter.is_valid(text):
        raise PydanticCustomError("schedule", "a cron expression of five fields was expected, such as 0 9 * * 1-5")
    try:
        croniter(text, _ANY_DAY).get_next(datetime)
    except CroniterBadDateError:
        raise PydanticCustomError("schedule", "this cron expression names a day that never comes") from None
    return text


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("timezone", "a time zone was expected, such as Europe/Berlin") from None
    return text


Schedule = Annotated[str, AfterValidator(_schedule)]
"""A cron expression of five fields, or nothing."""

Timezone = Annotated[str, AfterValidator(_timezone)]
"""The name of a time zone, such as Europe/Berlin."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=63)]
"""What people type in commands: lower case letters, digits, dots, dashes, underscores."""

CommandName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*( [a-z0-9][a-z0-9_.-]*)?$", max_length=127)
]
"""A command as people type it: "deploy", or "issue create" of a group."""

Emoji = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_+'-]+$", max_length=100)]


class MayBePlain:
    """Marks a secret that may stand in the file as it is, because not every value of it is secret (a URL)."""


class Model(BaseModel):
    """What all settings have in common: frozen, unknown keys are mistakes, and errors never repeat a value.

    A part that nobody wrote down is `default_factory=Part.model_construct`: defaults are not validated anyway, and to
    call the class would build a validator of its own for each part, at every start.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=False,
        defer_build=True,  # parts of the whole need no validator of their own: a third of the import
    )

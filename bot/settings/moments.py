"""Dates and times of day as people write them: "2026-12-18", "2026-12-18 18:00", with an offset or without."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

EXPECTED = "a date or a date with a time was expected, such as 2026-12-18 or 2026-12-18 18:00"


def read_moment(value: object, *, last: bool = False) -> datetime:
    """Return the moment that a text, or what YAML made of it, names; naive where it names no offset.

    A bare date is its first moment, or with `last` the first one after it: "to 2026-12-24" includes that day.

    Raises:
        ValueError: it is neither a date nor a date with a time.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time()) + (timedelta(days=1) if last else timedelta())
    if isinstance(value, str):
        text = value.strip()
        try:
            return read_moment(date.fromisoformat(text), last=last)
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(EXPECTED)


def _first(value: Any) -> datetime:  # noqa: ANN401 - whatever stands in the file
    return _read(value, last=False)


def _last(value: Any) -> datetime:  # noqa: ANN401 - the same
    return _read(value, last=True)


def _read(value: object, *, last: bool) -> datetime:
    try:
        return read_moment(value, last=last)
    except (ValueError, OverflowError):
        raise PydanticCustomError("moment", "{problem}", {"problem": EXPECTED}) from None


_SCHEMA = WithJsonSchema({"type": "string", "examples": ["2026-12-18", "2026-12-18 18:00"]})
Begin = Annotated[datetime, BeforeValidator(_first), _SCHEMA]
End = Annotated[datetime, BeforeValidator(_last), _SCHEMA]
"""A bare date as an end includes the whole day."""

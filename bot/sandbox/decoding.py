"""JSON from outside: what could not be written back, or not be read at all, is refused in one way."""

import json
import math
from typing import NoReturn


def decode(text: str) -> object:
    """Return the JSON value in `text`.

    Raises `ValueError` for what is no JSON (RFC 8259), for numbers too large to hold, and for too deep nesting.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number

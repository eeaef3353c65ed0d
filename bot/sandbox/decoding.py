"""JSON from outside: what could not be written back, or not be read at all, is refused in one way."""

import json
import math
from typing import NoReturn

MAX_DEPTH = 100
"""How deep arrays and objects may be nested: deeper than any Block Kit, shallower than Python's stack."""


def decode(text: str) -> object:
    """Return the JSON value in `text`.

    Raises `ValueError` for what is no JSON (RFC 8259), for numbers too large to hold, and for too deep nesting.
    """
    try:
        value: object = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise ValueError("nested too deeply")
    return value


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))]
        level = [one for group in inner for one in group]
        if not level:
            return False
    return True


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number

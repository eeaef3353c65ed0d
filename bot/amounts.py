"""Numbers as people read them."""

import math
from datetime import timedelta


def amount(value: float | None, unit: str = "") -> str:
    """Return a value with its unit: 0.031 of "ratio" is 3.1 %, 0.18 of "s" is 180 ms, 2048 of "bytes" is 2 KiB.

    Any other unit is put behind the number, which is shortened from 10,000 on: 12.3 k req/s. None and NaN are no value.
    """
    if value is None or math.isnan(value):
        return "no value"
    if unit == "ratio":
        return f"{_short(value * 100)} %"
    if unit in {"s", "seconds"}:
        return f"{_short(value * 1000)} ms" if 0 < abs(value) < 1 else f"{_short(value)} s"
    if unit == "bytes":
        scaled, prefix = _scale(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"), 1024)
    else:
        scaled, prefix = _scale(value, 1000, ("", "k", "M", "G", "T"), 10_000)
        prefix = f"{prefix} {unit}".strip()
    return f"{_short(scaled)} {prefix}".rstrip()


def duration(length: timedelta) -> str:
    """Return a length of time with its two largest units: 420 ms, 42 s, 3 min 5 s, 1 h 12 min."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    whole = round(seconds)
    for size, large, small_size, small in ((3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {large} {rest} {small}" if rest else f"{whole // size} {large}"
    return f"{whole} s"


def _short(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - three digits say enough
        return f"{value:.0f}"
    return f"{value:.3g}"


def count(number: int, word: str) -> str:
    """Return "1 commit", "2 commits"."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _scale(value: float, step: int, prefixes: tuple[str, ...], least: int) -> tuple[float, str]:
    """Return the value in the largest prefix that keeps it above one; below `least` it stays as it is."""
    power = 0
    if math.isfinite(value) and abs(value) >= least:
        while abs(value) >= step and power < len(prefixes) - 1:
            value /= step
            power += 1
    return value, prefixes[power]

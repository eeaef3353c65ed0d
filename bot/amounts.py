"""Numbers as people read them."""

import math


def amount(value: float, unit: str = "") -> str:
    """Return a number with its unit: 0.031 of "ratio" is 3.1 %, 0.18 of "s" is 180 ms, 2048 of "bytes" is 2 KiB.

    Any other unit is put behind the number, which is shortened from 10,000 on: 12.3 k req/s.
    """
    if not math.isfinite(value):
        return "–"
    if unit == "ratio":
        return f"{value * 100:.3g} %"
    if unit in {"s", "seconds"}:
        return f"{value * 1000:.3g} ms" if 0 < abs(value) < 1 else f"{value:.3g} s"
    if unit == "bytes":
        scaled, prefix = _scale(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"), 1024)
        return f"{scaled:.4g} {prefix}"
    scaled, prefix = _scale(value, 1000, ("", "k", "M", "G", "T"), 10_000)
    return f"{scaled:.4g} {prefix} {unit}".replace("  ", " ").rstrip()


def _scale(value: float, step: int, prefixes: tuple[str, ...], least: int) -> tuple[float, str]:
    """Return the value in the largest prefix that keeps it above one; below `least` it stays as it is."""
    power = 0
    if abs(value) >= least:
        while abs(value) >= step and power < len(prefixes) - 1:
            value /= step
            power += 1
    return value, prefixes[power]

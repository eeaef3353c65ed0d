"""Time as the sandbox sees it: a function that returns seconds since the epoch."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns the present moment in seconds since 1970-01-01 UTC."""


def wall_clock() -> float:
    """Return the machine's time in seconds since the epoch: the clock of a sandbox that is given no other."""
    return time.time()  # noqa: TID251 - the sandbox stands alone: this is its one door to the wall clock

"""What a build may do next. Pure: no I/O, no clock.

starting → queued → running → succeeded is the straight road; failed and cancelled end it elsewhere, and refused means
that the tool said no and nothing runs.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a build stands."""

    STARTING = "starting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"


S = State
ENDED = frozenset({S.SUCCEEDED, S.FAILED, S.CANCELLED, S.REFUSED})
UNDER_WAY = frozenset({S.STARTING, S.QUEUED, S.RUNNING})
TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        S.STARTING: frozenset({S.QUEUED, S.RUNNING, *ENDED}),
        S.QUEUED: frozenset({S.RUNNING, S.SUCCEEDED, S.FAILED, S.CANCELLED}),
        S.RUNNING: frozenset({S.QUEUED, S.SUCCEEDED, S.FAILED, S.CANCELLED}),
        **dict.fromkeys(ENDED, frozenset[State]()),
    }
)


def sources(to: State) -> frozenset[State]:
    """Return the states from which a build may come to `to`."""
    return frozenset(one for one, following in TRANSITIONS.items() if to in following)

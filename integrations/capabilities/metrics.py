"""MetricsSource: numbers over time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Sample(Struct, frozen=True, kw_only=True):
    """One value of one series at one moment. `labels` are without `__name__`, which is `name`."""

    labels: Mapping[str, str]
    at: datetime
    value: float
    name: str = ""


class Series(Struct, frozen=True, kw_only=True):
    """One series over a range: (moment, value) pairs in order; NaN where the source has NaN."""

    labels: Mapping[str, str]
    points: Sequence[tuple[datetime, float]]
    name: str = ""


@runtime_checkable
class MetricsSource(Protocol):
    """Answers queries in PromQL."""

    async def query(self, expression: str, at: datetime | None = None) -> Sequence[Sample]:
        """Return the value of each series at `at` (now by default); a scalar is one sample without labels.

        Raises:
            Refused: the expression is wrong; the reason is the source's own.
            Unavailable, BadReply: and so on.
        """
        ...

    async def query_range(self, expression: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        """Return each series between two moments, a point every `step`."""
        ...


class AlertRule(Struct, frozen=True, kw_only=True):
    """A rule that fires: its name, its expression, and the labels it adds (templates as they stand there)."""

    name: str
    expression: str
    labels: Mapping[str, str]


@runtime_checkable
class AlertRules(Protocol):
    """Knows the rules by which alerts fire. Not every source of metrics does."""

    async def alert_rules(self, name: str) -> Sequence[AlertRule]:
        """Return the rules of this name; none where there is no such rule.

        Raises:
            Unavailable, BadReply: and so on.
        """
        ...

"""FakeMetrics: a MetricsSource in memory, verified by its contract suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from integrations.capabilities.metrics import Sample, Series
from integrations.contract import Pong
from integrations.errors import IntegrationError, Refused


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One series that an expression has: its value, the same at every moment."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    name: str = ""


class FakeMetrics:
    """Answers the expressions in `answers` and refuses those in `wrong`.

    A number is a scalar; any other well-formed expression has no series.
    `queries` keeps what was asked. `failure`, when set, is raised by every call.
    """

    def __init__(self, instance: str = "metrics", *, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._instance = instance
        self._now = now
        self.answers: dict[str, Sequence[Answer]] = {}
        self.wrong: set[str] = set()
        self.queries: list[str] = []
        self.failure: IntegrationError | None = None

    @property
    def instance(self) -> str:
        return self._instance

    async def ping(self) -> Pong:
        self._answer()
        return Pong(version="fake")

    async def close(self) -> None:
        pass

    async def query(self, expression: str, at: datetime | None = None) -> Sequence[Sample]:
        found = self._evaluate(expression)
        moment = at or self._now
        return [Sample(labels=one.labels, at=moment, value=one.value, name=one.name) for one in found]

    async def query_range(self, expression: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        if step <= timedelta(0) or end < start:
            raise Refused(self._instance, "a range needs a start before its end and a step above 0")
        found = self._evaluate(expression)
        moments = [start + step * number for number in range(int((end - start) / step) + 1)]
        return [
            Series(labels=one.labels, points=[(moment, one.value) for moment in moments], name=one.name)
            for one in found
        ]

    def _evaluate(self, expression: str) -> Sequence[Answer]:
        self._answer()
        self.queries.append(expression)
        if expression in self.wrong:
            raise Refused(self._instance, f"parse error in {expression!r}")
        if expression in self.answers:
            return self.answers[expression]
        if not expression.strip() or expression.count("(") != expression.count(")"):
            raise Refused(self._instance, f"parse error in {expression!r}")
        try:
            return [Answer(value=float(expression))]
        except ValueError:
            return []

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure

"""FakeMetrics: a MetricsSource in memory, verified by its contract suite."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from integrations.capabilities.metrics import AlertRule, Sample, Series
from integrations.contract import Pong
from integrations.errors import IntegrationError, Refused

_BOUNDED = re.compile(r"(?:top|bottom)k\(\d+, (.*)\)", re.DOTALL)
"""The highest or lowest of an expression: here all of it."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One series that an expression has: its value, the same at every moment, or what `over` makes of the moment.

    Where `over` gives None there is no point.
    """

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    over: Callable[[datetime], float | None] | None = None

    def at(self, moment: datetime) -> float | None:
        return self.value if self.over is None else self.over(moment)


class FakeMetrics:
    """Answers the expressions in `answers` and refuses those in `wrong`.

    A number is a scalar; any other well-formed expression has no series.
    `queries` keeps what was asked. `failure`, when set, is raised by every call. `waiting`, when set, is waited for.
    """

    def __init__(self, instance: str = "metrics", *, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._instance = instance
        self._now = now
        self.answers: dict[str, Sequence[Answer]] = {}
        self.wrong: set[str] = set()
        self.queries: list[str] = []
        self.failure: IntegrationError | None = None
        self.rules: list[AlertRule] = []
        self.waiting: asyncio.Event | None = None

    @property
    def instance(self) -> str:
        return self._instance

    async def ping(self) -> Pong:
        self._answer()
        return Pong(version="fake")

    async def close(self) -> None:
        pass

    async def query(self, expression: str, at: datetime | None = None) -> Sequence[Sample]:
        found = await self._evaluate(expression)
        moment = at or self._now
        told = [(one, one.at(moment)) for one in found]
        return [
            Sample(labels=one.labels, at=moment, value=value, name=one.name) for one, value in told if value is not None
        ]

    async def query_range(self, expression: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        if step <= timedelta(0) or end < start:
            raise Refused(self._instance, "a range needs a start before its end and a step above 0")
        found = await self._evaluate(expression)
        moments = [start + step * number for number in range(int((end - start) / step) + 1)]
        return [
            Series(
                labels=one.labels,
                points=[(moment, value) for moment in moments if (value := one.at(moment)) is not None],
                name=one.name,
            )
            for one in found
        ]

    async def alert_rules(self, name: str) -> Sequence[AlertRule]:
        self._answer()
        return [one for one in self.rules if one.name == name]

    async def _evaluate(self, expression: str) -> Sequence[Answer]:
        if self.waiting is not None:
            await self.waiting.wait()
        self._answer()
        self.queries.append(expression)
        if expression in self.wrong:
            raise Refused(self._instance, f"parse error in {expression!r}")
        if expression in self.answers:
            return self.answers[expression]
        bounded = _BOUNDED.fullmatch(expression)
        if bounded and bounded[1] in self.answers:
            return self.answers[bounded[1]]
        if not expression.strip() or expression.count("(") != expression.count(")"):
            raise Refused(self._instance, f"parse error in {expression!r}")
        try:
            return [Answer(value=float(expression))]
        except ValueError:
            return []

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure

"""`Signals`: what an alert group watches, asked of the source of metrics: its series, its limit, and since when."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from bot.alerts import expressions
from bot.alerts.expressions import Reading
from bot.alerts.movement import AROUND
from bot.alerts.parts import Parts
from bot.alerts.records import Group, Known
from integrations.capabilities.metrics import AlertRules, MetricsSource, Sample, Series
from integrations.errors import Refused

MOST_SERIES = 5
MOST_SAMPLES = 1000
POINTS = 240
DEADLINE = 15.0
"""Seconds that all questions of one look may take together."""
_BEFORE = timedelta(minutes=30)
_LONGEST_BEFORE = timedelta(hours=3)
_AFTER = timedelta(minutes=10)
_FINE = timedelta(minutes=1)
_FINE_STEP = timedelta(seconds=30)


class Window(Struct, frozen=True, kw_only=True):
    """From when to when a signal is looked at, and since when it fired, and until when."""

    start: datetime
    end: datetime
    began: datetime
    ended: datetime

    @property
    def step(self) -> timedelta:
        """How far apart its points are."""
        return timedelta(seconds=max(math.ceil((self.end - self.start).total_seconds() / POINTS), 1))

    @property
    def first(self) -> datetime:
        """When the first point is: so that the last is at the end, and tells the newest value."""
        return self.end - self.step * math.ceil((self.end - self.start) / self.step)


class Signal(Struct, frozen=True, kw_only=True):
    """The worst series of a group's expression, of how many, and what may be told of it around some changes.

    `fine` is the same, with points close enough to tell what moved after a change.
    """

    reading: Reading
    expression: str
    window: Window
    series: Sequence[Series]
    left_out: int = 0
    fine: Sequence[Series] = ()


class Signals:
    """Asks for signals. Every question is bounded: in time, in series, and in points."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def source_of(self, group: Group) -> str:
        """Return which instance has a group's metrics: its service's in the catalog, else the only one; "" is none."""
        toolbox, catalog = self._parts.toolbox, self._parts.catalog()
        if group.service and group.service in catalog:
            environments = catalog.service(group.service).environments
            nearest = sorted(environments, key=lambda one: one.name != group.environment)
            found = [metric.instance for one in nearest if one.verify for metric in one.verify.metrics]
            if found:
                return found[0]
        able = [name for name, one in toolbox.adapters().items() if isinstance(one, MetricsSource)]
        return able[0] if len(able) == 1 else ""

    async def of(self, group: Group, known: Mapping[str, Known], changed_at: Sequence[datetime]) -> Signal | None:
        """Return the signal of a group, looked at around these moments too; None where none is known.

        Raises:
            TimeoutError: the source took too long.
            Degraded, IntegrationError: it is not connected, or does not answer.
        """
        instance = self.source_of(group)
        if not instance:
            return None
        source = self._parts.toolbox.get(MetricsSource, instance)
        async with asyncio.timeout(DEADLINE):
            expression, alerts = await self._expression(source, group, known)
            if not expression:
                return None
            reading = expressions.read(expression)
            window = self._window(group, alerts, changed_at)
            try:
                return await self._look(source, group, alerts, expression, reading, window, changed_at)
            except Refused:
                if reading.signal == expression:
                    raise
                whole = Reading(signal=expression)  # the part that was read out of it is not what the source takes
                return await self._look(source, group, alerts, expression, whole, window, changed_at)

    async def _expression(
        self, source: MetricsSource, group: Group, known: Mapping[str, Known]
    ) -> tuple[str, list[Known]]:
        """Return an expression and the alerts that fire by it: of the links they carry, else of the rule they name."""
        ordered = sorted(known.values(), key=lambda one: (not one.episode.firing, one.episode.starts_at))
        told = [(expressions.of_url(one.generator_url), one) for one in ordered]
        first = next((expression for expression, _ in told if expression), "")
        if first:
            return first, [one for expression, one in told if expression == first]
        name = group.labels.get("alertname") or group.common.get("alertname") or ""
        if not name or not isinstance(source, AlertRules):
            return "", []
        for rule in await source.alert_rules(name):
            if all("{{" in value or group.common.get(key) == value for key, value in rule.labels.items()):
                return rule.expression, ordered
        return "", []

    def _window(self, group: Group, alerts: Sequence[Known], changed_at: Sequence[datetime]) -> Window:
        now = self._parts.clock.now()
        began = min([*(one.episode.starts_at for one in alerts), now])
        ends = [one.episode.ends_at for one in alerts if one.episode.ends_at is not None]
        over = group.over and not any(one.episode.firing for one in alerts)
        ended = max(min(max(ends, default=now), now), began) if over else now
        lasted = ended - began
        start = began - max(_BEFORE, min(lasted / 2, _LONGEST_BEFORE))
        start = min([start, *(max(at - AROUND, began - 2 * _LONGEST_BEFORE) for at in changed_at)])
        return Window(
            start=start.replace(microsecond=0),
            end=min(now, ended + max(_AFTER, lasted / 4)) if over else now,
            began=began,
            ended=ended,
        )

    async def _look(
        self,
        source: MetricsSource,
        group: Group,
        alerts: Sequence[Known],
        expression: str,
        reading: Reading,
        window: Window,
        changed_at: Sequence[datetime],
    ) -> Signal | None:
        samples: Sequence[Sample] = ()
        found: list[Sample] = []
        bounded = f"{'bottomk' if reading.above is False else 'topk'}({MOST_SAMPLES}, {reading.signal})"
        for moment in (window.end, window.began + window.step):
            samples = await source.query(bounded, min(moment, window.end))
            found = belonging(samples, group, alerts)
            if found:
                break
        if not found:
            raise Refused(self.source_of(group), "none of its series has the alert's labels")
        found.sort(key=lambda one: _badness(one.value, above=reading.above))
        chosen = [one.labels for one in found[:MOST_SERIES]]
        asked = expressions.only(reading.signal, chosen) if len(samples) > len(chosen) else reading.signal
        series = await source.query_range(asked, window.first, window.end, window.step)
        fine: Sequence[Series] = series
        if window.step > _FINE and changed_at:
            first, last = min(changed_at) - AROUND, min(max(changed_at) + AROUND, window.end)
            near = last - first <= 2 * _LONGEST_BEFORE
            fine = await source.query_range(asked, first, last, _FINE_STEP) if near else ()
        return Signal(
            reading=reading,
            expression=expression,
            window=window,
            series=series[:MOST_SERIES],
            left_out=max(len(found) - MOST_SERIES, 0),
            fine=fine[:MOST_SERIES],
        )


def belonging(samples: Iterable[Sample], group: Group, alerts: Sequence[Known]) -> list[Sample]:
    """Return the samples that a group's alerts come from, else those that do not contradict the labels it has.

    An alert has the labels of its series and those that its rule adds.
    """
    told: dict[tuple[str, ...], set[tuple[str | None, ...]]] = {}
    mine: list[Sample] = []
    others: list[Sample] = []
    for sample in samples:
        names = tuple(sample.labels)
        if names not in told:
            told[names] = {tuple(one.labels.get(name) for name in names) for one in alerts}
        if tuple(sample.labels.values()) in told[names]:
            mine.append(sample)
        elif all(group.common.get(name, value) == value for name, value in sample.labels.items()):
            others.append(sample)
    return mine or others


def _badness(value: float, *, above: bool | None) -> float:
    if math.isnan(value):
        return math.inf
    return value if above is False else -value

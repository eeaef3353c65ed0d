"""FakeAlerts: an AlertSource and AlertSilencer in memory, verified by its contract suite."""

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from integrations.capabilities.alerts import Alert, AlertGroup, Matcher, Silence
from integrations.contract import Pong
from integrations.errors import IntegrationError, NotFound, Refused


def matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    same = bool(re.fullmatch(matcher.value, value)) if matcher.is_regex else value == matcher.value
    return same == matcher.is_equal


class FakeAlerts:
    """`alerts` fire, grouped by `group_by`; `failure`, when set, is raised by every call."""

    def __init__(self, instance: str = "alertmanager", *, group_by: Sequence[str] = ("alertname",)) -> None:
        self._instance = instance
        self._group_by = group_by
        self._ids = itertools.count(1)
        self.alerts: list[Alert] = []
        self.kept: dict[str, Silence] = {}
        self.failure: IntegrationError | None = None
        self.lost: IntegrationError | None = None
        """Raised once, after a silence was made: its answer never came."""
        self.since = datetime(2026, 1, 1, tzinfo=UTC)
        self.now: datetime | None = None

    @property
    def instance(self) -> str:
        return self._instance

    async def ping(self) -> Pong:
        self._fail()
        return Pong(version="fake")

    async def close(self) -> None:
        pass

    def _now(self) -> datetime:
        return self.now or datetime.now(UTC)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _mute(self, alert: Alert) -> Alert:
        by = [
            one.id
            for one in self.kept.values()
            if one.starts_at <= self._now() < one.ends_at and all(matches(m, alert.labels) for m in one.matchers)
        ]
        return replace(alert, silenced_by=tuple(by))

    async def alert_groups(self) -> Sequence[AlertGroup]:
        self._fail()
        groups: dict[tuple[tuple[str, str], ...], list[Alert]] = {}
        for alert in self.alerts:
            key = tuple((name, alert.labels[name]) for name in self._group_by if name in alert.labels)
            groups.setdefault(key, []).append(self._mute(alert))
        return [AlertGroup(labels=dict(key), alerts=found, receiver="bot") for key, found in groups.items()]

    async def running_since(self) -> datetime:
        self._fail()
        return self.since

    async def silences(self) -> Sequence[Silence]:
        self._fail()
        return [one for one in self.kept.values() if one.ends_at > self._now()]

    async def matching(self, matchers: Sequence[Matcher]) -> Sequence[Alert]:
        self._fail()
        return [self._mute(one) for one in self.alerts if all(matches(m, one.labels) for m in matchers)]

    async def put_silence(self, silence: Silence) -> str:
        self._fail()
        if silence.ends_at <= self._now() or silence.ends_at <= silence.starts_at:
            raise Refused(self._instance, "end time can't be in the past")
        if all(matches(one, {}) for one in silence.matchers):
            raise Refused(self._instance, "at least one matcher must not match the empty string")
        ident = silence.id or f"silence-{next(self._ids)}"
        if silence.id and silence.id not in self.kept:
            raise NotFound(self._instance, "silence not found")
        self.kept[ident] = replace(silence, id=ident, state="active")
        if self.lost is not None:
            lost, self.lost = self.lost, None
            raise lost
        return ident

    async def end_silence(self, silence_id: str) -> None:
        self._fail()
        if silence_id not in self.kept:
            raise NotFound(self._instance, "silence not found")
        ended = min(self.kept[silence_id].ends_at, self._now() - timedelta(microseconds=1))
        self.kept[silence_id] = replace(self.kept[silence_id], ends_at=ended, state="expired")

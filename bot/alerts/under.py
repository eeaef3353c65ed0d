"""`Under`: which maintenance a group is wholly under."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from bot.alerts.parts import Parts
from bot.alerts.records import Known
from bot.alerts.rules import Hold
from bot.errors import UserError
from bot.freezes.windows import Calendar, Dates, Recurring
from bot.settings.alerts import MaintenanceSettings
from integrations.capabilities.alerts import Matcher
from integrations.capabilities.matchers import all_match, read


class Works(Struct, frozen=True):
    """A window in force: why, until when (None for no end), and what it is about."""

    reason: str
    until: datetime | None
    matchers: tuple[Matcher, ...]
    services: tuple[str, ...]
    environments: tuple[str, ...]


class Under:
    """Knows the windows of the configuration, and what they are about."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def in_force(self, now: datetime) -> Sequence[Works]:
        """Return the windows in force."""
        found = []
        for one in self._parts.settings().alerts.maintenance:
            window = calendar_of(one).at(now)
            if window is not None:
                matchers = tuple(read(text) for text in one.matchers)
                found.append(Works(one.reason, window.ends, matchers, one.services, one.environments))
        return found

    def hold(self, hold: Hold, firing: Iterable[Known], now: datetime) -> Hold:
        """Return a group's hold with the maintenance that all its firing alerts are under, or that are not mute."""
        loud = [one.labels for one in firing if not one.episode.muted]
        works = self.in_force(now) if self._parts.settings().alerts.maintenance and loud else ()
        found = [next((one for one in works if self._is_about(one, labels)), None) for labels in loud]
        last = [one for one in found if one is not None]
        if not last or len(last) < len(found):
            return hold if not hold.maintenance else replace(hold, maintenance="", maintenance_until=None)
        ends = [one.until for one in last if one.until is not None]
        reasons = list(dict.fromkeys(one.reason for one in last))
        return replace(hold, maintenance=", ".join(reasons)[:500], maintenance_until=min(ends) if ends else None)

    def _is_about(self, works: Works, labels: Mapping[str, str]) -> bool:
        if not all_match(works.matchers, labels):
            return False
        if not works.services and not works.environments:
            return True
        settings, catalog = self._parts.settings().alerts, self._parts.catalog()
        try:
            service = catalog.service(labels.get(settings.service_label, ""))
            named = labels.get(settings.environment_label, "")
            environment = service.environment(named).name if works.environments else ""
        except UserError:
            return False
        return (not works.services or service.name in works.services) and (
            not works.environments or environment in works.environments
        )


def calendar_of(one: MaintenanceSettings) -> Calendar:
    """Return when a window of the configuration is in force."""
    if one.begins is not None:
        return Dates(one.begins, one.ends, one.timezone)
    return Recurring(one.every, one.length or timedelta(), one.timezone)

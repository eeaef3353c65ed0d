"""`OnCall`: who is on call for a schedule, now and next."""

from dataclasses import dataclass
from datetime import datetime

from bot.identity import Person
from bot.oncall.parts import Parts
from bot.oncall.planning import layers_of
from bot.oncall.rules import Plan, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """People on call for a schedule, from a moment until before another, in UTC.

    `why` says what put them there: layer, override or calendar.
    """

    schedule: str
    people: tuple[Person, ...]
    starts_at: datetime
    ends_at: datetime
    why: str


class OnCall:
    """All schedules."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def schedules(self) -> tuple[str, ...]:
        """Return the names of the schedules, as the configuration has them."""
        return tuple(self._parts.settings().oncall.schedules)

    def schedule_of(self, service: str) -> str:
        """Return the schedule of who is on call for a service, "" where it has none."""
        catalog = self._parts.catalog()
        return catalog.service(service).oncall if service in catalog else ""

    async def now(self, schedule: str, at: datetime | None = None) -> Shift | None:
        """Return who is on call at a moment (now without one); None where nobody is, or no schedule is called so."""
        moment = at or self._parts.clock.now()
        plan = await self.plan(schedule)
        return _shift(schedule, plan.at(moment)) if plan is not None else None

    async def next(self, schedule: str) -> Shift | None:
        """Return the shift that begins after now, None where none does within 400 days."""
        plan = await self.plan(schedule)
        return _shift(schedule, plan.following(self._parts.clock.now())) if plan is not None else None

    async def plan(self, schedule: str) -> Plan | None:
        """Return all that says who is on call for a schedule, None where the configuration has none of this name."""
        found = self._parts.settings().oncall.schedules.get(schedule)
        if found is None:
            return None
        return Plan(zone=found.timezone, layers=layers_of(found, self._parts.permissions.resolve))


def _shift(schedule: str, span: Span | None) -> Shift | None:
    if span is None or not span.people:
        return None
    return Shift(schedule=schedule, people=span.people, starts_at=span.begins, ends_at=span.ends, why=span.why.value)

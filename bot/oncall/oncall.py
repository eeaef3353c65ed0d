"""`OnCall`: who is on call for a schedule, now and next."""

import contextlib
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.closest import did_you_mean
from bot.errors import BadInput
from bot.identity import Person
from bot.oncall import messages, records, workflow
from bot.oncall.changes import Changes
from bot.oncall.feeds import Feeds, NotParsed
from bot.oncall.following import Following
from bot.oncall.overrides import Overrides
from bot.oncall.overview import Overview
from bot.oncall.parts import Parts
from bot.oncall.planning import layers_of
from bot.oncall.rules import HORIZON, Plan, Span, Why

READ = "oncall.read"
"""The permission to see who is on call."""
TAKE = "oncall.take"
"""The permission to take over, hand over and take changes back."""
OVERRIDE = "oncall.override"
"""The permission to put others on call."""


class Shift(Struct, frozen=True, kw_only=True):
    """People on call for a schedule, from a moment until before another, in UTC.

    `why` says what put them there: layer, override or calendar.
    """

    schedule: str
    people: tuple[Person, ...]
    starts_at: datetime
    ends_at: datetime
    why: str


class NotKnown(Exception):
    """Who is on call cannot be told for sure; the message says why."""


class OnCall:
    """All schedules.

    `overrides` changes who is on call, `changes` tells it, `overview` shows it, `following` has Slack say it.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.feeds = Feeds(parts)
        self.overrides = Overrides(parts, self)
        self.changes = Changes(parts, self)
        self.following = Following(parts, self)
        self.overview = Overview(parts, self)

    def schedules(self) -> tuple[str, ...]:
        """Return the names of the schedules, as the configuration has them."""
        return tuple(self._parts.settings().oncall.schedules)

    def schedule_of(self, service: str) -> str:
        """Return the schedule of who is on call for a service, "" where it has none."""
        catalog = self._parts.catalog()
        return catalog.service(service).oncall if service in catalog else ""

    def services_of(self, schedule: str) -> tuple[str, ...]:
        """Return the services whose people on call a schedule names."""
        return tuple(one.name for one in self._parts.catalog().services() if one.oncall == schedule)

    def named(self, word: str) -> str:
        """Return the schedule that a word means: its own name, or that of a service that has one.

        Raises:
            BadInput: `unknown_schedule`, with what was probably meant.
        """
        name = word.strip().lower()
        known = self.schedules()
        found = name if name in known else self.schedule_of(name)
        if not found:
            near = did_you_mean(word, known) or (f"There are {', '.join(known)}." if known else "There are none.")
            raise BadInput("unknown_schedule", f'"{word}" is no schedule, and no service that has one. {near}')
        return found

    async def now(self, schedule: str, at: datetime | None = None) -> Shift | None:
        """Return who is on call at a moment (now without one); None where nobody is, or no schedule is called so."""
        moment = at or self._parts.clock.now()
        plan = await self.plan(schedule)
        return _shift(schedule, plan.at(moment)) if plan is not None else None

    async def next(self, schedule: str) -> Shift | None:
        """Return the shift that begins after now, None where none does within 400 days."""
        plan = await self.plan(schedule)
        return _shift(schedule, plan.following(self._parts.clock.now())) if plan is not None else None

    async def certain(self, schedule: str) -> tuple[Person, ...]:
        """Return who is on call now, for what may only follow what is known for sure: nobody is a good answer.

        Raises:
            NotKnown: a calendar of it cannot be read, and no override says who it is; or no schedule is called so.
        """
        plan = await self.plan(schedule)
        if plan is None:
            raise NotKnown(f"there is no schedule {schedule}")
        span = plan.at(self._parts.clock.now())
        if plan.unread and (span is None or span.why is not Why.OVERRIDE):
            raise NotKnown(f"{schedule}, {'; '.join(plan.unread)}")
        return span.people if span is not None else ()

    async def plan(self, schedule: str, conn: AsyncConnection | None = None) -> Plan | None:
        """Return all that says who is on call for a schedule, None where the configuration has none of this name.

        Raises:
            NotParsed: within the transaction of `conn` a calendar is not known; never without one.
        """
        found = self._parts.settings().oncall.schedules.get(schedule)
        if found is None:
            return None
        while conn is None:
            await self.feeds.prepare(schedule)
            with contextlib.suppress(NotParsed):  # another copy came in a moment ago
                async with self._parts.store.read() as read:
                    return await self.plan(schedule, read)
        made = await records.overrides_of(conn, schedule, since=self._parts.clock.now() - HORIZON)
        calendars = await self.feeds.calendars(conn, schedule) if found.calendars else ()
        return Plan(
            zone=found.timezone,
            layers=layers_of(found, self._parts.permissions.resolve),
            events=tuple(span for one in calendars for span in one.spans),
            overrides=tuple(one.span for one in made),
            warnings=tuple(messages.calendar(one) for one in calendars if one.problem or one.strangers),
            unread=tuple(messages.calendar(one) for one in calendars if one.problem),
        )

    def name_of(self, person: Person) -> str:
        """Return the name people read."""
        return self._parts.permissions.name_of(person)

    async def gone(self, people: Iterable[Person]) -> tuple[Person, ...]:
        """Return those of whom Slack says that they are no active members of ours."""
        return tuple([one for one in dict.fromkeys(people) if await self._parts.is_active(one) is False])

    def bind(self) -> None:
        """Give the workflows what they work on; before the engine is launched."""
        workflow.bind(self.changes)


def _shift(schedule: str, span: Span | None) -> Shift | None:
    if span is None or not span.people:
        return None
    return Shift(schedule=schedule, people=span.people, starts_at=span.begins, ends_at=span.ends, why=span.why.value)

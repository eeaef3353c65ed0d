"""`Changes`: looks who is on call when that may have changed, tells it once, and looks again at the next change.

Each look is a wake-up: a row that starts a workflow at its time, and at once after a restart that came too late. What
is told is decided by what was told last, so that one look too many changes nothing.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.identity import Channel, Person
from bot.oncall import messages, records
from bot.oncall.feeds import NotParsed
from bot.oncall.overrides import CHANGE
from bot.oncall.parts import Parts
from bot.oncall.rules import Plan, Span
from bot.reply import Note, Part, say
from bot.slack.notice import About
from bot.store import Tx
from bot.store.starts import has_begun, want
from integrations.errors import IntegrationError

if TYPE_CHECKING:
    from bot.oncall.oncall import OnCall

LATE = timedelta(minutes=5)
_AT_MOST = timedelta(days=30)
_STALE = timedelta(minutes=1)

Section = Callable[[Collection[str]], Awaitable[Sequence[Part]]]
"""(services) -> what is open there, for who takes over."""

log = structlog.get_logger()


class Look(Struct, frozen=True, kw_only=True):
    """What was gathered to tell of a change: when and for whom, where, what is open, and who cannot be on call."""

    at: datetime
    people: tuple[Person, ...] = ()
    channel: Channel | None = None
    sections: tuple[Part, ...] = ()
    gone: tuple[Person, ...] = ()


class Changes:
    """Tells the channel and the people when a shift changes. `sections` are registered by the composition root.

    Each of `on_change` is called in the transaction that tells it, with the schedule and its number of changes.
    """

    def __init__(self, parts: Parts, oncall: "OnCall") -> None:
        self._parts = parts
        self._oncall = oncall
        self.sections: list[Section] = []
        self.on_change: list[Callable[[Tx, str, int, Sequence[Person]], Awaitable[None]]] = []

    async def begin(self) -> None:
        """Have every schedule looked at: after a start, and after the configuration was read again."""
        now = self._parts.clock.now()
        async with self._parts.store.write() as tx:
            for schedule in self._oncall.schedules():
                await want(tx, f"oncall/{schedule}/look/{now:%Y%m%dT%H%M%S.%f}", CHANGE, schedule)

    async def look(self, schedule: str) -> Look:
        """Gather what is to be told if somebody else is on call now; what cannot be read is said to be so."""
        plan = await self._oncall.plan(schedule)
        async with self._parts.store.read() as conn:
            before = await records.told_last(conn, schedule)
        now = self._now(before)
        people = _people(plan.at(now)) if plan is not None else ()
        channel = await self._channel(schedule, before)
        if plan is None or before.people == people:
            return Look(at=now, people=people, channel=channel)
        gone = await self._oncall.gone(people)
        return Look(at=now, people=people, channel=channel, sections=tuple(await self._gather(schedule)), gone=gone)

    async def tell(self, tx: Tx, schedule: str, look: Look) -> None:
        """Tell that somebody else is on call, if that was not told, and have the next change looked at.

        What was gathered for somebody else or some time ago, as before a crash, is not told but gathered again.
        """
        before = await records.standing(tx, schedule)
        now = self._now(before)
        try:
            plan = await self._oncall.plan(schedule, tx.conn)
        except NotParsed:
            await self._again(tx, schedule)
            return
        if plan is None:
            return
        span = plan.at(now)
        people, first = _people(span), before.number == 0
        changed = first or people != before.people
        if changed and not first and (people != look.people or now - look.at > _STALE):
            await self._again(tx, schedule)
            return
        until = await self._wake(tx, schedule, plan, now)
        if not changed:
            if (look.channel, until) != (before.channel, before.until):
                await records.told(tx, replace(before, channel=look.channel, until=until))
            return
        since = plan.since(now, told=before.since, expected=before.until)
        number = before.number + 1
        after = replace(before, number=number, people=people, since=since, until=until, channel=look.channel)
        await records.told(tx, after)
        if not first:
            handover = messages.Handover(
                schedule=schedule,
                now=span,
                since=since,
                before=before.people,
                missed=tuple(plan.missed(before.people, now, expected=before.until)),
                coming=plan.following(now),
                sections=look.sections,
                gone=look.gone,
                late=since is not None and now - since > LATE,
            )
            await self._say(tx, handover, after)
        for hook in self.on_change:
            await hook(tx, schedule, after.number, people)

    async def _wake(self, tx: Tx, schedule: str, plan: Plan, now: datetime) -> datetime:
        """Have it looked at when the next change is due, and return when that is."""
        at = plan.changes_at(now)
        at = min(at, now + _AT_MOST) if at is not None else now + _AT_MOST
        name = f"oncall/{schedule}/{at:%Y%m%dT%H%M%S.%f}"
        if await has_begun(tx, name):  # this very look, by a clock that is ahead: it came too early
            name = f"{name}/{now:%Y%m%dT%H%M%S.%f}"
        await want(tx, name, CHANGE, schedule, at=at)
        return at

    def _now(self, before: records.Standing) -> datetime:
        """Return now; by a clock that is behind the one by which a shift was told, the beginning of that shift."""
        now = self._parts.clock.now()
        return now if before.since is None else max(now, before.since)

    async def _again(self, tx: Tx, schedule: str) -> None:
        now = self._parts.clock.now()
        await want(tx, f"oncall/{schedule}/look/{now:%Y%m%dT%H%M%S.%f}", CHANGE, schedule)

    async def _say(self, tx: Tx, handover: messages.Handover, after: records.Standing) -> None:
        message = messages.handover(handover, self._parts.permissions.name_of)
        key = f"oncall/{after.schedule}/{after.number}"
        if after.channel is not None:
            await self._parts.outbox.post(tx, key, after.channel, message, urgent=True)
        for person in dict.fromkeys((*after.people, *handover.before)):
            if person not in handover.gone:
                told = f"{key}/{person.key}"
                await self._parts.outbox.direct(tx, told, person, message, about=About.REMINDERS, urgent=True)
        log.info("oncall.changed", schedule=after.schedule, people=[one.key for one in after.people])

    async def _channel(self, schedule: str, before: records.Standing) -> Channel | None:
        """Return the channel of a schedule; where it was found last while Slack does not answer."""
        settings = self._parts.settings().oncall.schedules.get(schedule)
        if settings is None or not settings.channel:
            return None
        try:
            found = await self._parts.channel_named(settings.channel)
        except IntegrationError:
            return before.channel
        if found is None:
            log.warning("oncall.channel_unknown", schedule=schedule, channel=settings.channel)
        return found

    async def _gather(self, schedule: str) -> list[Part]:
        parts: list[Part] = []
        services = self._oncall.services_of(schedule)
        for section in self.sections if services else ():
            try:
                parts += await section(services)
            except IntegrationError as error:
                parts.append(Note(say("Not all that is open can be read now: {}", str(error)[:200])))
        return parts


def _people(span: Span | None) -> tuple[Person, ...]:
    return span.people if span is not None else ()

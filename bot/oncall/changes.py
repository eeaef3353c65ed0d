"""`Changes`: looks who is on call when that may have changed, tells it once, and looks again at the next change.

Each look is a wake-up: a row that starts a workflow at its time, and at once after a restart that came too late. What
is told is decided by what was told last, so that one look too many changes nothing.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.identity import Channel, Person
from bot.oncall import messages, records
from bot.oncall.overrides import CHANGE
from bot.oncall.parts import Parts
from bot.reply import Note, Part, say
from bot.slack.notice import About
from bot.store import Tx
from bot.store.starts import want
from integrations.errors import IntegrationError

if TYPE_CHECKING:
    from bot.oncall.oncall import OnCall

LATE = timedelta(minutes=5)
_AT_MOST = timedelta(days=30)

Section = Callable[[Collection[str]], Awaitable[Sequence[Part]]]
"""(services) -> what is open there, for who takes over."""

log = structlog.get_logger()


class Look(Struct, frozen=True, kw_only=True):
    """What was gathered to tell of a change: where, what is open, and who cannot be on call."""

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
        now = self._parts.clock.now()
        span = plan.at(now) if plan is not None else None
        async with self._parts.store.read() as conn:
            before = await records.told_last(conn, schedule)
        channel = await self._channel(schedule, before)
        if plan is None or before.people == (span.people if span is not None else ()):
            return Look(channel=channel)
        gone = await self._oncall.gone(span.people) if span is not None else ()
        return Look(channel=channel, sections=tuple(await self._gather(schedule)), gone=gone)

    async def tell(self, tx: Tx, schedule: str, look: Look) -> None:
        """Tell that somebody else is on call, if that was not told, and have the next change looked at."""
        plan = await self._oncall.plan(schedule, tx.conn)
        if plan is None:
            return
        now = self._parts.clock.now()
        at = plan.changes_at(now)
        at = min(at, now + _AT_MOST) if at is not None else now + _AT_MOST
        await want(tx, f"oncall/{schedule}/{at:%Y%m%dT%H%M%S.%f}", CHANGE, schedule, at=at)
        span = plan.at(now)
        people = span.people if span is not None else ()
        before = await records.standing(tx, schedule)
        first = before.number == 0
        if not first and people == before.people:
            if look.channel != before.channel:
                await records.told(tx, replace(before, channel=look.channel))
            return
        since = span.begins if span is not None else plan.ended_before(now)
        if since is not None and before.since is not None and since <= before.since:
            since = now  # it was changed by hand: a change taken back, another configuration
        after = replace(before, number=before.number + 1, people=people, since=since, channel=look.channel)
        await records.told(tx, after)
        if not first:
            handover = messages.Handover(
                schedule=schedule,
                now=span,
                since=since,
                before=before.people,
                coming=plan.following(now),
                sections=look.sections,
                gone=look.gone,
                late=since is not None and now - since > LATE,
            )
            await self._say(tx, handover, after)
        for hook in self.on_change:
            await hook(tx, schedule, after.number, people)

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
        for section in self.sections:
            try:
                parts += await section(self._oncall.services_of(schedule))
            except IntegrationError as error:
                parts.append(Note(say("Not all that is open can be read now: {}", str(error)[:200])))
        return parts

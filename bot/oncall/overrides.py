"""`Overrides`: people take over, hand over, put others on call, and take that back."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from bot.command import Call, Resource
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.oncall import messages, records
from bot.oncall.parts import Parts
from bot.oncall.records import Override
from bot.oncall.rules import Plan
from bot.permissions import ACCOUNT_TEAM
from bot.reply import Reply
from bot.settings.moments import read_moment
from bot.store import Tx
from bot.store.starts import want
from bot.walls import instant

if TYPE_CHECKING:
    from bot.oncall.oncall import OnCall

CHANGE = "oncall.change.v1"
"""The workflow that looks who is on call for a schedule."""

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366)
_MUCH_LATER = timedelta(days=90)


class Span(Struct, frozen=True, kw_only=True):
    """From when until when, as somebody asked: nothing is from now on, and until the shift ends that is then."""

    begins: str = ""
    until: str = ""
    duration: timedelta | None = None


class Overrides:
    """What people change about who is on call. Of two that overlap the one made later wins."""

    def __init__(self, parts: Parts, oncall: "OnCall") -> None:
        self._parts = parts
        self._oncall = oncall

    async def take(self, call: Call, schedule: str, asked: Span) -> Reply:
        """Put who asks on call, from now on.

        Raises:
            BadInput, Refused: `unknown_schedule`, `bad_end`, `on_call_already`, `nobody_there`.
        """
        name, plan = await self._plan(schedule)
        begins, ends = await self._when(call, plan, asked)
        await self._reachable(call.person)
        now = plan.at(begins)
        if now is not None and now.people == (call.person,) and ends <= now.ends:
            raise Refused("on_call_already", f"You are on call for {name} already, until {self._wall(now.ends, plan)}.")
        return await self._make(call, name, (call.person,), begins, ends)

    async def hand(self, call: Call, schedule: str, to: Person, asked: Span) -> Reply:
        """Put somebody in the place of who asks, until the end of their shift or of what they say.

        Raises:
            BadInput, Refused: `unknown_schedule`, `bad_end`, `not_on_call`, `nobody_there`.
        """
        name, plan = await self._plan(schedule)
        now = plan.at(self._parts.clock.now())
        if now is None or call.person not in now.people:
            raise Refused("not_on_call", f"You are not on call for {name} now. /oncall override puts somebody there.")
        begins, ends = await self._when(call, plan, asked)
        await self._reachable(to)
        people = tuple(dict.fromkeys(to if one == call.person else one for one in now.people))
        return await self._make(call, name, people, begins, ends)

    async def put(self, call: Call, schedule: str, person: Person, asked: Span) -> Reply:
        """Put somebody on call for a while.

        Raises:
            BadInput, Refused: `unknown_schedule`, `bad_end`, `nobody_there`.
        """
        name, plan = await self._plan(schedule)
        begins, ends = await self._when(call, plan, asked)
        await self._reachable(person)
        return await self._make(call, name, (person,), begins, ends)

    async def cancel(self, call: Call, name: str) -> Reply:
        """Take an override back, also one that holds now.

        Raises:
            BadInput, Refused: `unknown_override`, `override_over`.
        """
        async with self._parts.store.write() as tx:
            one = await self.find(tx, name)
            now = self._parts.clock.now()
            if one.ends_at <= now or not await records.cancel(tx, one, call.person, now):
                raise Refused("override_over", f"{one.id} is over or cancelled already.")
            await want(tx, f"{one.id}/cancelled", CHANGE, one.schedule)
            await self._note(tx, call, "oncall.cancel", one)
        return messages.cancelled(one, self._parts.permissions.name_of)

    async def find(self, tx: Tx | None, name: str) -> Override:
        """Return an override by its id. Raises: BadInput (`unknown_override`)."""
        if tx is not None:
            found = await records.find(tx.conn, name)
        else:
            async with self._parts.store.read() as conn:
                found = await records.find(conn, name)
        if found is None:
            raise BadInput("unknown_override", f'There is no change of who is on call "{name}": they are like O-3.')
        return found

    async def _plan(self, schedule: str) -> tuple[str, Plan]:
        name = self._oncall.named(schedule)
        plan = await self._oncall.plan(name)
        if plan is None:  # it went with a reload a moment ago
            raise BadInput("unknown_schedule", f"{name} is no schedule any more.")
        return name, plan

    async def _when(self, call: Call, plan: Plan, asked: Span) -> tuple[datetime, datetime]:
        now = self._parts.clock.now()
        if asked.duration is not None and asked.until:
            raise BadInput("bad_end", "Give --for or --until, not both.")
        zone = await self._parts.zone_of(call.person) or plan.zone
        begins = _named(asked.begins, zone, last=False) if asked.begins else now
        if begins < now - timedelta(minutes=5) or begins > now + LONGEST:
            raise BadInput("bad_end", f"{asked.begins} has passed, or is more than a year away.")
        begins = max(begins, now)
        if asked.duration is not None:
            ends = begins + asked.duration
        elif asked.until:
            ends = _named(asked.until, zone, last=True)
        else:
            there, after = plan.at(begins), plan.following(begins)
            found = there.ends if there is not None else after.begins if after is not None else None
            if found is None or found > begins + _MUCH_LATER:
                raise BadInput("bad_end", "Say until when: --for 2h, or --until '2026-12-24 18:00'.")
            ends = found
        if not SHORTEST <= ends - begins <= LONGEST:
            raise BadInput("bad_end", "It ends between 1 minute and 366 days after it begins: --for 2h, for example.")
        return begins, ends

    async def _reachable(self, person: Person) -> None:
        if person.team == ACCOUNT_TEAM or await self._parts.is_active(person) is False:
            name = self._parts.permissions.name_of(person)
            raise Refused(
                "nobody_there", f"@{name} is deactivated in Slack, a guest, or a bot: they cannot be on call."
            )

    async def _make(
        self, call: Call, schedule: str, people: tuple[Person, ...], begins: datetime, ends: datetime
    ) -> Reply:
        parts = self._parts
        now = parts.clock.now()
        wanted = Override(
            id="", schedule=schedule, people=people, begins_at=begins, ends_at=ends, made_by=call.person, made_at=now
        )
        async with parts.store.write() as tx:
            made = await records.make(tx, wanted, call.request_id)
            known = await records.overrides_of(tx.conn, schedule, since=begins)
            over = [one for one in known if one.id != made.id and one.begins_at < ends]
            await want(tx, f"{made.id}/begins", CHANGE, schedule, at=begins)
            await want(tx, f"{made.id}/ends", CHANGE, schedule, at=ends)
            for person in people:
                if person != call.person:
                    key = f"{made.id}/assigned/{person.key}"
                    await parts.outbox.direct(tx, key, person, messages.assigned(made, parts.permissions.name_of))
            await self._note(tx, call, "oncall.override", made)
        return messages.made(made, over, parts.permissions.name_of)

    async def _note(self, tx: Tx, call: Call, action: str, one: Override) -> None:
        services = self._oncall.services_of(one.schedule)
        await self._parts.audit.record(
            tx,
            actor=call.person,
            action=action,
            outcome="succeeded",
            resource=Resource(services[0] if len(services) == 1 else ""),
            request_id=call.request_id,
            subject=one.id,
            data={
                "schedule": one.schedule,
                "people": ", ".join(person.key for person in one.people),
                "from": one.begins_at.isoformat(),
                "until": one.ends_at.isoformat(),
            },
        )

    @staticmethod
    def _wall(at: datetime, plan: Plan) -> str:
        return f"{messages.wall(at, plan.zone)} {plan.zone}"


def _named(text: str, zone: str, *, last: bool) -> datetime:
    try:
        named = read_moment(text, last=last)
        return named if named.tzinfo is not None else instant(named, zone)
    except (ValueError, OverflowError):
        raise BadInput("bad_end", f"{text} is no date: write 2026-12-24, or '2026-12-24 18:00'.") from None

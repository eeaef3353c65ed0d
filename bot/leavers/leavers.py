"""`Leavers`: who left, remembered; what was theirs, handed to their teams with one notice each."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from msgspec import Struct

from bot.access.access import Access
from bot.audit import SHIPMATE, Audit
from bot.clock import Clock
from bot.command import Resource
from bot.identity import Channel, Person
from bot.leavers import messages, records
from bot.leavers.records import Left, Why
from bot.permissions import ACCOUNT_TEAM
from bot.slack.outbox import Outbox
from bot.store import Store

log = structlog.get_logger()


class Parts(Struct, frozen=True, kw_only=True):
    """What leavers need.

    `deactivated` asks Slack, and tells False where it does not answer; `channel_of` finds where a service's news goes,
    that of announcements for "".
    """

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    access: Access
    name_of: Callable[[Person], str]
    deactivated: Callable[[Person], Awaitable[bool]]
    channel_of: Callable[[str], Awaitable[Channel | None]]


class Leavers:
    """Who left. `gone` and `ownerless` are answered from memory, which `load` fills."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: Mapping[Person, Why] = {}

    def gone(self, person: Person) -> bool:
        """Tell whether a person has no rights any more, whatever names them."""
        return self._known.get(person) is Why.SLACK

    def ownerless(self, person: Person) -> bool:
        """Tell whether what this person holds is anybody's."""
        return person in self._known

    async def has_left(self, person: Person) -> bool:
        """Tell whether a person left, asking Slack where that is not known."""
        if person.team == ACCOUNT_TEAM:
            return False
        return self.gone(person) or await self._parts.deactivated(person)

    async def load(self) -> None:
        """Read again who left: a replica may have learned it."""
        async with self._parts.store.read() as conn:
            self._known = await records.everybody(conn)

    async def leave(self, person: Person, why: Why = Why.SLACK) -> bool:
        """Note that somebody left and hand over what was theirs; false, and nothing is done, when that is known.

        Raises:
            StoreUnavailable: it could not be noted; the next sweep finds it.
        """
        parts = self._parts
        now = parts.clock.now()
        async with parts.store.read() as conn:
            found = await records.left_by(conn, person, now)
        channels = {service: await parts.channel_of(service) for service in _services(found)}
        async with parts.store.write(urgent=True) as tx:
            if not await records.add(tx, person, why, now):
                return False
            left = await records.left_by(tx.conn, person, now)
            lent = await parts.access.drop(tx, person, SHIPMATE)
            name = parts.name_of(person)
            for channel, of_team in _by_channel(left, channels).items():
                key = f"left/{person.key}/{now:%Y%m%dT%H%M%S.%f}/{channel.key}"
                await parts.outbox.post(tx, key, channel, messages.notice(name, why, of_team), urgent=True)
            await parts.audit.record(
                tx,
                actor=SHIPMATE,
                action="person.left",
                outcome="succeeded",
                resource=Resource(),
                data={
                    "person": person.key,
                    "why": why.value,
                    "locks": [one.id for one in left.locks],
                    "asked": list(left.asked),
                    "approved": list(left.approved),
                    "access": [one.id for one in lent],
                },
            )
            tx.after_commit(lambda: self._remember(person, why))
        log.info("person.left", person=person.key, why=why.value, locks=len(left.locks))
        return True

    async def back(self, person: Person, why: Why = Why.SLACK) -> None:
        """Note that somebody is here again; what was handed over stays where it is."""
        if self._known.get(person) is not why:
            return
        async with self._parts.store.write() as tx:
            if await records.remove(tx, person, why):
                await self._parts.audit.record(
                    tx,
                    actor=SHIPMATE,
                    action="person.back",
                    outcome="succeeded",
                    resource=Resource(),
                    data={"person": person.key, "why": why.value},
                )
            tx.after_commit(lambda: self._forget(person))

    async def sweep(self, more: Iterable[Person] = ()) -> None:
        """Look whether anybody who holds something, or one of `more`, was deactivated while nobody told us."""
        await self.load()
        async with self._parts.store.read() as conn:
            people = {*await records.with_something(conn, self._parts.clock.now()), *more}
        for person in sorted(one for one in people if one.team != ACCOUNT_TEAM and not self.gone(one)):
            if await self._parts.deactivated(person):
                await self.leave(person)

    def _remember(self, person: Person, why: Why) -> None:
        self._known = {**self._known, person: why}

    def _forget(self, person: Person) -> None:
        self._known = {one: why for one, why in self._known.items() if one != person}


def _services(left: Left) -> set[str]:
    return {"", *(one.scope.service for one in left.locks), *left.asked.values(), *left.approved.values()}


def _by_channel(left: Left, channels: Mapping[str, Channel | None]) -> Mapping[Channel, Left]:
    """Return what each channel is told of: its services' things, and what belongs to no service to the common one."""
    services: defaultdict[Channel, set[str]] = defaultdict(set)
    for service in _services(left):
        channel = channels.get(service) or channels.get("")
        if channel is not None:
            services[channel].add(service)
    shares = {
        channel: Left(
            locks=tuple(one for one in left.locks if one.scope.service in names),
            asked={one: service for one, service in left.asked.items() if service in names},
            approved={one: service for one, service in left.approved.items() if service in names},
        )
        for channel, names in services.items()
    }
    return {channel: share for channel, share in shares.items() if share}

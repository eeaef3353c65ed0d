"""`Declarations`: people freeze a scope, give it another end, and lift it; channels concerned are told."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from bot.audit import SHIPMATE
from bot.changes import records as changes
from bot.errors import BadInput, Refused
from bot.freezes import messages, records
from bot.freezes.parts import Parts, resource_of
from bot.freezes.records import Declared
from bot.freezes.rules import Freeze, State
from bot.identity import Channel, Person
from bot.locks.rules import STALE, Scope, nag_at
from bot.reply import Message
from bot.settings.freezes import LONGEST, SHORTEST
from bot.settings.moments import read_moment
from bot.store import Tx
from bot.store.starts import want
from bot.walls import instant

if TYPE_CHECKING:
    from bot.freezes.freezes import Freezes

EXPIRE = "freeze.expire.v1"
NAG = "freeze.nag.v1"


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants frozen, why, and for how long or until when: neither is until it is lifted."""

    scope: Scope
    person: Person
    reason: str
    duration: timedelta | None = None
    until: str = ""
    asked_in: Channel | None = None
    request_id: str = ""


class Declarations:
    """What people freeze and lift."""

    def __init__(self, parts: Parts, freezes: "Freezes") -> None:
        self._parts = parts
        self._freezes = freezes

    async def declare(self, wish: Wish) -> tuple[Declared, bool]:
        """Freeze, or give the freeze of exactly this scope another end and reason; answer it, and whether it was there.

        Raises:
            BadInput: there is no reason, or the end is not one.
        """
        parts = self._parts
        now = parts.clock.now()
        if not wish.reason.strip():
            raise BadInput("no_reason", 'A freeze needs a reason for those who wait: --reason "the auditors are here".')
        ends = await self._end_of(wish, now)
        wanted = Declared(
            id="",
            scope=wish.scope,
            person=wish.person,
            reason=wish.reason.strip(),
            begun_at=now,
            ends_at=ends,
            channel=wish.asked_in,
        )
        channels = await self._channels(wish.scope)
        async with parts.store.write() as tx:
            made = await records.begin(tx, wanted)
            there = None if made is not None else await records.holding(tx, wish.scope)
            extended = there is not None
            if there is not None:
                made = replace(there, reason=wanted.reason, ends_at=ends)
                await records.extend(tx, made)
            if made is None:
                raise Refused("freeze_raced", f"The freeze of {messages.what(wish.scope)} changed just now. Ask again.")
            freeze = made
            if ends is not None:
                await want(tx, f"{freeze.id}/expire/{ends:%Y%m%dT%H%M%S.%f}", EXPIRE, freeze.id, at=ends)
            await self._ask_later(tx, freeze, now)
            message = messages.declared(freeze, parts.permissions.name_of(wish.person), extended=extended)
            concerned = {*channels, freeze.channel} - {wish.asked_in}
            await self._announce(tx, concerned, f"{freeze.id}/declared/{wish.request_id}", message)
            await self._change(tx, freeze, changes.Kind.FROZEN, by=wish.person, at=now)
            await self._freezes.changed(tx, wish.scope)
            await self._note(tx, freeze, wish.person, "extend" if extended else "declare", wish.request_id)
            return freeze, extended

    async def lift(
        self, scope: Scope, person: Person, *, asked_in: Channel | None = None, request_id: str = ""
    ) -> Declared:
        """End the freeze that a person declared over exactly this scope.

        Raises:
            Refused: it is not frozen (`not_frozen`), or by the configuration (`frozen_by_configuration`).
        """
        channels = await self._channels(scope)
        async with self._parts.store.write() as tx:
            freeze = await records.holding(tx, scope)
            now = self._parts.clock.now()
            if freeze is None or (freeze.ends_at is not None and freeze.ends_at <= now):
                raise await self._not_lifted(tx, scope)
            message = messages.lifted(freeze, self._parts.permissions.name_of(person))
            await self._announce(tx, {*channels, freeze.channel} - {asked_in}, f"{freeze.id}/lifted", message)
            await self._end(tx, freeze, State.LIFTED, by=person, request_id=request_id)
            return freeze

    async def expire(self, freeze_id: str) -> None:
        """End a freeze whose time is over, tell the channels, let go on what waited; one that was changed stays."""
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            known = await records.find(conn, freeze_id)
        if known is None or known.state is not State.IN_FORCE:
            return
        channels = await self._channels(known.scope)
        async with self._parts.store.write() as tx:
            freeze = await records.get(tx, freeze_id)
            if freeze is None or freeze.state is not State.IN_FORCE or freeze.ends_at is None or now < freeze.ends_at:
                return
            await self._announce(tx, {*channels, freeze.channel}, f"{freeze.id}/ended", messages.ended(freeze))
            await self._end(tx, freeze, State.EXPIRED, by=None, request_id="")

    async def nag(self, freeze_id: str) -> None:
        """Ask who declared a freeze whether it is still needed: shortly before its end, and daily where it has none."""
        now = self._parts.clock.now()
        async with self._parts.store.write() as tx:
            freeze = await records.get(tx, freeze_id)
            if freeze is None or freeze.state is not State.IN_FORCE:
                return
            ends, begun = freeze.ends_at, freeze.begun_at
            if ends is not None and not nag_at(begun, ends) <= now < ends:
                return
            last = now - STALE if ends is None else nag_at(begun, ends)
            if await records.note_nag(tx, freeze, now, not_since=last):
                key = f"{freeze.id}/nag/{now:%Y%m%dT%H%M%S}"
                await self._parts.outbox.direct(tx, key, freeze.person, messages.nag(freeze))
                if ends is None:
                    await self._ask_later(tx, freeze, now)

    async def _ask_later(self, tx: Tx, freeze: Declared, now: datetime) -> None:
        at = now + STALE if freeze.ends_at is None else nag_at(freeze.begun_at, freeze.ends_at)
        await want(tx, f"{freeze.id}/nag/{at:%Y%m%dT%H%M%S.%f}", NAG, freeze.id, at=at)

    async def _end_of(self, wish: Wish, now: datetime) -> datetime | None:
        if wish.duration is not None and wish.until:
            raise BadInput("bad_end", "Give --for or --until, not both.")
        if wish.duration is not None:
            ends = now + wish.duration
        elif wish.until:
            zone = await self._parts.zone_of(wish.person) or "UTC"
            try:
                named = read_moment(wish.until, last=True)
                ends = named if named.tzinfo is not None else instant(named, zone, last=True)
            except (ValueError, OverflowError):
                raise BadInput(
                    "bad_end", f"{wish.until} is no date: write --until 2026-12-24 or --until '2026-12-24 18:00'."
                ) from None
        else:
            return None
        if not SHORTEST <= ends - now <= LONGEST:
            raise BadInput("bad_end", "A freeze ends between 1 minute and 366 days from now: --for 2d, for example.")
        return ends

    async def _not_lifted(self, tx: Tx, scope: Scope) -> Refused:
        named = messages.what(scope)
        for halt in await self._freezes.in_force(tx.conn):
            freeze = halt.freeze
            if freeze.person is None and self._about(freeze, scope):
                return Refused(
                    "frozen_by_configuration",
                    f"{named} is frozen by {freeze.name} of the configuration: it is changed there. "
                    f"Who may deploy all the same, with a reason: {', '.join(freeze.exceptions) or 'nobody'}.",
                    moves=(messages.calendar_button(scope.service),),
                )
        return Refused("not_frozen", f"{named} is not frozen by anybody.", moves=(messages.calendar_button(),))

    def _about(self, freeze: Freeze, scope: Scope) -> bool:
        places = (Scope(one.service, one.environment, one.target) for one in self._parts.catalog().places())
        return any(
            freeze.covers(one, production_like=self._freezes.production_like(one))
            for one in places
            if _within(one, scope)
        )

    async def _channels(self, scope: Scope) -> set[Channel | None]:
        """Return the channels of the services that a scope is about."""
        catalog = self._parts.catalog()
        concerned = {one.service for one in catalog.places() if _within(Scope(one.service, one.environment), scope)}
        by_name = {catalog.service(name).channel: catalog.service(name) for name in sorted(concerned)}
        return {await self._parts.channel_of(service, None) for service in by_name.values()}

    async def _announce(self, tx: Tx, channels: Collection[Channel | None], key: str, message: Message) -> None:
        for channel in sorted(one for one in channels if one is not None):
            await self._parts.outbox.post(tx, f"{key}/{channel.key}", channel, message)

    async def _end(self, tx: Tx, freeze: Declared, state: State, *, by: Person | None, request_id: str) -> None:
        now = self._parts.clock.now()
        if not await records.end(tx, freeze, state, at=now, by=by):
            return
        await self._change(tx, freeze, changes.Kind.UNFROZEN, by=by, at=now)
        await self._freezes.changed(tx, freeze.scope)
        await self._note(tx, freeze, by or SHIPMATE, state.value, request_id)

    async def _change(self, tx: Tx, freeze: Declared, kind: changes.Kind, *, by: Person | None, at: datetime) -> None:
        said = "frozen" if kind is changes.Kind.FROZEN else "no longer frozen"
        await changes.record(
            tx,
            changes.Change(
                kind=kind,
                subject=freeze.id,
                summary=f"{messages.what(freeze.scope)} {said}: {freeze.reason}",
                at=at,
                service=freeze.scope.service,
                environment=freeze.scope.environment,
                target=freeze.scope.target,
                person=by,
            ),
        )

    async def _note(self, tx: Tx, freeze: Declared, person: Person, action: str, request_id: str) -> None:
        await self._parts.audit.record(
            tx,
            actor=person,
            action=f"freeze.{action}",
            outcome="succeeded",
            resource=resource_of(freeze.scope),
            request_id=request_id,
            subject=freeze.id,
            data={
                "scope": messages.what(freeze.scope),
                "reason": freeze.reason,
                "until": freeze.ends_at.isoformat() if freeze.ends_at else "",
            },
        )


def _within(place: Scope, scope: Scope) -> bool:
    """Tell whether a place is in a scope whose empty fields mean all."""
    return (
        scope.service in {"", place.service}
        and scope.environment in {"", place.environment}
        and (not place.target or scope.target in {"", place.target})
    )

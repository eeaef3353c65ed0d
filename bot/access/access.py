"""`Access`: ask for a right, decide about it, give it back. What is held is looked up whenever it counts."""

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from bot.access import messages, records
from bot.access.records import Request
from bot.access.rules import ANSWERED_WITHIN, GRANT, No, State, may_ask, may_decide, over
from bot.audit import Audit
from bot.catalog import Catalog
from bot.clock import Clock
from bot.command import Resource
from bot.errors import BadInput, NotAllowed, Refused
from bot.identity import Channel, Person
from bot.permissions import ACCOUNT_TEAM, MembershipUnreadable, Permissions, decide
from bot.reply import Reply
from bot.slack.outbox import Outbox
from bot.store import Store, StoreUnavailable, Tx

MOST_TOLD = 10
"""So many people are asked at most; the buttons work for all who may decide."""


class Parts(Struct, frozen=True, kw_only=True):
    """What access is made of. `known` are the permissions there are; `channel_of` finds where a service's news goes."""

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    permissions: Permissions
    catalog: Callable[[], Catalog]
    known: Collection[str]
    channel_of: Callable[[str], Awaitable[Channel | None]]


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody asks for: empty parts of `where` mean all of them."""

    person: Person
    permission: str
    where: Resource
    length: timedelta
    reason: str
    request_id: str


class Access:
    """Rights for a while."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def ask(self, wish: Wish) -> Reply:
        """Ask the owners of the service, or who holds `access.grant` there.

        Raises:
            BadInput: there is no such permission (`unknown_permission`), no reason, or a length out of bounds.
            Refused: it cannot be lent (`not_lendable`), to an account neither (`not_in_team`).
        """
        parts = self._parts
        if wish.person.team == ACCOUNT_TEAM:
            raise Refused("not_in_team", "Only people ask for rights; accounts get them in the configuration.")
        no = may_ask(wish.permission, frozenset(parts.known), wish.length, wish.reason)
        if no is not None:
            raise (Refused if no.code == "not_lendable" else BadInput)(no.code, no.words)
        deciders = await self._deciders(wish)
        channel = None if deciders else await parts.channel_of(wish.where.service)
        request = Request(
            id="",
            person=wish.person,
            permission=wish.permission,
            where=wish.where,
            reason=wish.reason.strip(),
            length=wish.length,
            asked_at=parts.clock.now(),
        )
        async with parts.store.write() as tx:
            request_id = await records.add(tx, request, wish.request_id)
            if not request_id:
                known = await records.asked_by(tx.conn, wish.request_id)
                return messages.sent(known or request, len(deciders))
            request = replace(request, id=request_id)
            question = messages.asked(request, parts.permissions.name_of)
            for person in deciders:
                await parts.outbox.direct(tx, f"{_key(request)}/{person.key}", person, question, subject=request.id)
            if channel is not None:
                await parts.outbox.post(tx, _key(request), channel, question, subject=request.id, urgent=True)
            await self._record(tx, request, wish.person, "access.asked", wish.request_id)
        return messages.sent(request, len(deciders))

    async def grant(self, request_id: str, person: Person, *, delivery: str = "") -> Reply:
        """Give the right from now on, for as long as it was asked for.

        Raises:
            BadInput: there is no such request (`unknown_request`).
            Refused: it is decided (`decided`) or too old (`expired`), or this person may not decide.
        """
        return await self._decide(request_id, person, State.GRANTED, delivery)

    async def reject(self, request_id: str, person: Person, *, delivery: str = "") -> Reply:
        """Turn a request down. Raises as `grant` does."""
        return await self._decide(request_id, person, State.REJECTED, delivery)

    async def revoke(self, request_id: str, person: Person, *, delivery: str = "") -> Reply:
        """Take a right back at once; who holds it may give it back.

        Raises:
            BadInput: there is no such request (`unknown_request`).
            Refused: it is not held (`not_held`), or this person may not decide.
        """
        request = await self._get(request_id)
        if person != request.person:
            await self._check(request, person)
        now = self._parts.clock.now()
        ended = replace(request, state=State.REVOKED, decided_by=person, decided_at=now, ends_at=now)
        async with self._parts.store.write(urgent=True) as tx:
            if over(now, request.ends_at) or not await records.decide(tx, ended, was=State.GRANTED):
                raise Refused("not_held", f"{request.id} is not held: it is {request.state.value}, or has ended.")
            await self._tell(tx, ended)
            await self._record(tx, ended, person, "access.revoked", delivery)
        return messages.answer(ended, self._parts.permissions.name_of)

    async def held(self, person: Person, permission: str, resource: Resource) -> str:
        """Return in words which right for a while lets a person do this now, "" when none does or nobody can tell."""
        try:
            async with self._parts.store.read() as conn:
                found = await records.held(conn, person, self._parts.clock.now())
        except StoreUnavailable:
            return ""
        return next((_rule(one, self._parts) for one in found if one.covers(permission, resource)), "")

    async def list(self) -> Reply:
        """Return what is held for a while by whom, and what is asked for."""
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            standing = await records.standing(conn, now, now - ANSWERED_WITHIN)
        return messages.listed(standing, self._parts.permissions.name_of)

    async def drop(self, tx: Tx, person: Person, by: Person) -> tuple[Request, ...]:
        """End all that a person holds or asks for, because they left; return it."""
        now = self._parts.clock.now()
        ended = []
        for one in await records.standing(tx.conn, now, now - ANSWERED_WITHIN):
            if one.person == person:
                gone = replace(one, state=State.REVOKED, decided_by=by, decided_at=now, ends_at=now)
                if await records.decide(tx, gone, was=one.state):
                    ended.append(one)
                    question = messages.asked(gone, self._parts.permissions.name_of)
                    await self._parts.outbox.amend(tx, _key(gone), question)
        return tuple(ended)

    async def _decide(self, request_id: str, person: Person, state: State, delivery: str) -> Reply:
        request = await self._get(request_id)
        await self._check(request, person)
        now = self._parts.clock.now()
        if over(now, request.asked_at + ANSWERED_WITHIN):
            raise Refused("expired", f"{request.id} was asked more than a day ago: it has to be asked again.")
        ends = now + request.length if state is State.GRANTED else None
        decided = replace(request, state=state, decided_by=person, decided_at=now, ends_at=ends)
        async with self._parts.store.write(urgent=True) as tx:
            if not await records.decide(tx, decided, was=State.ASKED):
                known = await records.get(tx.conn, request.id)
                if known is not None and (known.state, known.decided_by) == (state, person):
                    return messages.answer(known, self._parts.permissions.name_of)
                raise Refused("decided", f"{request.id} is decided already: {known.state.value if known else 'gone'}.")
            await self._tell(tx, decided)
            await self._record(tx, decided, person, f"access.{state.value}", delivery)
        return messages.answer(decided, self._parts.permissions.name_of)

    async def _tell(self, tx: Tx, request: Request) -> None:
        name_of = self._parts.permissions.name_of
        await self._parts.outbox.amend(tx, _key(request), messages.asked(request, name_of))
        key = f"access-decided/{request.id}/{request.state.value}"
        told = messages.decided(request, name_of)
        await self._parts.outbox.direct(tx, key, request.person, told, subject=request.id)

    async def _record(self, tx: Tx, request: Request, by: Person, action: str, delivery: str) -> None:
        await self._parts.audit.record(
            tx,
            actor=by,
            action=action,
            outcome="succeeded",
            resource=request.where,
            request_id=delivery,
            subject=request.id,
            data={
                "person": request.person.key,
                "permission": request.permission,
                "reason": request.reason[:500],
                "seconds": int(request.length.total_seconds()),
                **({"until": request.ends_at.isoformat()} if request.ends_at else {}),
            },
        )

    async def _get(self, request_id: str) -> Request:
        async with self._parts.store.read() as conn:
            found = await records.get(conn, request_id)
        if found is None:
            raise BadInput("unknown_request", f"There is no request {request_id}: AR-3 is expected.")
        return found

    async def _check(self, request: Request, person: Person) -> None:
        permissions, owners = self._parts.permissions, self._owners(request.where.service)
        granted = await permissions.check(person, GRANT, request.where, fresh=True)
        try:
            groups = await permissions.groups_of(person, fresh=True, among=owners)
        except MembershipUnreadable as error:
            if not granted.allowed:
                code = "membership_unreadable"
                raise Refused(code, f"Who is in which group cannot be read now ({error}). Try again later.") from error
            groups = frozenset()
        no: No | None = may_decide(person, request.person, groups, owners, granted=granted.allowed)
        if no is not None:
            raise NotAllowed(no.code, no.words)

    async def _deciders(self, wish: Wish) -> tuple[Person, ...]:
        permissions = self._parts.permissions
        groups = self._owners(wish.where.service) or frozenset(
            decide(permissions.grants, (), GRANT, wish.where).who_could
        )
        found: set[Person] = set()
        for group in sorted(groups):
            try:
                found |= await permissions.members(group)
            except MembershipUnreadable:
                continue
            if (one := permissions.person(group)) is not None:
                found.add(one)
        return tuple(sorted(one for one in found if one != wish.person and one.team != ACCOUNT_TEAM)[:MOST_TOLD])

    def _owners(self, service: str) -> frozenset[str]:
        known = {one.name: one for one in self._parts.catalog().services()}
        return frozenset(known[service].owners) if service in known else frozenset()


def _key(request: Request) -> str:
    return f"access/{request.id}"


def _rule(request: Request, parts: Parts) -> str:
    by = parts.permissions.name_of(request.decided_by) if request.decided_by else "nobody"
    ends = f" until {request.ends_at:%Y-%m-%d %H:%M} UTC" if request.ends_at else ""
    return f"@{by} granted {request.permission} on {messages.place(request.where)}{ends} ({request.id})"

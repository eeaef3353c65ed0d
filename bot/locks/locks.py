"""`Locks`: take, extend, take over, release; what stands in the way of a place."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import SHIPMATE, Audit
from bot.changes import records as changes
from bot.clock import Clock
from bot.command import Resource
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.locks import messages, records
from bot.locks.records import Lock
from bot.locks.rules import MAXIMUM, MINIMUM, STALE, Owner, Scope, State, in_force, nag_at
from bot.reply import Message, say
from bot.slack.notice import About
from bot.slack.outbox import Outbox
from bot.store import Store, Tx
from bot.store.starts import want

EXPIRE = "lock.expire.v1"
NAG = "lock.nag.v1"
OnReleased = Callable[[Tx, Scope], Awaitable[None]]


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants to lock: for how long (None: until unlocked), why, and for whom if not for a person."""

    scope: Scope
    person: Person
    reason: str = ""
    duration: timedelta | None = None
    owner_kind: Owner = Owner.PERSON
    owner: str = ""
    request_id: str = ""

    @property
    def held_by(self) -> str:
        """The owner's id: the person's key where nothing else is named."""
        return self.owner or self.person.key


class Taken(Struct, frozen=True):
    """What became of a wish: the lock, and whether it was ours before."""

    lock: Lock
    extended: bool


class Locks:
    """The locks of everything.

    `name_of` gives a person's name. Each of `on_released` is called in the transaction that frees a scope or gives it
    to somebody else. `ownerless` tells whether somebody left: whoever may lock may take and release what is theirs.
    """

    def __init__(
        self, *, store: Store, clock: Clock, audit: Audit, outbox: Outbox, name_of: Callable[[Person], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._outbox = outbox
        self._name_of = name_of
        self.on_released: list[OnReleased] = []
        self.ownerless: Callable[[Person], bool] = lambda _person: False

    async def blocking(self, conn: AsyncConnection, scope: Scope, person: Person | None = None) -> Lock | None:
        """Return the lock that stands in the way of `scope` now, for this `person`, whose own lock does not.

        Raises:
            Refused: there is one that cannot be read (code `lock_unreadable`).
        """
        return await records.blocking(conn, scope, self._clock.now(), person=person)

    async def take(self, wish: Wish) -> Taken:
        """Take a lock, or extend it where its owner asks again.

        Raises:
            BadInput: the duration is out of bounds.
            Refused: somebody else holds it (code `locked`); nothing has changed.
        """
        now = self._clock.now()
        expires_at = self._expiry(wish, now)
        async with self._store.write() as tx:
            over = await self._over(tx, wish.scope)
            lock = await records.claim(tx, self._wanted(wish, now, expires_at))
            if lock is not None:
                if over is not None:
                    await self._expired(tx, over, tell=over.person != wish.person)
                await self._announce(tx, lock, wish, "lock.take")
                return Taken(lock, extended=False)
            current = await records.holder(tx, wish.scope)
            if current is None:
                raise Refused("lock_raced", f"The lock on {wish.scope} changed hands just now. Ask again.")
            if (current.owner_kind, current.owner) != (wish.owner_kind, wish.held_by):
                if self._is_ownerless(current):
                    return await self._taken_over(tx, wish, current, expires_at)
                raise self.refusal(current)
            reason = wish.reason or current.reason
            await records.extend(tx, current, reason=reason, expires_at=expires_at)
            extended = self._wanted(wish, current.taken_at, expires_at, lock_id=current.id, reason=reason)
            await self._deadlines(tx, extended)
            await self._note(tx, extended, wish.person, "lock.extend", wish.request_id)
            return Taken(extended, extended=True)

    async def take_over(self, wish: Wish, *, lock_id: str) -> Taken:
        """Make the lock `lock_id` one's own and tell its holder. Raises: Refused when it is no longer that one."""
        now = self._clock.now()
        expires_at = self._expiry(wish, now)
        async with self._store.write() as tx:
            current = await self._in_force(tx, wish.scope)
            if current is None:
                raise Refused("not_locked", f"{wish.scope} is not locked any more.")
            if current.owner == wish.held_by:
                return Taken(current, extended=True)
            if lock_id and current.id != lock_id:
                raise self.refusal(current)
            return await self._taken_over(tx, wish, current, expires_at)

    async def release(self, scope: Scope, person: Person, *, request_id: str = "") -> Lock:
        """Release one's own lock.

        Raises:
            Refused: it is not locked (`not_locked`) or somebody else's (`not_your_lock`).
        """
        async with self._store.write() as tx:
            current = await self._in_force(tx, scope)
            if current is None:
                raise Refused("not_locked", f"{scope} is not locked.")
            if current.person != person and not self._is_ownerless(current):
                name = self._name_of(current.person)
                raise Refused(
                    "not_your_lock",
                    say("*{}* is {}. Who holds it unlocks it.", scope, messages.standing(current, name)),
                    moves=(messages.ask_button(current, name), messages.take_over_button(current, name)),
                )
            await self._end(tx, current, State.RELEASED, by=person, request_id=request_id)
            return current

    async def release_owned(self, tx: Tx, owner_kind: Owner, owner: str, scope: Scope) -> None:
        """Release the lock that a change or incident holds on `scope`; that there is none is no error."""
        current = await records.holder(tx, scope)
        if current is not None and (current.owner_kind, current.owner) == (owner_kind, owner):
            await self._end(tx, current, State.RELEASED, by=current.person, request_id="")

    async def drop(self, tx: Tx, lock_id: str, person: Person, request_id: str) -> None:
        """Release a lock, whoever holds it; one that is over is left alone."""
        current = await records.get(tx, lock_id)
        if current is not None:
            await self._end(tx, current, State.RELEASED, by=person, request_id=request_id)

    async def expire(self, lock_id: str) -> None:
        """End a lock whose time is over and tell its holder; one that was extended or ended is left alone."""
        now = self._clock.now()
        async with self._store.write() as tx:
            lock = await records.get(tx, lock_id)
            if lock is None or lock.state is not State.HELD or lock.expires_at is None or now < lock.expires_at:
                return
            if await records.end(tx, lock, State.EXPIRED, at=now, by=None):
                await self._expired(tx, lock)

    async def nag(self, lock_id: str) -> None:
        """Ask the holder whether the lock is still needed: once per end, and once a day where it has none."""
        now = self._clock.now()
        async with self._store.write() as tx:
            lock = await records.get(tx, lock_id)
            if lock is None or lock.state is not State.HELD:
                return
            if lock.expires_at is None:
                if await records.note_stale(tx, lock, now):
                    key = f"{lock.id}/stale/{now:%Y%m%dT%H%M%S}"
                    await self._outbox.direct(tx, key, lock.person, messages.stale(lock))
                    await self._ask_later(tx, lock, now)
                return
            if now < nag_at(lock.taken_at, lock.expires_at) or now >= lock.expires_at:
                return
            if await records.note_nag(tx, lock):
                key = f"{lock.id}/nag/{lock.expires_at:%Y%m%dT%H%M%S}"
                await self._outbox.direct(tx, key, lock.person, messages.nag(lock), about=About.REMINDERS)

    async def ask_holder(self, scope: Scope, asker: Person, request_id: str) -> Lock:
        """Ask whoever holds `scope` whether they still need it. Raises: Refused when it is not locked."""
        async with self._store.write() as tx:
            current = await self._in_force(tx, scope)
            if current is None:
                raise Refused("not_locked", f"{scope} is not locked any more.")
            message = messages.asked(current, self._name_of(asker))
            await self._outbox.direct(tx, f"{current.id}/asked/{request_id}", current.person, message)
            return current

    def refusal(self, lock: Lock) -> Refused:
        """Return the refusal to take a lock that somebody holds."""
        name = self._name_of(lock.person)
        return Refused(
            "locked",
            say("*{}* is {}.", lock.scope, messages.standing(lock, name)),
            moves=(messages.ask_button(lock, name), messages.take_over_button(lock, name)),
        )

    def standing(self, lock: Lock) -> Message:
        """Return a lock as a line to show."""
        return Message(summary=str(messages.standing(lock, self._name_of(lock.person))))

    def name_of(self, lock: Lock) -> str:
        """Return the name of who holds it."""
        return self._name_of(lock.person)

    async def _taken_over(self, tx: Tx, wish: Wish, current: Lock, expires_at: datetime | None) -> Taken:
        await records.end(tx, current, State.TAKEN_OVER, at=self._clock.now(), by=wish.person)
        ends, reason = expires_at or current.expires_at, wish.reason or current.reason
        lock = await records.claim(tx, self._wanted(wish, self._clock.now(), ends, reason=reason))
        if lock is None:
            raise Refused("lock_raced", f"The lock on {wish.scope} changed hands just now. Ask again.")
        told = messages.told_victim(current, self._name_of(wish.person))
        await self._outbox.direct(tx, f"{current.id}/taken-over", current.person, told)
        for hook in self.on_released:  # the new holder's own deployments may go now
            await hook(tx, wish.scope)
        await self._announce(tx, lock, wish, "lock.take_over", was=current)
        return Taken(lock, extended=False)

    async def _in_force(self, tx: Tx, scope: Scope) -> Lock | None:
        """Return who holds a scope now; one whose time is over holds it no more, whenever that is written."""
        current = await records.holder(tx, scope)
        return current if current is not None and self._counts(current) else None

    async def _over(self, tx: Tx, scope: Scope) -> Lock | None:
        """End the lock on a scope if its time is over, and return it; `_expired` is still to be called."""
        current = await records.holder(tx, scope)
        if current is None or self._counts(current):
            return None
        return current if await records.end(tx, current, State.EXPIRED, at=self._clock.now(), by=None) else None

    def _counts(self, lock: Lock) -> bool:
        return in_force(lock.state, lock.expires_at, self._clock.now())

    async def _expired(self, tx: Tx, lock: Lock, *, tell: bool = True) -> None:
        if tell:
            await self._outbox.direct(tx, f"{lock.id}/ended", lock.person, messages.ended(lock))
        await self._ended(tx, lock, State.EXPIRED, by=None, request_id="")

    def _is_ownerless(self, lock: Lock) -> bool:
        return lock.owner_kind is Owner.PERSON and self.ownerless(lock.person)

    def _wanted(
        self, wish: Wish, taken_at: datetime, expires_at: datetime | None, *, lock_id: str = "", reason: str = ""
    ) -> Lock:
        return Lock(
            id=lock_id,
            scope=wish.scope,
            owner_kind=wish.owner_kind,
            owner=wish.held_by,
            person=wish.person,
            reason=reason or wish.reason,
            taken_at=taken_at,
            expires_at=expires_at,
        )

    def _expiry(self, wish: Wish, now: datetime) -> datetime | None:
        if wish.duration is None:
            return None
        if not MINIMUM <= wish.duration <= MAXIMUM:
            raise BadInput("bad_duration", "A lock lasts between 1 minute and 30 days: --for 2h, for example.")
        return now + wish.duration

    async def _announce(self, tx: Tx, lock: Lock, wish: Wish, action: str, *, was: Lock | None = None) -> None:
        await self._deadlines(tx, lock)
        await changes.record(
            tx,
            changes.Change(
                kind=changes.Kind.LOCKED,
                subject=lock.id,
                summary=f"{lock.scope} locked: {lock.reason}" if lock.reason else f"{lock.scope} locked",
                at=lock.taken_at,
                service=lock.scope.service,
                environment=lock.scope.environment,
                target=lock.scope.target,
                person=lock.person,
                data={"taken_from": was.person.key} if was else {},
            ),
        )
        await self._note(tx, lock, wish.person, action, wish.request_id)

    async def _end(self, tx: Tx, lock: Lock, state: State, *, by: Person | None, request_id: str) -> None:
        if await records.end(tx, lock, state, at=self._clock.now(), by=by):
            await self._ended(tx, lock, state, by=by, request_id=request_id)

    async def _ended(self, tx: Tx, lock: Lock, state: State, *, by: Person | None, request_id: str) -> None:
        await changes.record(
            tx,
            changes.Change(
                kind=changes.Kind.UNLOCKED,
                subject=lock.id,
                summary=f"{lock.scope} unlocked ({state.value})",
                at=self._clock.now(),
                service=lock.scope.service,
                environment=lock.scope.environment,
                target=lock.scope.target,
                person=by,
            ),
        )
        for hook in self.on_released:
            await hook(tx, lock.scope)
        await self._note(tx, lock, by or SHIPMATE, f"lock.{state.value}", request_id)

    async def _deadlines(self, tx: Tx, lock: Lock) -> None:
        if lock.expires_at is None:
            await self._ask_later(tx, lock, lock.taken_at)
            return
        stamp = f"{lock.expires_at:%Y%m%dT%H%M%S.%f}"
        await want(tx, f"{lock.id}/expire/{stamp}", EXPIRE, lock.id, at=lock.expires_at)
        await want(tx, f"{lock.id}/nag/{stamp}", NAG, lock.id, at=nag_at(lock.taken_at, lock.expires_at))

    async def _ask_later(self, tx: Tx, lock: Lock, after: datetime) -> None:
        at = after + STALE
        await want(tx, f"{lock.id}/stale/{at:%Y%m%dT%H%M%S.%f}", NAG, lock.id, at=at)

    async def _note(self, tx: Tx, lock: Lock, person: Person, action: str, request_id: str) -> None:
        await self._audit.record(
            tx,
            actor=person,
            action=action,
            outcome="succeeded",
            resource=Resource(lock.scope.service, lock.scope.environment, lock.scope.target),
            request_id=request_id,
            subject=lock.id,
            data={"scope": lock.scope.key, "reason": lock.reason},
        )

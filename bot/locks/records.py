"""The table of locks: an atomic claim by a unique index over those that are held."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import Refused
from bot.identity import Person
from bot.locks.rules import STALE, Owner, Scope, State, covering, in_force
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata, next_id, one_of


class Lock(Struct, frozen=True, kw_only=True):
    """One lock. `owner` is the id of the change or incident, or the person's key; `expires_at` None is for good."""

    id: str
    scope: Scope
    owner_kind: Owner
    owner: str
    person: Person
    reason: str
    taken_at: datetime
    expires_at: datetime | None
    state: State = State.HELD


locks = sa.Table(
    "locks",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scope", sa.String(767), nullable=False),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("target", sa.String(255), nullable=False),
    sa.Column("owner_kind", sa.String(16), nullable=False),
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("taken_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=True),
    sa.Column("nagged_for", Timestamp, nullable=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("ended_at", Timestamp, nullable=True),
    sa.Column("ended_by", PersonColumn, nullable=True),
)
HELD = locks.c.state == State.HELD.value
sa.Index("ux_locks_held", locks.c.scope, unique=True, sqlite_where=HELD, postgresql_where=HELD)

_NOT_ENDED = ~one_of(locks.c.state, State.RELEASED.value, State.EXPIRED.value, State.TAKEN_OVER.value)
sa.Index("ix_locks_standing", locks.c.scope, sqlite_where=_NOT_ENDED, postgresql_where=_NOT_ENDED)
_COVERING = (
    sa.select(locks)
    .where(locks.c.scope.in_(sa.bindparam("scopes", expanding=True)), _NOT_ENDED)
    .order_by(sa.func.length(locks.c.scope), locks.c.scope)
)


async def blocking(conn: AsyncConnection, scope: Scope, now: datetime, *, person: Person | None = None) -> Lock | None:
    """Return the lock that stands in the way of `scope` now, the widest first; None when it is free.

    A person's own lock is not in the way of that `person`.

    Raises:
        Refused: a lock is there that cannot be read: it blocks (code `lock_unreadable`).
    """
    keys = [one.key for one in covering(scope)]
    try:
        rows = (await conn.execute(_COVERING, {"scopes": keys})).all()
        found = [read(row) for row in rows if in_force(row.state, row.expires_at, now)]
    except (ValueError, TypeError) as error:
        raise Refused(
            "lock_unreadable",
            f"A lock on {scope} is there but cannot be read ({error}), so nothing is deployed until it is removed.",
        ) from error
    return next((lock for lock in found if lock.owner_kind is not Owner.PERSON or lock.person != person), None)


async def held(conn: AsyncConnection, now: datetime) -> Sequence[Lock]:
    """Return all locks that are in force."""
    rows = (await conn.execute(sa.select(locks).where(_NOT_ENDED).order_by(locks.c.scope))).all()
    return [read(row) for row in rows if in_force(row.state, row.expires_at, now)]


async def claim(tx: Tx, lock: Lock) -> Lock | None:
    """Take a lock: return it under its new id, or None when somebody holds that scope (one winner, always)."""
    taken = replace(lock, id=await next_id(tx, "L"))
    statement = insert(tx.conn, locks).values(
        id=taken.id,
        scope=taken.scope.key,
        service=taken.scope.service,
        environment=taken.scope.environment,
        target=taken.scope.target,
        owner_kind=taken.owner_kind.value,
        owner=taken.owner,
        person=taken.person,
        reason=taken.reason,
        taken_at=taken.taken_at,
        expires_at=taken.expires_at,
        state=State.HELD.value,
    )
    statement = statement.on_conflict_do_nothing(index_elements=[locks.c.scope], index_where=HELD)
    written = (await tx.conn.execute(statement)).rowcount
    return taken if written else None


async def holder(tx: Tx, scope: Scope) -> Lock | None:
    """Return who holds exactly this scope, its row locked until the transaction ends."""
    statement = sa.select(locks).where(locks.c.scope == scope.key, HELD).with_for_update()
    row = (await tx.conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def get(tx: Tx, lock_id: str) -> Lock | None:
    """Return one lock by its id, its row locked until the transaction ends."""
    row = (await tx.conn.execute(sa.select(locks).where(locks.c.id == lock_id).with_for_update())).one_or_none()
    return None if row is None else read(row)


async def extend(tx: Tx, lock: Lock, *, reason: str, expires_at: datetime | None) -> None:
    """Give a held lock another end and reason."""
    statement = sa.update(locks).where(locks.c.id == lock.id, HELD)
    await tx.conn.execute(statement.values(expires_at=expires_at, reason=reason))


async def end(tx: Tx, lock: Lock, state: State, *, at: datetime, by: Person | None) -> bool:
    """End a held lock; answer whether this call did it."""
    statement = sa.update(locks).where(locks.c.id == lock.id, HELD)
    return (await tx.conn.execute(statement.values(state=state.value, ended_at=at, ended_by=by))).rowcount > 0


async def note_nag(tx: Tx, lock: Lock) -> bool:
    """Note that its holder was asked about this end of the lock; false when that was done before."""
    statement = sa.update(locks).where(
        locks.c.id == lock.id,
        HELD,
        sa.or_(locks.c.nagged_for.is_(None), locks.c.nagged_for != lock.expires_at),
    )
    return (await tx.conn.execute(statement.values(nagged_for=lock.expires_at))).rowcount > 0


async def note_stale(tx: Tx, lock: Lock, now: datetime) -> bool:
    """Note that the holder of a lock without an end is asked now; false when that was done a short while ago."""
    due = sa.func.coalesce(locks.c.nagged_for, locks.c.taken_at, type_=Timestamp) <= now - STALE
    statement = sa.update(locks).where(locks.c.id == lock.id, HELD, locks.c.expires_at.is_(None), due)
    return (await tx.conn.execute(statement.values(nagged_for=now))).rowcount > 0


def read(row: sa.Row[tuple[object, ...]]) -> Lock:
    """Return the lock of a row. Raises: ValueError when it holds what nobody knows."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Lock(
        id=found[locks.c.id],
        scope=Scope(found[locks.c.service], found[locks.c.environment], found[locks.c.target]),
        owner_kind=Owner(found[locks.c.owner_kind]),
        owner=found[locks.c.owner],
        person=found[locks.c.person],
        reason=found[locks.c.reason],
        taken_at=found[locks.c.taken_at],
        expires_at=found[locks.c.expires_at],
        state=State(found[locks.c.state]),
    )

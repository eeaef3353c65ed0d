"""The tables of freezes that people declared, and of the exceptions that were made."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import Refused
from bot.freezes.rules import ALL, Freeze, State
from bot.freezes.windows import Dates
from bot.identity import Channel, Person
from bot.locks.rules import Scope
from bot.store import ChannelColumn, PersonColumn, Timestamp, Tx, insert, metadata, next_id, one_of


class Declared(Struct, frozen=True, kw_only=True):
    """One freeze that a person declared. An empty service or environment in `scope` means all of them.

    `channel` is where it was declared.
    """

    id: str
    scope: Scope
    person: Person
    reason: str
    begun_at: datetime
    ends_at: datetime | None
    channel: Channel | None = None
    state: State = State.IN_FORCE

    @property
    def freeze(self) -> Freeze:
        """It as a rule."""
        return Freeze(
            name=self.id,
            reason=self.reason,
            calendar=Dates(self.begun_at, self.ends_at),
            environments=(self.scope.environment or ALL,),
            services=(self.scope.service or ALL,),
            target=self.scope.target,
            person=self.person,
        )


freezes = sa.Table(
    "freezes",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("target", sa.String(255), nullable=False),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("begun_at", Timestamp, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=True),
    sa.Column("channel", ChannelColumn, nullable=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("ended_at", Timestamp, nullable=True),
    sa.Column("ended_by", PersonColumn, nullable=True),
    sa.Column("nagged_at", Timestamp, nullable=True),
)
_IN_FORCE = freezes.c.state == State.IN_FORCE.value
_NOT_ENDED = ~one_of(freezes.c.state, State.LIFTED.value, State.EXPIRED.value)
ANY_DECLARED = sa.select(freezes.c.id).where(_NOT_ENDED).exists()
"""Whether there is one that may be in force, as a condition of another query."""
sa.Index("ix_freezes_standing", freezes.c.begun_at, sqlite_where=_NOT_ENDED, postgresql_where=_NOT_ENDED)
sa.Index(
    "ux_freezes_in_force",
    freezes.c.service,
    freezes.c.environment,
    freezes.c.target,
    unique=True,
    sqlite_where=_IN_FORCE,
    postgresql_where=_IN_FORCE,
)

exceptions = sa.Table(
    "freeze_exceptions",
    metadata,
    sa.Column("subject", sa.String(32), primary_key=True),
    sa.Column("freeze", sa.String(255), primary_key=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
)


class Passage(Struct, frozen=True):
    """That a person let a subject (a deployment) go through a freeze, and why."""

    freeze: str
    person: Person
    reason: str


def _is(scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        freezes.c.service == scope.service,
        freezes.c.environment == scope.environment,
        freezes.c.target == scope.target,
    )


async def in_force(conn: AsyncConnection, now: datetime) -> Sequence[Declared]:
    """Return those that are in force; their end is decided here, on read.

    Raises:
        Refused: one is there that cannot be read: it freezes (code `freeze_unreadable`).
    """
    statement = sa.select(freezes).where(_NOT_ENDED).order_by(freezes.c.begun_at, freezes.c.id)
    try:
        found = [read(row) for row in (await conn.execute(statement)).all()]
    except (ValueError, TypeError) as error:
        raise Refused(
            "freeze_unreadable",
            f"A freeze is there but cannot be read ({error}), so nothing is deployed until it is removed.",
        ) from error
    return [one for one in found if one.ends_at is None or now < one.ends_at]


async def begin(tx: Tx, wanted: Declared) -> Declared | None:
    """Write a new one under its new id; None when exactly this scope is frozen by a person already."""
    over = sa.update(freezes).where(*_is(wanted.scope), _IN_FORCE, freezes.c.ends_at <= wanted.begun_at)
    await tx.conn.execute(over.values(state=State.EXPIRED.value, ended_at=wanted.begun_at))
    made = replace(wanted, id=await next_id(tx, "F"))
    statement = insert(tx.conn, freezes).values(
        id=made.id,
        service=made.scope.service,
        environment=made.scope.environment,
        target=made.scope.target,
        person=made.person,
        reason=made.reason,
        begun_at=made.begun_at,
        ends_at=made.ends_at,
        channel=made.channel,
        state=made.state.value,
    )
    written = (await tx.conn.execute(statement.on_conflict_do_nothing())).rowcount > 0
    return made if written else None


async def holding(tx: Tx, scope: Scope) -> Declared | None:
    """Return the one over exactly this scope, its row locked until the transaction ends."""
    statement = sa.select(freezes).where(*_is(scope), _IN_FORCE).with_for_update()
    row = (await tx.conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def find(conn: AsyncConnection, freeze_id: str) -> Declared | None:
    """Return one by its id."""
    row = (await conn.execute(sa.select(freezes).where(freezes.c.id == freeze_id))).one_or_none()
    return None if row is None else read(row)


async def get(tx: Tx, freeze_id: str) -> Declared | None:
    """Return one by its id, its row locked until the transaction ends."""
    row = (await tx.conn.execute(sa.select(freezes).where(freezes.c.id == freeze_id).with_for_update())).one_or_none()
    return None if row is None else read(row)


async def extend(tx: Tx, freeze: Declared) -> None:
    """Give one that is in force the end and reason of `freeze`."""
    statement = sa.update(freezes).where(freezes.c.id == freeze.id, _IN_FORCE)
    await tx.conn.execute(statement.values(ends_at=freeze.ends_at, reason=freeze.reason))


async def end(tx: Tx, freeze: Declared, state: State, *, at: datetime, by: Person | None) -> bool:
    """End one; answer whether this call did it."""
    statement = sa.update(freezes).where(freezes.c.id == freeze.id, _IN_FORCE)
    return (await tx.conn.execute(statement.values(state=state.value, ended_at=at, ended_by=by))).rowcount > 0


async def note_nag(tx: Tx, freeze: Declared, now: datetime, *, not_since: datetime) -> bool:
    """Note that who declared one is asked about it now; false when that was done after `not_since`."""
    due = sa.func.coalesce(freezes.c.nagged_at, freezes.c.begun_at, type_=Timestamp) <= not_since
    statement = sa.update(freezes).where(freezes.c.id == freeze.id, _IN_FORCE, due)
    return (await tx.conn.execute(statement.values(nagged_at=now))).rowcount > 0


async def let_through(tx: Tx, subject: str, made: Passage, at: datetime) -> None:
    """Write that a subject goes through a freeze; the first to say so stays."""
    statement = insert(tx.conn, exceptions).values(
        subject=subject, freeze=made.freeze, person=made.person, reason=made.reason, at=at
    )
    await tx.conn.execute(statement.on_conflict_do_nothing())


async def exceptions_of(conn: AsyncConnection, subject: str) -> Sequence[Passage]:
    """Return the exceptions that were made for a subject."""
    statement = sa.select(exceptions).where(exceptions.c.subject == subject).order_by(exceptions.c.freeze)
    return [Passage(row.freeze, row.person, row.reason) for row in (await conn.execute(statement)).all()]


def read(row: sa.Row[tuple[object, ...]]) -> Declared:
    """Return the freeze of a row."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Declared(
        id=found[freezes.c.id],
        scope=Scope(found[freezes.c.service], found[freezes.c.environment], found[freezes.c.target]),
        person=found[freezes.c.person],
        reason=found[freezes.c.reason],
        begun_at=found[freezes.c.begun_at],
        ends_at=found[freezes.c.ends_at],
        channel=found[freezes.c.channel],
        state=State(found[freezes.c.state]),
    )

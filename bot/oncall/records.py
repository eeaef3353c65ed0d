"""The tables of on call: what people changed, what was told last, and the calendars as they were read last."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Channel, Person
from bot.oncall.rules import Span, Why
from bot.store import ChannelColumn, JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata, next_id


class Override(Struct, frozen=True, kw_only=True):
    """That people are on call for a schedule from a moment until another, whatever else says who is."""

    id: str
    schedule: str
    people: tuple[Person, ...]
    begins_at: datetime
    ends_at: datetime
    made_by: Person
    made_at: datetime
    cancelled_at: datetime | None = None
    cancelled_by: Person | None = None

    @property
    def span(self) -> Span:
        """What it says, as a rule."""
        return Span(begins=self.begins_at, ends=self.ends_at, people=self.people, why=Why.OVERRIDE, key=self.id)


class Standing(Struct, frozen=True, kw_only=True):
    """Who was told last to be on call for a schedule; `number` counts what was told, 0 before the first look.

    `until` is when the next change was expected, as it was looked at last. `channel` is where its channel was found
    last, for when Slack does not answer.
    """

    schedule: str
    number: int = 0
    people: tuple[Person, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    channel: Channel | None = None


overrides = sa.Table(
    "oncall_overrides",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("schedule", sa.String(63), nullable=False),
    sa.Column("people", JsonColumn, nullable=False),
    sa.Column("begins_at", Timestamp, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=False),
    sa.Column("made_by", PersonColumn, nullable=False),
    sa.Column("made_at", Timestamp, nullable=False),
    sa.Column("request_id", sa.String(255), nullable=False),
    sa.Column("cancelled_at", Timestamp, nullable=True),
    sa.Column("cancelled_by", PersonColumn, nullable=True),
)
sa.Index("ix_oncall_overrides_ends", overrides.c.schedule, overrides.c.ends_at)
sa.Index(
    "ux_oncall_overrides_request",
    overrides.c.request_id,
    unique=True,
    sqlite_where=overrides.c.request_id != "",
    postgresql_where=overrides.c.request_id != "",
)

standings = sa.Table(
    "oncall_standings",
    metadata,
    sa.Column("schedule", sa.String(63), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("people", JsonColumn, nullable=False),
    sa.Column("since", Timestamp, nullable=True),
    sa.Column("until", Timestamp, nullable=True),
    sa.Column("channel", ChannelColumn, nullable=True),
)


async def make(tx: Tx, wanted: Override, request_id: str) -> Override:
    """Write one under its new id; asked for a second time, it is the first."""
    if request_id:
        known = sa.select(overrides).where(overrides.c.request_id == request_id)
        row = (await tx.conn.execute(known)).one_or_none()
        if row is not None:
            return _read(row)
    name = await next_id(tx, "O")
    statement = insert(tx.conn, overrides).values(
        number=int(name.removeprefix("O-")),
        schedule=wanted.schedule,
        people=_keys(wanted.people),
        begins_at=wanted.begins_at,
        ends_at=wanted.ends_at,
        made_by=wanted.made_by,
        made_at=wanted.made_at,
        request_id=request_id,
    )
    row = (await tx.conn.execute(statement.returning(*overrides.c))).one()
    return _read(row)


async def find(conn: AsyncConnection, name: str) -> Override | None:
    """Return one by its id ("O-3")."""
    digits = name.strip().upper().removeprefix("O-")
    if not digits.isdecimal():
        return None
    row = (await conn.execute(sa.select(overrides).where(overrides.c.number == int(digits[:9])))).one_or_none()
    return None if row is None else _read(row)


async def cancel(tx: Tx, one: Override, person: Person, at: datetime) -> bool:
    """Cancel one; answer whether this call did it."""
    number = int(one.id.removeprefix("O-"))
    statement = sa.update(overrides).where(overrides.c.number == number, overrides.c.cancelled_at.is_(None))
    return (await tx.conn.execute(statement.values(cancelled_at=at, cancelled_by=person))).rowcount > 0


async def overrides_of(conn: AsyncConnection, schedule: str, *, since: datetime) -> Sequence[Override]:
    """Return those of a schedule that are not cancelled and end after a moment, in the order they were made."""
    statement = (
        sa.select(overrides)
        .where(overrides.c.schedule == schedule, overrides.c.ends_at > since, overrides.c.cancelled_at.is_(None))
        .order_by(overrides.c.number)
    )
    return [_read(row) for row in (await conn.execute(statement)).all()]


async def standing(tx: Tx, schedule: str) -> Standing:
    """Return what was told last of a schedule, its row locked until the transaction ends."""
    new = insert(tx.conn, standings).values(schedule=schedule, number=0, people=[])
    await tx.conn.execute(new.on_conflict_do_nothing(index_elements=[standings.c.schedule]))
    row = (await tx.conn.execute(sa.select(standings).where(standings.c.schedule == schedule).with_for_update())).one()
    return _standing(row)


async def told_last(conn: AsyncConnection, schedule: str) -> Standing:
    """Return what was told last of a schedule."""
    row = (await conn.execute(sa.select(standings).where(standings.c.schedule == schedule))).one_or_none()
    return Standing(schedule=schedule) if row is None else _standing(row)


async def told(tx: Tx, now: Standing) -> None:
    """Write what was told of a schedule."""
    statement = sa.update(standings).where(standings.c.schedule == now.schedule)
    values = {"number": now.number, "people": _keys(now.people), "since": now.since, "channel": now.channel}
    await tx.conn.execute(statement.values({**values, "until": now.until}))


def _standing(row: sa.Row[tuple[object, ...]]) -> Standing:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Standing(
        schedule=found[standings.c.schedule],
        number=found[standings.c.number],
        people=_people(found[standings.c.people]),
        since=found[standings.c.since],
        until=found[standings.c.until],
        channel=found[standings.c.channel],
    )


def _read(row: sa.Row[tuple[object, ...]]) -> Override:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Override(
        id=f"O-{found[overrides.c.number]}",
        schedule=found[overrides.c.schedule],
        people=_people(found[overrides.c.people]),
        begins_at=found[overrides.c.begins_at],
        ends_at=found[overrides.c.ends_at],
        made_by=found[overrides.c.made_by],
        made_at=found[overrides.c.made_at],
        cancelled_at=found[overrides.c.cancelled_at],
        cancelled_by=found[overrides.c.cancelled_by],
    )


def _keys(people: Collection[Person]) -> list[str]:
    return [person.key for person in people]


def _people(keys: Sequence[str]) -> tuple[Person, ...]:
    return tuple(Person.parse(key) for key in keys)

"""The tables of what people want to be told, and of what waits to be told to them."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Person
from bot.notices.rules import How, Wants
from bot.reply import Message
from bot.slack import codec
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, key_text, metadata

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = "%H:%M"

wishes = sa.Table(
    "notice_wishes",
    metadata,
    sa.Column("person", PersonColumn, primary_key=True),
    sa.Column("how", JsonColumn, nullable=False),
    sa.Column("window_seconds", sa.Integer, nullable=True),
    sa.Column("quiet_from", sa.String(5), nullable=False),
    sa.Column("quiet_to", sa.String(5), nullable=False),
    sa.Column("zone", sa.String(64), nullable=False),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("key", key_text(255), nullable=False, unique=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("about", sa.String(32), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("message", JsonColumn, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("digest", sa.String(255), nullable=False),
)
sa.Index("ix_notices_person", notices.c.person, notices.c.at)
sa.Index("ix_notices_digest", notices.c.digest)


class Kept(Struct, frozen=True, kw_only=True):
    """One notice: `at` is when it was, or is to be, told. `held` until then; `digest` names what it was sent in."""

    id: int
    key: str
    person: Person
    about: str
    subject: str
    message: Message
    at: datetime
    held: bool
    digest: str


async def wants_of(conn: AsyncConnection, person: Person) -> Wants:
    """Return what a person wants, as they said or as everybody does."""
    row = (await conn.execute(sa.select(wishes).where(wishes.c.person == person))).one_or_none()
    if row is None:
        return Wants()
    quiet = (_time(row.quiet_from), _time(row.quiet_to)) if row.quiet_from else None
    window = None if row.window_seconds is None else timedelta(seconds=row.window_seconds)
    how = {about: How(way) for about, way in row.how.items()}
    return Wants(how=how, window=window, quiet=quiet, zone=row.zone)


async def keep_wants(tx: Tx, person: Person, wants: Wants) -> None:
    """Write what a person wants."""
    begin, end = wants.quiet or (None, None)
    values = {
        "how": {about: way.value for about, way in wants.how.items()},
        "window_seconds": None if wants.window is None else int(wants.window.total_seconds()),
        "quiet_from": begin.strftime(_TIME) if begin is not None else "",
        "quiet_to": end.strftime(_TIME) if end is not None else "",
        "zone": wants.zone,
    }
    statement = insert(tx.conn, wishes).values(person=person, **values)
    await tx.conn.execute(statement.on_conflict_do_update(index_elements=[wishes.c.person], set_=values))


async def add(tx: Tx, **values: Any) -> int | None:  # noqa: ANN401 - columns
    """Write a notice and return its number; None when there is one of this key."""
    statement = insert(tx.conn, notices).values(**values).on_conflict_do_nothing(index_elements=[notices.c.key])
    number: int | None = (await tx.conn.execute(statement.returning(notices.c.id))).scalar_one_or_none()
    return number


async def whose(conn: AsyncConnection, number: int) -> Person | None:
    """Return whose a notice is, None when there is none of this number."""
    found = sa.select(notices.c.person).where(notices.c.id == number)
    person: Person | None = (await conn.execute(found)).scalar_one_or_none()
    return person


async def by_key(conn: AsyncConnection, key: str) -> Kept | None:
    """Return the notice of a key."""
    row = (await conn.execute(sa.select(notices).where(notices.c.key == key))).one_or_none()
    return None if row is None else _read(row)


async def last_told(conn: AsyncConnection, person: Person) -> datetime | None:
    """Return when somebody was, or will be, told something."""
    statement = sa.select(sa.func.max(notices.c.at, type_=Timestamp)).where(notices.c.person == person)
    moment: datetime | None = (await conn.execute(statement)).scalar_one_or_none()
    return moment


async def some(tx: Tx, *which: sa.ColumnElement[bool]) -> Sequence[Kept]:
    """Return notices that fit, locked, in the order in which they came."""
    statement = sa.select(notices).where(*which).order_by(notices.c.id).with_for_update()
    return [_read(row) for row in (await tx.conn.execute(statement)).all()]


async def change(tx: Tx, ids: Sequence[int], **values: Any) -> None:  # noqa: ANN401 - columns
    """Change notices."""
    await tx.conn.execute(sa.update(notices).where(notices.c.id.in_(ids)).values(**values))


async def drop(tx: Tx, *which: sa.ColumnElement[bool]) -> None:
    """Forget notices."""
    await tx.conn.execute(sa.delete(notices).where(*which))


def _read(row: sa.Row[Any]) -> Kept:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Kept(**{**values, "message": codec.load(values["message"])})


def _time(text: str) -> time:
    return time.fromisoformat(text)

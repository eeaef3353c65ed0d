"""The rows of what was in flight when a restored database was saved, and what was answered."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Person
from bot.restoring.rules import Answer, Kind
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata


class Item(Struct, frozen=True, kw_only=True):
    """One thing that was in flight: what it was, what was found outside, what may be said of it, and what was said."""

    id: str
    kind: Kind
    was: str
    found: str
    offered: tuple[Answer, ...]
    service: str = ""
    environment: str = ""
    target: str = ""
    answer: Answer | None = None
    answered_by: Person | None = None
    answered_at: datetime | None = None


items = sa.Table(
    "restore_items",
    metadata,
    sa.Column("hold", Timestamp, primary_key=True),
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("was", sa.Text, nullable=False),
    sa.Column("found", sa.Text, nullable=False),
    sa.Column("offered", JsonColumn, nullable=False),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("target", sa.String(255), nullable=False),
    sa.Column("answer", sa.String(16), nullable=False),
    sa.Column("answered_by", PersonColumn, nullable=True),
    sa.Column("answered_at", Timestamp, nullable=True),
)


async def add(tx: Tx, hold: datetime, found: Sequence[Item]) -> None:
    """Keep what was found in flight; what is there already gets the newer words, unless it was answered."""
    for position, item in enumerate(found):
        told = {"was": item.was, "found": item.found, "offered": [one.value for one in item.offered]}
        statement = insert(tx.conn, items).values(
            hold=hold,
            id=item.id,
            position=position,
            kind=item.kind.value,
            service=item.service,
            environment=item.environment,
            target=item.target,
            answer="",
            **told,
        )
        await tx.conn.execute(
            statement.on_conflict_do_update(
                index_elements=[items.c.hold, items.c.id], set_=told, where=items.c.answer == ""
            )
        )


async def renew(tx: Tx, hold: datetime, item: Item) -> None:
    """Give an item that nobody has answered the words and answers of a newer look."""
    told = {"was": item.was, "found": item.found, "offered": [one.value for one in item.offered]}
    mine = sa.update(items).where(items.c.hold == hold, items.c.id == item.id, items.c.answer == "")
    await tx.conn.execute(mine.values(**told))


async def all_of(conn: AsyncConnection, hold: datetime) -> Sequence[Item]:
    """Return what was in flight, in the order in which it was found."""
    statement = sa.select(items).where(items.c.hold == hold).order_by(items.c.position, items.c.id)
    return [_item(row) for row in (await conn.execute(statement)).all()]


async def answer(tx: Tx, hold: datetime, ident: str, said: Answer, *, by: Person, at: datetime) -> bool:
    """Note an answer; false where somebody has answered already."""
    statement = sa.update(items).where(items.c.hold == hold, items.c.id == ident, items.c.answer == "")
    changed = await tx.conn.execute(statement.values(answer=said.value, answered_by=by, answered_at=at))
    return changed.rowcount == 1


def _item(row: sa.Row[tuple[object, ...]]) -> Item:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    for name in ("hold", "position"):
        del values[name]
    values["kind"] = Kind(values["kind"])
    values["offered"] = tuple(Answer(one) for one in values["offered"])
    values["answer"] = Answer(values["answer"]) if values["answer"] else None
    return Item(**values)

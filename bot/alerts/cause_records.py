"""The tables of what was named as a cause and what people said of it, and of the pictures of groups."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts.movement import Move, Movement
from bot.alerts.records import dismissals, groups
from bot.identity import Person
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata

causes = sa.Table(
    "alert_causes",
    metadata,
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("named_at", Timestamp, nullable=True),  # when the message first named it before all others
    sa.Column("move", sa.String(16), nullable=False),
    sa.Column("before", sa.Float, nullable=True),
    sa.Column("after", sa.Float, nullable=True),
    sa.Column("confirmed_at", Timestamp, nullable=True),
    sa.Column("confirmed_by", PersonColumn, nullable=True),  # nobody where a roll back ended it
)
sa.Index("ix_alert_causes_named_at", causes.c.named_at)

pictures = sa.Table(
    "alert_pictures",
    metadata,
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),  # of the group, when it was last looked at
    sa.Column("drawn_at", Timestamp, nullable=True),
    sa.Column("unit", sa.String(32), nullable=False),
    sa.Column("signal", sa.String(255), nullable=False),
    sa.Column("problem", sa.Text, nullable=False),  # why there is none, for people
)


class Looked(Struct, frozen=True, kw_only=True):
    """How the look at a group's signal went: which metric it is and its unit; why there is no picture, "" if it is."""

    version: int
    drawn_at: datetime | None = None
    unit: str = ""
    signal: str = ""
    problem: str = ""


class Precision(Struct, frozen=True, kw_only=True):
    """Of the causes that messages named first: how many turned out right, wrong, or nobody said."""

    confirmed: int = 0
    refused: int = 0
    unanswered: int = 0

    @property
    def named(self) -> int:
        """All of them."""
        return self.confirmed + self.refused + self.unanswered


async def looked(conn: AsyncConnection, group_id: str) -> Looked | None:
    """Return how the last look at a group's signal went."""
    row = (await conn.execute(sa.select(pictures).where(pictures.c.group_id == group_id))).one_or_none()
    if row is None:
        return None
    return Looked(version=row.version, drawn_at=row.drawn_at, unit=row.unit, signal=row.signal, problem=row.problem)


async def keep_look(tx: Tx, group_id: str, look: Looked) -> bool:
    """Write how a look went, unless that of a later version, or a newer picture, was; answer whether it was written."""
    values = {
        "version": look.version,
        "drawn_at": look.drawn_at,
        "unit": look.unit[:32],
        "signal": look.signal[:255],
        "problem": look.problem,
    }
    statement = insert(tx.conn, pictures).values(group_id=group_id, **values)
    statement = statement.on_conflict_do_update(index_elements=[pictures.c.group_id], set_=values, where=_older(look))
    return (await tx.conn.execute(statement)).rowcount > 0


def _older(look: Looked) -> sa.ColumnElement[bool]:
    earlier = pictures.c.version < look.version
    if look.drawn_at is None:
        return earlier
    newer = sa.or_(pictures.c.drawn_at.is_(None), pictures.c.drawn_at < look.drawn_at)
    return sa.or_(earlier, sa.and_(pictures.c.version == look.version, newer))


async def keep_reading(tx: Tx, group_id: str, *, unit: str, signal: str) -> None:
    """Write what a group's signal is called and its unit, before the look at it has ended."""
    values = {"unit": unit[:32], "signal": signal[:255]}
    statement = insert(tx.conn, pictures).values(group_id=group_id, version=0, problem="", **values)
    await tx.conn.execute(statement.on_conflict_do_update(index_elements=[pictures.c.group_id], set_=values))


async def movements(conn: AsyncConnection, group_id: str) -> Mapping[str, Movement]:
    """Return what a group's signal did after each change that was looked at."""
    rows = (await conn.execute(sa.select(causes).where(causes.c.group_id == group_id))).all()
    return {row.subject: Movement(Move(row.move), row.before, row.after) for row in rows}


async def keep_movement(tx: Tx, group_id: str, subject: str, movement: Movement) -> None:
    """Write what a group's signal did after a change."""
    values = {"move": movement.move.value, "before": movement.before, "after": movement.after}
    statement = insert(tx.conn, causes).values(group_id=group_id, subject=subject, **values)
    keys = [causes.c.group_id, causes.c.subject]
    await tx.conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))


async def name(tx: Tx, group_id: str, subject: str, at: datetime) -> None:
    """Note that a group's message names a change before all others; the first time counts."""
    statement = insert(tx.conn, causes).values(group_id=group_id, subject=subject, named_at=at, move=Move.UNKNOWN.value)
    keys = [causes.c.group_id, causes.c.subject]
    first = statement.on_conflict_do_update(
        index_elements=keys, set_={"named_at": at}, where=causes.c.named_at.is_(None)
    )
    await tx.conn.execute(first)


async def confirm(tx: Tx, group_id: str, subject: str, person: Person | None, at: datetime) -> bool:
    """Note that a change was the cause of a group, whatever was said of it before; answer whether that is new.

    No `person` means that a roll back of it ended the group: that does not undo what somebody said.
    """
    mine = (causes.c.group_id == group_id, causes.c.subject == subject)
    refused = (dismissals.c.group_id == group_id, dismissals.c.subject == subject)
    if person is not None:
        await tx.conn.execute(sa.delete(dismissals).where(*refused))
        statement = insert(tx.conn, causes).values(group_id=group_id, subject=subject, move=Move.UNKNOWN.value)
        await tx.conn.execute(statement.on_conflict_do_nothing())
    found = sa.update(causes).where(*mine, causes.c.confirmed_at.is_(None))
    if person is None:
        found = found.where(causes.c.named_at.is_not(None), ~sa.exists().where(*refused))
    return (await tx.conn.execute(found.values(confirmed_at=at, confirmed_by=person))).rowcount > 0


async def refuse(tx: Tx, group_id: str, subject: str) -> None:
    """Take back that a change was the cause of a group."""
    mine = (causes.c.group_id == group_id, causes.c.subject == subject)
    await tx.conn.execute(sa.update(causes).where(*mine).values(confirmed_at=None, confirmed_by=None))


async def confirmed(conn: AsyncConnection, group_id: str) -> Mapping[str, Person | None]:
    """Return the changes that were the cause of a group, and who said so."""
    statement = sa.select(causes.c.subject, causes.c.confirmed_by)
    rows = await conn.execute(statement.where(causes.c.group_id == group_id, causes.c.confirmed_at.is_not(None)))
    return {row.subject: row.confirmed_by for row in rows.all()}


async def named(conn: AsyncConnection, group_id: str) -> frozenset[str]:
    """Return the changes that a group's message has named before all others."""
    statement = sa.select(causes.c.subject)
    found = statement.where(causes.c.group_id == group_id, causes.c.named_at.is_not(None))
    return frozenset((await conn.execute(found)).scalars())


async def precision(conn: AsyncConnection, since: datetime, *, service: str = "") -> Precision:
    """Return what became of the causes that were named first since a moment; of one service or of all."""
    no = sa.and_(dismissals.c.group_id == causes.c.group_id, dismissals.c.subject == causes.c.subject)
    joined = causes.join(groups, groups.c.id == causes.c.group_id).outerjoin(dismissals, no)
    yes = causes.c.confirmed_at.is_not(None)
    statement = sa.select(
        sa.func.count(), sa.func.count(sa.case((yes, 1))), sa.func.count(sa.case((dismissals.c.at.is_not(None), 1)))
    )
    statement = statement.select_from(joined).where(causes.c.named_at >= since)
    if service:
        statement = statement.where(groups.c.service == service)
    total, right, wrong = (await conn.execute(statement)).one()
    return Precision(confirmed=right, refused=wrong, unanswered=total - right - wrong)

"""The table of who is on a group, and when they last said so."""

from typing import Any

import sqlalchemy as sa

from bot.alerts.attention_rules import Attention
from bot.alerts.records import groups
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata

attention = sa.Table(
    "alert_attention",
    metadata,
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("said_at", Timestamp, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=True),
    sa.Column("number", sa.Integer, nullable=False),
)


async def keep(tx: Tx, one: Attention) -> None:
    """Write who is on a group, over whoever was."""
    values: dict[str, Any] = {
        "person": one.person,
        "said_at": one.said_at,
        "asked_at": one.asked_at,
        "number": one.number,
    }
    statement = insert(tx.conn, attention).values(group_id=one.group_id, **values)
    await tx.conn.execute(statement.on_conflict_do_update(index_elements=[attention.c.group_id], set_=values))


async def of(tx: Tx, group_id: str) -> Attention | None:
    """Return who said that they are on a group; its row is locked by the lock on the group's."""
    row = (await tx.conn.execute(sa.select(attention).where(attention.c.group_id == group_id))).one_or_none()
    if row is None:
        return None
    return Attention(
        group_id=row.group_id, person=row.person, said_at=row.said_at, asked_at=row.asked_at, number=row.number
    )

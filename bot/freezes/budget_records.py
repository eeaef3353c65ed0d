"""The table of error budgets that freeze: the newest reading of each, so that a restart changes nothing."""

from collections.abc import Mapping

import sqlalchemy as sa
from msgspec.structs import asdict
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.freezes.budgets import Budget
from bot.store import Timestamp, Tx, insert, metadata

budgets = sa.Table(
    "freeze_budgets",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("frozen", sa.Boolean, nullable=False, default=False),
    sa.Column("since", Timestamp, nullable=True),
    sa.Column("number", sa.Integer, nullable=False, default=0),
    sa.Column("value", sa.Float, nullable=True),
    sa.Column("read_at", Timestamp, nullable=True),
    sa.Column("crossed_at", Timestamp, nullable=True),
    sa.Column("unreadable_since", Timestamp, nullable=True),
    sa.Column("why", sa.Text, nullable=False, default=""),
    sa.Column("blind", sa.Boolean, nullable=False, default=False),
)


async def all_of(conn: AsyncConnection) -> Mapping[str, Budget]:
    """Return how all budgets stand, by the name of their freeze."""
    rows = (await conn.execute(sa.select(budgets))).all()
    return {row.name: _read(row) for row in rows}


async def hold(tx: Tx, name: str) -> Budget:
    """Return how a budget stands, its row ours until the transaction ends."""
    await tx.conn.execute(insert(tx.conn, budgets).values(name=name).on_conflict_do_nothing())
    row = (await tx.conn.execute(sa.select(budgets).where(budgets.c.name == name).with_for_update())).one()
    return _read(row)


async def keep(tx: Tx, budget: Budget) -> None:
    """Write how a budget stands."""
    await tx.conn.execute(sa.update(budgets).where(budgets.c.name == budget.name).values(**asdict(budget)))


def _read(row: sa.Row[tuple[object, ...]]) -> Budget:
    return Budget(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names

"""The table of pipelines that were told of; an event's number decides which of two looks is the newer one."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import Timestamp, Tx, insert, metadata

KEEP = timedelta(days=30)

pipelines = sa.Table(
    "pipelines",
    metadata,
    sa.Column("run", sa.String(1000), primary_key=True),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("told", sa.Integer, nullable=False, default=1),
    sa.Column("is_shown", sa.Boolean, nullable=False, default=False),
    sa.Column("at", Timestamp, nullable=False, index=True),
)


async def told(tx: Tx, run: str, service: str, now: datetime) -> int:
    """Note that something happened to a pipeline; return how often that was said of it."""
    await tx.conn.execute(sa.delete(pipelines).where(pipelines.c.at < now - KEEP))
    values = {"run": run, "service": service, "told": 1, "is_shown": False, "at": now}
    statement = insert(tx.conn, pipelines).values(values)
    again = statement.on_conflict_do_update(
        index_elements=[pipelines.c.run], set_={"told": pipelines.c.told + 1, "at": now}
    )
    return int((await tx.conn.execute(again.returning(pipelines.c.told))).scalar_one())


async def newest(conn: AsyncConnection, run: str) -> tuple[int, bool]:
    """Return how often something was said of a pipeline, and whether it has a message."""
    row = (
        await conn.execute(sa.select(pipelines.c.told, pipelines.c.is_shown).where(pipelines.c.run == run))
    ).one_or_none()
    return (0, False) if row is None else (row.told, row.is_shown)


async def shown(tx: Tx, run: str, number: int) -> bool:
    """Note that a pipeline is shown as it was after that event; False when a newer one came since."""
    statement = sa.update(pipelines).where(pipelines.c.run == run, pipelines.c.told == number).values(is_shown=True)
    return (await tx.conn.execute(statement)).rowcount > 0

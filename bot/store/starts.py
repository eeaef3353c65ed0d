"""Workflows that shall start: a row written with the decision, so that no crash loses what was decided.

Whoever decides calls `want` in its own transaction; the engine is woken after the commit and starts what is
due; the workflow itself notes with `enter` that it began. So a kill in between changes nothing.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from pydantic import JsonValue

from bot.store.columns import JsonColumn, Timestamp
from bot.store.database import Store
from bot.store.tables import insert, metadata
from bot.store.transaction import Tx

SIGNAL = "starts"

starts = sa.Table(
    "starts",
    metadata,
    sa.Column("workflow_id", sa.String(255), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("args", JsonColumn, nullable=False),
    sa.Column("not_before", Timestamp, nullable=True),
    sa.Column("started_at", Timestamp, nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=1),
    sa.Column("steps_done", sa.Integer, nullable=False, default=0),
)
sa.Index(
    "ix_starts_pending",
    starts.c.not_before,
    sqlite_where=starts.c.started_at.is_(None),
    postgresql_where=starts.c.started_at.is_(None),
)


class Start(Struct, frozen=True):
    """One workflow that shall start: its id, the registered name, plain arguments, and not before when."""

    workflow_id: str
    name: str
    args: tuple[JsonValue, ...]
    not_before: datetime | None = None


async def want(tx: Tx, workflow_id: str, name: str, *args: JsonValue, at: datetime | None = None) -> None:
    """Have the workflow `name` started once this transaction is kept, not before `at`.

    A second wish under the same `workflow_id` changes nothing.
    """
    statement = insert(tx.conn, starts).values(workflow_id=workflow_id, name=name, args=list(args), not_before=at)
    await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[starts.c.workflow_id]))
    tx.wake(SIGNAL)


async def has_begun(tx: Tx, workflow_id: str) -> bool:
    """Tell whether a workflow was wanted under this id and has begun: another wish under it starts nothing."""
    statement = sa.select(starts.c.started_at).where(starts.c.workflow_id == workflow_id)
    return (await tx.conn.execute(statement)).scalar_one_or_none() is not None


async def withdraw(tx: Tx, workflow_id: str) -> bool:
    """Take back a wish that has not started; answer whether there was one."""
    statement = sa.delete(starts).where(starts.c.workflow_id == workflow_id, starts.c.started_at.is_(None))
    return (await tx.conn.execute(statement)).rowcount > 0


async def due(store: Store, now: datetime, *, limit: int = 100, skip: Collection[str] = ()) -> Sequence[Start]:
    """Return what shall start by `now` and has not begun, the longest due first, without the ids in `skip`."""
    statement = (
        sa.select(starts.c.workflow_id, starts.c.name, starts.c.args, starts.c.not_before)
        .where(starts.c.started_at.is_(None), sa.or_(starts.c.not_before.is_(None), starts.c.not_before <= now))
        .order_by(starts.c.not_before.asc().nulls_first(), starts.c.workflow_id)
        .limit(limit + len(skip))
    )
    async with store.read() as conn:
        rows = (await conn.execute(statement)).all()
    found = [Start(row.workflow_id, row.name, tuple(row.args), row.not_before) for row in rows]
    return [start for start in found if start.workflow_id not in skip][:limit]


async def next_due(store: Store, now: datetime) -> datetime | None:
    """Return when the next wish after `now` falls due, None when there is none."""
    statement = sa.select(sa.func.min(starts.c.not_before, type_=Timestamp)).where(
        starts.c.started_at.is_(None), starts.c.not_before > now
    )
    async with store.read() as conn:
        moment: datetime | None = (await conn.execute(statement)).scalar_one_or_none()
    return moment


async def enter(store: Store, workflow_id: str, steps_done: Callable[[], Awaitable[int]]) -> int:
    """Note that the workflow begins, and return how often it has begun since it last got further.

    `steps_done` tells how many steps are recorded; it is asked only when this is not the first time. A workflow
    that no row asked for counts as begun once.
    """
    row = starts.c.workflow_id == workflow_id
    async with store.write() as tx:
        first = sa.update(starts).where(row, starts.c.started_at.is_(None))
        if (await tx.conn.execute(first.values(started_at=store.clock.now()))).rowcount:
            return 1
    steps = await steps_done()
    again = sa.case((starts.c.steps_done == steps, starts.c.attempts + 1), else_=1)
    async with store.write() as tx:
        change = sa.update(starts).where(row).values(attempts=again, steps_done=steps).returning(starts.c.attempts)
        return (await tx.conn.execute(change)).scalar_one_or_none() or 1


async def wait_for_wanted(store: Store, *, timeout: float) -> None:  # noqa: ASYNC109 - a bound of the wait, no failure
    """Wait until a wish was written in this process, at most `timeout` seconds."""
    event = store.signal(SIGNAL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):  # `wait_for` of Python 3.11 may swallow a cancellation
            await event.wait()
    event.clear()

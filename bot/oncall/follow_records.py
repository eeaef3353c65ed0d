"""The table of what in Slack follows a schedule: that it is to be brought there, when next, and what came of it."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Channel
from bot.store import ChannelColumn, Timestamp, Tx, insert, metadata


class Follow(Struct, frozen=True, kw_only=True):
    """How it stands with what follows a schedule.

    `wish` counts what was wished; `due_at` is when Slack is looked at next, `leased_until` how long somebody is at it.
    `channel` is the one whose topic holds our part. `problem` is what went wrong last, `note` what is worth knowing.
    """

    schedule: str
    wish: int
    due_at: datetime
    leased_until: datetime | None
    attempts: int
    channel: Channel | None
    problem: str
    note: str


follows = sa.Table(
    "oncall_follows",
    metadata,
    sa.Column("schedule", sa.String(63), primary_key=True),
    sa.Column("wish", sa.Integer, nullable=False),
    sa.Column("due_at", Timestamp, nullable=False),
    sa.Column("leased_until", Timestamp, nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("channel", ChannelColumn, nullable=True),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)


async def wish(tx: Tx, schedule: str, at: datetime) -> None:
    """Have Slack looked at for a schedule as soon as can be; whoever is at it now looks once more."""
    new = insert(tx.conn, follows).values(schedule=schedule, wish=1, due_at=at, attempts=0, problem="", note="")
    again = {"wish": follows.c.wish + 1, "due_at": at, "attempts": 0}
    await tx.conn.execute(new.on_conflict_do_update(index_elements=[follows.c.schedule], set_=again))


async def any_due(conn: AsyncConnection, now: datetime) -> bool:
    """Tell whether any is due: a look that takes no lock."""
    return (await conn.execute(sa.select(sa.exists().where(follows.c.due_at <= now)))).scalar_one()


async def claim(tx: Tx, now: datetime, lease: timedelta) -> Follow | None:
    """Return what is due longest and is from now on ours to do; None where nothing is, or somebody is at one.

    One at a time in all replicas: two schedules may share a topic, which Slack only takes as a whole.
    """
    statement = sa.select(follows).order_by(follows.c.due_at, follows.c.schedule).with_for_update()
    rows = [_read(row) for row in (await tx.conn.execute(statement)).all()]
    if any(one.leased_until is not None and one.leased_until > now for one in rows):
        return None
    found = next((one for one in rows if one.due_at <= now), None)
    if found is not None:
        taken = sa.update(follows).where(follows.c.schedule == found.schedule).values(leased_until=now + lease)
        row = (await tx.conn.execute(taken.returning(*follows.c))).one()
        found = _read(row)
    return found


async def finish(
    tx: Tx, claimed: Follow, *, due_at: datetime, attempts: int, channel: Channel | None, problem: str, note: str
) -> None:
    """Write what came of one; it stays due where it was wished anew meanwhile, and is others' where the lease ended."""
    ours = (follows.c.schedule == claimed.schedule, follows.c.leased_until == claimed.leased_until)
    same = follows.c.wish == claimed.wish
    values = {
        "leased_until": None,
        "due_at": sa.case((same, sa.literal(due_at, Timestamp)), else_=follows.c.due_at),
        "attempts": sa.case((same, attempts), else_=follows.c.attempts),
        "channel": channel,
        "problem": problem,
        "note": note,
    }
    await tx.conn.execute(sa.update(follows).where(*ours).values(values))


async def forget(tx: Tx, claimed: Follow) -> None:
    """Drop the row of a schedule that nothing follows any more, unless it was wished anew meanwhile."""
    same = (follows.c.wish == claimed.wish, follows.c.leased_until == claimed.leased_until)
    await tx.conn.execute(sa.delete(follows).where(follows.c.schedule == claimed.schedule, *same))


async def all_of_them(conn: AsyncConnection) -> dict[str, Follow]:
    """Return how it stands with each, by schedule."""
    rows = (await conn.execute(sa.select(follows).order_by(follows.c.schedule))).all()
    return {one.schedule: one for one in map(_read, rows)}


def _read(row: sa.Row[tuple[object, ...]]) -> Follow:
    return Follow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names

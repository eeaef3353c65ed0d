"""The table of storms: in which channel so much began to fire that it is told in one message, and since when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts.records import OPEN, Group, groups, read
from bot.identity import Channel
from bot.store import ChannelColumn, Timestamp, Tx, insert, metadata, next_id

GRAVEST = ("emergency", "page", "critical", "error", "high", "warning", "medium", "low", "info", "none")
"""Severities by custom, the gravest first; any other stands before the last two."""


class Storm(Struct, frozen=True, kw_only=True):
    """One storm in one channel.

    `raged_at` is when groups last began there faster than the rate, `ended_at` when it was called over, `closed_at`
    when the last of its groups had ended as well.
    """

    id: str
    address: str
    began_at: datetime
    raged_at: datetime
    channel: Channel | None = None
    ended_at: datetime | None = None
    closed_at: datetime | None = None


storms = sa.Table(
    "alert_storms",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("address", sa.String(255), nullable=False),
    sa.Column("began_at", Timestamp, nullable=False),
    sa.Column("raged_at", Timestamp, nullable=False),
    sa.Column("channel", ChannelColumn, nullable=True),
    sa.Column("ended_at", Timestamp, nullable=True),
    sa.Column("closed_at", Timestamp, nullable=True),
)
_RAGES = storms.c.ended_at.is_(None)
sa.Index("ux_alert_storms_raging", storms.c.address, unique=True, sqlite_where=_RAGES, postgresql_where=_RAGES)
_LIVE = storms.c.closed_at.is_(None)
sa.Index("ix_alert_storms_live", storms.c.id, sqlite_where=_LIVE, postgresql_where=_LIVE)


class Tally(Struct, frozen=True):
    """How many groups of a storm stand where, by what they are of."""

    rows: tuple[tuple[str, str, str, int], ...] = ()
    """(state, severity, service, number)."""

    def by(self, position: int, *, over: bool = False) -> Mapping[str, int]:
        """Return numbers by state (0), severity (1) or service (2), most first; without `over` of those not over."""
        found: dict[str, int] = {}
        for row in self.rows:
            if over or row[0] != "resolved":
                found[str(row[position])] = found.get(str(row[position]), 0) + row[3]
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    @property
    def total(self) -> int:
        """All of them."""
        return sum(row[3] for row in self.rows)

    @property
    def open(self) -> int:
        """Those that are not over."""
        return sum(row[3] for row in self.rows if row[0] != "resolved")


async def raging(conn: AsyncConnection, address: str) -> str:
    """Return the id of the storm that is on in a channel, "" for none."""
    statement = sa.select(storms.c.id).where(storms.c.address == address, _RAGES)
    return str((await conn.execute(statement)).scalar_one_or_none() or "")


async def begin(tx: Tx, address: str, now: datetime) -> str:
    """Write a new storm and return its id; where one is on, return that."""
    made = Storm(id=await next_id(tx, "ST"), address=address, began_at=now, raged_at=now)
    statement = insert(tx.conn, storms).values({"id": made.id, **_values(made)})
    written = (await tx.conn.execute(statement.on_conflict_do_nothing())).rowcount > 0
    return made.id if written else await raging(tx.conn, address)


async def live(conn: AsyncConnection) -> Sequence[Storm]:
    """Return the storms whose message still changes, oldest first."""
    rows = (await conn.execute(sa.select(storms).where(_LIVE).order_by(storms.c.began_at))).all()
    return [_storm(row) for row in rows]


async def locked(tx: Tx, storm_id: str) -> Storm | None:
    """Return a storm, its row locked until the transaction ends."""
    row = (await tx.conn.execute(sa.select(storms).where(storms.c.id == storm_id).with_for_update())).one_or_none()
    return None if row is None else _storm(row)


async def find(conn: AsyncConnection, storm_id: str) -> Storm | None:
    """Return a storm by its id."""
    row = (await conn.execute(sa.select(storms).where(storms.c.id == storm_id))).one_or_none()
    return None if row is None else _storm(row)


async def keep(tx: Tx, storm: Storm) -> None:
    """Write a storm as it is now."""
    await tx.conn.execute(sa.update(storms).where(storms.c.id == storm.id).values(_values(storm)))


async def tally(conn: AsyncConnection, storm_id: str) -> Tally:
    """Return how the groups stand that a storm has gathered."""
    columns = (groups.c.state, groups.c.severity, groups.c.service)
    statement = sa.select(*columns, sa.func.count()).where(groups.c.inside == storm_id).group_by(*columns)
    rows = (await conn.execute(statement.order_by(*columns))).all()
    return Tally(tuple((str(one[0]), str(one[1]), str(one[2]), int(one[3])) for one in rows))


async def gravest(
    conn: AsyncConnection, storm_id: str, *, limit: int, severities: Sequence[str] = (), state: str = ""
) -> Sequence[Group]:
    """Return the groups of a storm that are not over, the gravest first; of some severities, in one state, or all."""
    statement = sa.select(groups).where(groups.c.inside == storm_id, OPEN)
    if severities:
        statement = statement.where(groups.c.severity.in_([one.lower() for one in severities]))
    if state:
        statement = statement.where(groups.c.state == state)
    rows = (await conn.execute(statement.order_by(*by_gravity()).limit(limit))).all()
    return [read(row) for row in rows]


async def any_of(conn: AsyncConnection, storm_id: str) -> Group | None:
    """Return one of the groups of a storm, whichever."""
    row = (await conn.execute(sa.select(groups).where(groups.c.inside == storm_id).limit(1))).one_or_none()
    return None if row is None else read(row)


def by_gravity() -> tuple[sa.ColumnElement[Any], ...]:
    """Return what groups are ordered by: how grave, whether anybody is on it, how long."""
    ranks = {name: number * 2 for number, name in enumerate(GRAVEST)}
    rank = sa.case(ranks, value=groups.c.severity, else_=ranks["low"] + 1)
    stands = sa.case(
        {"firing": 0, "unknown": 1, "acknowledged": 2, "silenced": 3, "attached": 4}, value=groups.c.state, else_=5
    )
    return rank, stands, groups.c.opened_at, groups.c.id


def _values(storm: Storm) -> dict[str, Any]:
    return {
        "address": storm.address,
        "began_at": storm.began_at,
        "raged_at": storm.raged_at,
        "channel": storm.channel,
        "ended_at": storm.ended_at,
        "closed_at": storm.closed_at,
    }


def _storm(row: sa.Row[Any]) -> Storm:
    return Storm(
        id=row.id,
        address=row.address,
        began_at=row.began_at,
        raged_at=row.raged_at,
        channel=row.channel,
        ended_at=row.ended_at,
        closed_at=row.closed_at,
    )

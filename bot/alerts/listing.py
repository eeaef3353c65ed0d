"""What the lists of groups read: a page of them in the order people want, however many there are."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts.records import OPEN, Group, groups, read
from bot.alerts.rules import State
from bot.alerts.storm_records import by_gravity

PAGE = 30


async def not_over(conn: AsyncConnection, *, service: str = "", inside: str = "") -> int:
    """Return how many groups are not over: of a service, or told of in one message, or all."""
    statement = sa.select(sa.func.count()).select_from(groups).where(*_which(service, inside))
    return int((await conn.execute(statement)).scalar_one())


async def page(
    conn: AsyncConnection, number: int, *, service: str = "", inside: str = "", size: int = PAGE
) -> Sequence[Group]:
    """Return one page of them, from 1: what nobody is on first, then the gravest, then the longest."""
    rank, stands, *rest = by_gravity()
    statement = sa.select(groups).where(*_which(service, inside)).order_by(stands, rank, *rest)
    return [read(row) for row in (await conn.execute(statement.limit(size).offset((number - 1) * size))).all()]


async def parts_of(conn: AsyncConnection, group_id: str) -> list[Group]:
    """Return the groups that are attached to one, oldest first."""
    statement = sa.select(groups).where(groups.c.part_of == group_id).order_by(groups.c.opened_at, groups.c.id)
    return [read(row) for row in (await conn.execute(statement)).all()]


async def orphans(conn: AsyncConnection) -> list[Group]:
    """Return the open groups that are attached to one that is over."""
    whole = groups.alias()
    over = sa.exists().where(whole.c.id == groups.c.part_of, whole.c.state == State.RESOLVED.value)
    statement = sa.select(groups).where(groups.c.part_of != "", OPEN, over).order_by(groups.c.id).limit(1000)
    return [read(row) for row in (await conn.execute(statement)).all()]


def _which(service: str, inside: str) -> list[sa.ColumnElement[bool]]:
    found = [OPEN]
    if service:
        found.append(groups.c.service == service)
    if inside:
        found.append(groups.c.inside == inside)
    return found

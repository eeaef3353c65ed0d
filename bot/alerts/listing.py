"""What the lists of groups read: a page of them in the order people want, however many there are."""

from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts.company import Answer, responders
from bot.alerts.records import OPEN, PART, Group, groups, read
from bot.alerts.rules import State
from bot.alerts.storm_records import by_gravity
from bot.identity import Person

PAGE = 30


class Wanted(Struct, frozen=True, kw_only=True):
    """Which groups are listed: of a service, told of in one message, in one state, or in somebody's hands.

    In somebody's hands is what they acknowledged, and what they said that they come to help with.
    """

    service: str = ""
    inside: str = ""
    state: State | None = None
    person: Person | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return what holds for them; all of them are open."""
        found = [OPEN]
        if self.service:
            found.append(groups.c.service == self.service)
        if self.inside:
            found.append(groups.c.inside == self.inside)
        if self.state is not None:
            found.append(groups.c.state == self.state.value)
        if self.person is not None:
            helps = sa.exists().where(
                responders.c.group_id == groups.c.id,
                responders.c.person == self.person,
                responders.c.answer == Answer.COMING.value,
            )
            found.append(sa.or_(groups.c.acknowledged_by == self.person, helps))
        return found

    def words(self) -> str:
        """Return which they are, to stand behind "alert groups"."""
        of = "".join(f" of {one}" for one in (self.service, self.inside) if one)
        state = f" that are {self.state.value}" if self.state is not None else ""
        return f"{of}{state}{' in your hands' if self.person is not None else ''}"


async def not_over(conn: AsyncConnection, wanted: Wanted) -> int:
    """Return how many of these groups there are."""
    statement = sa.select(sa.func.count()).select_from(groups).where(*wanted.conditions())
    return int((await conn.execute(statement)).scalar_one())


async def page(conn: AsyncConnection, number: int, wanted: Wanted, *, size: int = PAGE) -> Sequence[Group]:
    """Return one page of them, from 1: what nobody is on first, then the gravest, then the longest."""
    rank, stands, *rest = by_gravity()
    statement = sa.select(groups).where(*wanted.conditions()).order_by(stands, rank, *rest)
    return [read(row) for row in (await conn.execute(statement.limit(size).offset((number - 1) * size))).all()]


async def parts_of(conn: AsyncConnection, group_id: str) -> list[Group]:
    """Return the groups that are attached to one, oldest first."""
    statement = sa.select(groups).where(PART, groups.c.part_of == group_id).order_by(groups.c.opened_at, groups.c.id)
    return [read(row) for row in (await conn.execute(statement)).all()]


async def orphans(conn: AsyncConnection) -> list[Group]:
    """Return the open groups that are attached to one that is over."""
    whole = groups.alias()
    over = sa.exists().where(whole.c.id == groups.c.part_of, whole.c.state == State.RESOLVED.value)
    statement = sa.select(groups).where(groups.c.part_of != "", OPEN, over).order_by(groups.c.id).limit(1000)
    return [read(row) for row in (await conn.execute(statement)).all()]

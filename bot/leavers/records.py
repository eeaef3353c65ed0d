"""The table of people who left, and what of others' tables was theirs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals.records import approvals, votes
from bot.approvals.rules import State as ApprovalState, Vote
from bot.deployments.records import deployments
from bot.deployments.rules import ENDED
from bot.identity import Person
from bot.locks import records as locks
from bot.locks.records import Lock
from bot.locks.rules import Owner
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata


class Why(StrEnum):
    """How it became known: Slack has them as deactivated, or they were taken out of the configuration."""

    SLACK = "slack"
    CONFIGURATION = "configuration"


class Left(Struct, frozen=True, kw_only=True):
    """What somebody left behind: locks, deployments they asked for (id -> service), and what they approved."""

    locks: tuple[Lock, ...]
    asked: Mapping[str, str]
    approved: Mapping[str, str]

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.locks or self.asked or self.approved)


leavers = sa.Table(
    "leavers",
    metadata,
    sa.Column("person", PersonColumn, primary_key=True),
    sa.Column("why", sa.String(16), nullable=False),
    sa.Column("left_at", Timestamp, nullable=False),
)


async def everybody(conn: AsyncConnection) -> Mapping[Person, Why]:
    """Return all who left."""
    rows = (await conn.execute(sa.select(leavers.c.person, leavers.c.why))).all()
    return {row.person: Why(row.why) for row in rows}


async def add(tx: Tx, person: Person, why: Why, at: datetime) -> bool:
    """Write that somebody left; false when that is known. That Slack says so outweighs the configuration."""
    statement = insert(tx.conn, leavers).values(person=person, why=why.value, left_at=at)
    if why is Why.SLACK:
        statement = statement.on_conflict_do_update(
            index_elements=[leavers.c.person], set_={"why": why.value}, where=leavers.c.why != why.value
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=[leavers.c.person])
    return (await tx.conn.execute(statement)).rowcount > 0


async def remove(tx: Tx, person: Person, why: Why) -> bool:
    """Write that somebody is back; false when they had not left for this reason."""
    statement = sa.delete(leavers).where(leavers.c.person == person, leavers.c.why == why.value)
    return (await tx.conn.execute(statement)).rowcount > 0


async def left_by(conn: AsyncConnection, person: Person, now: datetime) -> Left:
    """Return what is a person's and not ended."""
    held = tuple(one for one in await locks.held(conn, now) if one.owner_kind is Owner.PERSON and one.person == person)
    live = sa.select(deployments.c.id, deployments.c.service).where(
        deployments.c.state.not_in([one.value for one in ENDED])
    )
    asked = (await conn.execute(live.where(deployments.c.requested_by == person).order_by(deployments.c.id))).all()
    approved = (
        live.join(approvals, approvals.c.subject == deployments.c.id)
        .join(votes, votes.c.approval_id == approvals.c.id)
        .where(
            approvals.c.state == ApprovalState.OPEN.value,
            votes.c.person == person,
            votes.c.vote == Vote.APPROVE.value,
        )
        .order_by(deployments.c.id)
    )
    counted = (await conn.execute(approved)).all()
    return Left(
        locks=held,
        asked={row.id: row.service for row in asked},
        approved={row.id: row.service for row in counted},
    )


async def with_something(conn: AsyncConnection, now: datetime) -> Sequence[Person]:
    """Return everybody who holds a lock, waits for a deployment, or approved one that is not decided."""
    found = {one.person for one in await locks.held(conn, now) if one.owner_kind is Owner.PERSON}
    live = sa.select(deployments.c.requested_by).where(deployments.c.state.not_in([one.value for one in ENDED]))
    found |= set((await conn.execute(live.distinct())).scalars())
    voted = (
        sa.select(votes.c.person)
        .join(approvals, approvals.c.id == votes.c.approval_id)
        .where(approvals.c.state == ApprovalState.OPEN.value)
    )
    found |= set((await conn.execute(voted.distinct())).scalars())
    return sorted(found)

"""The table of policies as they were read, newest last: what each changed, and what of it was in force."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.amendments.comparing import Change
from bot.identity import Person
from bot.store import JsonColumn, Timestamp, Tx, insert, metadata, next_id


class State(StrEnum):
    """Where a change stands: all of it in force, or the wider part waiting for people."""

    IN_FORCE = "in_force"
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    SUPERSEDED = "superseded"


class Source(Struct, frozen=True, kw_only=True):
    """Where a policy came from: the Git commit of its folder, and the addresses of all who wrote what is new in it.

    `certain` is false where Git cannot tell who wrote it: no repository, or edited without a commit.
    """

    commit: str = ""
    authors: tuple[str, ...] = ()
    certain: bool = False


class Amendment(Struct, frozen=True, kw_only=True):
    """One policy as it was read. `in_force` is what held of it; `after` is the one before it."""

    id: str
    after: str
    digest: str
    wanted: dict[str, Any]
    in_force: dict[str, Any]
    source: Source
    changes: tuple[Change, ...]
    state: State
    read_at: datetime
    agreed: tuple[Person, ...] = ()
    decided_at: datetime | None = None

    @property
    def needed(self) -> int:
        """How many people must agree: where nobody knows who wrote it, two that are not the same."""
        return 1 if self.source.certain else 2

    @property
    def widening(self) -> tuple[Change, ...]:
        """What it widens."""
        return tuple(one for one in self.changes if one.widens)

    @property
    def narrowing(self) -> tuple[Change, ...]:
        """What else it changes."""
        return tuple(one for one in self.changes if not one.widens)


amendments = sa.Table(
    "amendments",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("after", sa.String(32), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("wanted", JsonColumn, nullable=False),
    sa.Column("in_force", JsonColumn, nullable=False),
    sa.Column("commit", sa.String(64), nullable=False),
    sa.Column("authors", JsonColumn, nullable=False),
    sa.Column("certain", sa.Boolean, nullable=False),
    sa.Column("changes", JsonColumn, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("read_at", Timestamp, nullable=False),
    sa.Column("agreed", JsonColumn, nullable=False),
    sa.Column("decided_at", Timestamp, nullable=True),
    sa.Column("announced_at", Timestamp, nullable=True),
)
_NEWEST = sa.select(amendments).order_by(
    amendments.c.read_at.desc(), sa.func.length(amendments.c.id).desc(), amendments.c.id.desc()
)


async def newest(conn: AsyncConnection) -> Amendment | None:
    """Return the newest one."""
    row = (await conn.execute(_NEWEST.limit(1))).one_or_none()
    return None if row is None else read(row)


async def last_settled(conn: AsyncConnection) -> Amendment | None:
    """Return the newest one that is in force as a whole."""
    settled = amendments.c.state.in_([State.IN_FORCE.value, State.CONFIRMED.value])
    row = (await conn.execute(_NEWEST.where(settled).limit(1))).one_or_none()
    return None if row is None else read(row)


async def get(conn: AsyncConnection, amendment_id: str, *, lock: bool = False) -> Amendment | None:
    """Return one by its id; with `lock` its row stays locked until the transaction ends."""
    statement = sa.select(amendments).where(amendments.c.id == amendment_id)
    row = (await conn.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else read(row)


async def add(tx: Tx, wanted: Amendment) -> str:
    """Write one behind the one it was compared with and return its id, "" when another came first."""
    amendment_id = await next_id(tx, "PC")
    statement = insert(tx.conn, amendments).values(
        id=amendment_id,
        after=wanted.after,
        digest=wanted.digest,
        wanted=wanted.wanted,
        in_force=wanted.in_force,
        commit=wanted.source.commit,
        authors=list(wanted.source.authors),
        certain=wanted.source.certain,
        changes=[[one.where, one.words, one.widens] for one in wanted.changes],
        state=wanted.state.value,
        read_at=wanted.read_at,
        agreed=[],
    )
    written = (await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[amendments.c.after]))).rowcount
    if not written:
        return ""
    over = sa.update(amendments).where(amendments.c.id != amendment_id, amendments.c.state == State.WAITING.value)
    await tx.conn.execute(over.values(state=State.SUPERSEDED.value, decided_at=wanted.read_at))
    return amendment_id


async def agree(tx: Tx, amendment: Amendment) -> bool:
    """Write who has agreed, and what that made of it; answer whether it was still waiting."""
    statement = sa.update(amendments).where(amendments.c.id == amendment.id, amendments.c.state == State.WAITING.value)
    values = {
        "agreed": [one.key for one in amendment.agreed],
        "state": amendment.state.value,
        "in_force": amendment.in_force,
        "decided_at": amendment.decided_at,
    }
    return (await tx.conn.execute(statement.values(values))).rowcount > 0


async def unannounced(conn: AsyncConnection) -> Sequence[Amendment]:
    """Return those that nobody was told of yet, oldest first."""
    statement = sa.select(amendments).where(amendments.c.announced_at.is_(None)).order_by(amendments.c.read_at)
    return [read(row) for row in (await conn.execute(statement)).all()]


async def note_announced(tx: Tx, amendment_id: str, at: datetime) -> None:
    """Write that people were told of it."""
    await tx.conn.execute(sa.update(amendments).where(amendments.c.id == amendment_id).values(announced_at=at))


def read(row: sa.Row[tuple[object, ...]]) -> Amendment:
    """Return the amendment of a row."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Amendment(
        id=found[amendments.c.id],
        after=found[amendments.c.after],
        digest=found[amendments.c.digest],
        wanted=found[amendments.c.wanted],
        in_force=found[amendments.c.in_force],
        source=Source(
            commit=found[amendments.c.commit],
            authors=tuple(found[amendments.c.authors]),
            certain=found[amendments.c.certain],
        ),
        changes=tuple(Change(where, words, widens) for where, words, widens in found[amendments.c.changes]),
        state=State(found[amendments.c.state]),
        read_at=found[amendments.c.read_at],
        agreed=tuple(Person.parse(one) for one in found[amendments.c.agreed]),
        decided_at=found[amendments.c.decided_at],
    )

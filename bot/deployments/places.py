"""Places: what runs there, which commits it holds, and who holds the claim on it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.deployments.plan import Release
from bot.deployments.records import deployments
from bot.deployments.rules import State
from bot.freezes.records import ANY_DECLARED
from bot.identity import Person
from bot.locks import records as lock_records
from bot.store import PersonColumn, Timestamp, Tx, begins_with, insert, key_text, metadata

places = sa.Table(
    "places",
    metadata,
    sa.Column("service", sa.String(255), primary_key=True),
    sa.Column("environment", sa.String(255), primary_key=True),
    sa.Column("target", sa.String(255), primary_key=True),
    sa.Column("holder", sa.String(32), nullable=False, default=""),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("sha", sa.String(64), nullable=False, default=""),
    sa.Column("version", sa.String(255), nullable=False, default=""),
    sa.Column("artifact", sa.String(1000), nullable=False, default=""),
    sa.Column("digest", sa.String(255), nullable=False, default=""),
    sa.Column("deployment", sa.String(32), nullable=False, default=""),
    sa.Column("since", Timestamp, nullable=True),
    sa.Column("by", PersonColumn, nullable=True),
)

commits = sa.Table(
    "place_commits",
    metadata,
    sa.Column("service", sa.String(255), primary_key=True),
    sa.Column("environment", sa.String(255), primary_key=True),
    sa.Column("target", sa.String(255), primary_key=True),
    sa.Column("sha", key_text(64), primary_key=True, index=True),
    sa.Column("deployment", sa.String(32), nullable=False),
)


class Standing(Struct, frozen=True, kw_only=True):
    """A place as the store knows it: who holds it, the fence of the newest claim, and what runs there."""

    place: Place
    holder: str = ""
    fence: int = 0
    running: Release = Release()
    since: datetime | None = None


def _is(place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        places.c.service == place.service,
        places.c.environment == place.environment,
        places.c.target == place.target,
    )


def _key(place: Place) -> dict[str, str]:
    return {"service": place.service, "environment": place.environment, "target": place.target}


async def get(conn: AsyncConnection, place: Place) -> Standing:
    """Return how a place stands; one nobody has used is free and runs nothing we know of."""
    row = (await conn.execute(sa.select(places).where(*_is(place)))).one_or_none()
    return Standing(place=place) if row is None else _read(place, row)


async def known(conn: AsyncConnection) -> frozenset[Place]:
    """Return all places of which we know what runs there."""
    rows = await conn.execute(
        sa.select(places.c.service, places.c.environment, places.c.target).where(places.c.sha != "")
    )
    return frozenset(Place(*row) for row in rows)


async def hold(tx: Tx, place: Place) -> Standing:
    """Return how a place stands, its row ours until the transaction ends: who decides on a claim asks here first."""
    statement = insert(tx.conn, places).values(**_key(place), holder="", fence=0)
    await tx.conn.execute(statement.on_conflict_do_nothing())
    row = (await tx.conn.execute(sa.select(places).where(*_is(place)).with_for_update())).one()
    return _read(place, row)


async def claim(tx: Tx, place: Place, deployment_id: str) -> int | None:
    """Claim a free place: return the new fence, or None when another holds it. The holder's own claim stays."""
    statement = (
        sa.update(places)
        .where(*_is(place), places.c.holder.in_(["", deployment_id]))
        .values(holder=deployment_id, fence=places.c.fence + 1)
        .returning(places.c.fence)
    )
    fence: int | None = (await tx.conn.execute(statement)).scalar_one_or_none()
    return fence


async def release(tx: Tx, place: Place, deployment_id: str) -> bool:
    """Give a claim back; false when it was not this one's."""
    statement = sa.update(places).where(*_is(place), places.c.holder == deployment_id).values(holder="")
    return (await tx.conn.execute(statement)).rowcount > 0


async def note_running(
    tx: Tx,
    place: Place,
    release_: Release,
    *,
    at: datetime | None,
    by: Person | None,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> None:
    """Write what runs on a place now, and which commits came and went with it."""
    values = {
        "sha": release_.sha,
        "version": release_.version,
        "artifact": release_.artifact,
        "digest": release_.digest,
        "deployment": release_.deployment,
        "since": at,
        "by": by,
    }
    statement = insert(tx.conn, places).values(**_key(place), holder="", fence=0, **values)
    index = [places.c.service, places.c.environment, places.c.target]
    await tx.conn.execute(statement.on_conflict_do_update(index_elements=index, set_=values))
    if removed:
        gone = sa.delete(commits).where(
            commits.c.service == place.service,
            commits.c.environment == place.environment,
            commits.c.target == place.target,
            commits.c.sha.in_(list(removed)),
        )
        await tx.conn.execute(gone)
    rows = [
        {**_key(place), "sha": sha, "deployment": release_.deployment}
        for sha in dict.fromkeys([release_.sha, *added])
        if sha
    ]
    if rows:
        await tx.conn.execute(insert(tx.conn, commits).values(rows).on_conflict_do_nothing())


class Fact(Struct, frozen=True, kw_only=True):
    """One line of the answer to "what runs where, who holds what".

    `kind` is "lock" (`name` its reason, `id` its id, `until` its end), "place" (`name` the version, `detail` the
    commit, `id` the deployment that put it there) or "open" (`name` the version, `detail` the state, `id` its id); one
    of kind "freeze" says only that a person declared one.
    """

    kind: str
    place: Place
    name: str
    detail: str
    id: str
    person: Person | None
    at: datetime | None
    until: datetime | None


_L = lock_records.locks.c
_P = places.c
_D = deployments.c
_UNDER_WAY = (
    sa.select(
        sa.literal("open").label("kind"),
        _D.service,
        _D.environment,
        _D.target,
        _D.version,
        _D.state,
        _D.id,
        _D.requested_by,
        _D.state_since,
        sa.cast(sa.null(), Timestamp).label("until"),
    )
    .where(sa.or_(sa.bindparam("service") == "", _D.service == sa.bindparam("service")), _D.ended_at.is_(None))
    .order_by(_D.created_at)
    .limit(50)
    .subquery("under_way")  # SQLite takes no LIMIT inside a UNION
)
_FACTS: sa.CompoundSelect[Any] = sa.union_all(
    # The first decides the columns' types, so it is the one that has them all.
    sa.select(
        sa.literal("lock").label("kind"),
        _L.service,
        _L.environment,
        _L.target,
        _L.reason.label("name"),
        _L.owner_kind.label("detail"),
        _L.id,
        _L.person,
        _L.taken_at.label("at"),
        _L.expires_at.label("until"),
    ).where(
        lock_records.HELD,
        sa.or_(_L.expires_at.is_(None), _L.expires_at > sa.bindparam("now", type_=Timestamp)),
        sa.or_(sa.bindparam("service") == "", _L.service.in_(["", sa.bindparam("service")])),
    ),
    sa.select(
        sa.literal("place"),
        _P.service,
        _P.environment,
        _P.target,
        _P.version,
        _P.sha,
        _P.deployment,
        _P.by,
        _P.since,
        sa.cast(sa.null(), Timestamp),
    ).where(sa.or_(sa.bindparam("service") == "", _P.service == sa.bindparam("service")), _P.sha != ""),
    sa.select(*_UNDER_WAY.c),
    sa.select(
        sa.literal("freeze"),
        *[sa.literal("")] * 6,
        sa.cast(sa.null(), PersonColumn),
        *[sa.cast(sa.null(), Timestamp)] * 2,
    ).where(ANY_DECLARED),
)


async def facts(conn: AsyncConnection, *, now: datetime, service: str = "") -> list[Fact]:
    """Return, in one query, what runs where, which locks are in force and which deployments are under way.

    Whether people declared freezes is told, too; which ones, only `Freezes` knows.
    """
    rows = (await conn.execute(_FACTS, {"now": now, "service": service})).all()
    return [
        Fact(
            kind=row[0],
            place=Place(row[1], row[2], row[3]),
            name=row[4],
            detail=row[5],
            id=row[6],
            person=row[7],
            at=row[8],
            until=row[9],
        )
        for row in rows
    ]


class Holding(Struct, frozen=True):
    """That a place holds a commit: with which deployment it came, and what runs there now."""

    place: Place
    sha: str
    came_with: str
    version: str
    since: datetime | None


async def with_commit(conn: AsyncConnection, prefix: str) -> list[Holding]:
    """Return the places that hold commits beginning with `prefix` (at least 4 hex digits)."""
    statement = (
        sa.select(commits, places.c.version, places.c.since)
        .join(
            places,
            sa.and_(
                places.c.service == commits.c.service,
                places.c.environment == commits.c.environment,
                places.c.target == commits.c.target,
            ),
        )
        .where(begins_with(conn, commits.c.sha, prefix.lower()))
        .order_by(commits.c.service, commits.c.environment, commits.c.target)
        .limit(100)
    )
    return [
        Holding(Place(row.service, row.environment, row.target), row.sha, row.deployment, row.version, row.since)
        for row in (await conn.execute(statement)).all()
    ]


async def commits_of_version(conn: AsyncConnection, version: str) -> list[str]:
    """Return the commits that were deployed under this version's name."""
    statement = sa.select(_D.sha).where(_D.version == version, _D.state != State.REFUSED.value).distinct().limit(10)
    return list((await conn.execute(statement)).scalars().all())


def _read(place: Place, row: sa.Row[tuple[object, ...]]) -> Standing:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    running = Release(
        sha=found["sha"],
        version=found["version"],
        artifact=found["artifact"],
        digest=found["digest"],
        deployment=found["deployment"],
    )
    return Standing(place=place, holder=found["holder"], fence=found["fence"], running=running, since=found["since"])

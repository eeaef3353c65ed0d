"""The table of blocks: releases that were taken back somewhere, and must not come there again as they are."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State
from bot.identity import Person
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata


class Block(Struct, frozen=True, kw_only=True):
    """One bad release on one place: the deployment that told so, and the commits that it had brought.

    `lifted_at` is set once it may come there again: somebody said so, or it runs there.
    """

    deployment: str
    place: Place
    sha: str
    version: str
    commits: tuple[str, ...]
    why: str
    at: datetime
    lifted_at: datetime | None = None
    lifted_by: Person | None = None
    lifted_why: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Under which names a fix may speak of it."""
        return (self.deployment, self.version, self.version.removeprefix("v"), self.sha)


blocks = sa.Table(
    "blocked_releases",
    metadata,
    sa.Column("deployment", sa.String(32), sa.ForeignKey("deployments.id"), primary_key=True),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("target", sa.String(255), nullable=False),
    sa.Column("sha", sa.String(64), nullable=False),
    sa.Column("version", sa.String(255), nullable=False),
    sa.Column("commits", JsonColumn, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("lifted_at", Timestamp, nullable=True),
    sa.Column("lifted_by", PersonColumn, nullable=True),
    sa.Column("lifted_why", sa.Text, nullable=False, default=""),
)
_STANDS = blocks.c.lifted_at.is_(None)
sa.Index(
    "ix_blocked_releases_place",
    blocks.c.service,
    blocks.c.environment,
    blocks.c.target,
    sqlite_where=_STANDS,
    postgresql_where=_STANDS,
)


def _at(place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        blocks.c.service == place.service,
        blocks.c.environment == place.environment,
        blocks.c.target == place.target,
        _STANDS,
    )


def bad_release(deployment: Deployment) -> Release | None:
    """Return the release that a deployment took back from its place when it ended, None where it took back none.

    That is its own where it was rolled back, and what ran before where it was a rollback. One that was cancelled under
    way says nothing against its release.
    """
    if deployment.kind is Kind.ROLLBACK:
        back = deployment.state is State.SUCCEEDED and deployment.previous_sha not in {"", deployment.sha}
        return deployment.previous if back else None
    if deployment.cancel_at is None and deployment.state in {State.ROLLED_BACK, State.ROLLBACK_FAILED}:
        return deployment.release
    return None


async def add(tx: Tx, block: Block) -> bool:
    """Write a block; false when that deployment made one before."""
    statement = insert(tx.conn, blocks).values(
        deployment=block.deployment,
        service=block.place.service,
        environment=block.place.environment,
        target=block.place.target,
        sha=block.sha,
        version=block.version,
        commits=list(block.commits),
        why=block.why,
        at=block.at,
        lifted_why="",
    )
    return (await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[blocks.c.deployment]))).rowcount > 0


async def standing(conn: AsyncConnection, place: Place) -> Sequence[Block]:
    """Return the blocks of a place that are not lifted, newest first."""
    statement = sa.select(blocks).where(*_at(place)).order_by(blocks.c.at.desc(), blocks.c.deployment.desc())
    return [_read(row) for row in (await conn.execute(statement)).all()]


async def of(conn: AsyncConnection, deployment_id: str) -> Block | None:
    """Return the block that a deployment made, None where it made none."""
    row = (await conn.execute(sa.select(blocks).where(blocks.c.deployment == deployment_id))).one_or_none()
    return None if row is None else _read(row)


async def lift(
    tx: Tx, place: Place, *, at: datetime, why: str, by: Person | None = None, sha: str = ""
) -> Sequence[Block]:
    """Lift the blocks of a place, of one commit or all; return what was lifted."""
    values = {"lifted_at": at, "lifted_by": by, "lifted_why": why}
    only = (blocks.c.sha == sha,) if sha else ()
    statement = sa.update(blocks).where(*_at(place), *only).values(**values).returning(blocks)
    return [_read(row) for row in (await tx.conn.execute(statement)).all()]


def _read(row: sa.Row[tuple[object, ...]]) -> Block:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    place = Place(values.pop("service"), values.pop("environment"), values.pop("target"))
    return Block(**{**values, "commits": tuple(values["commits"]), "place": place})

"""The table of builds; rows as values, and the one compare-and-set."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.builds.rules import ENDED, State
from bot.identity import Channel, Person
from bot.store import ChannelColumn, JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata


class Build(Struct, frozen=True, kw_only=True):
    """One build as it stands.

    `asked` is the ref as it was typed, `sha` what it stood for then; both are empty where the tool decides. `held` are
    secret parameters, sealed, and kept only until the tool has them. `watched` means that it was started elsewhere.
    `run` is the tool's reference. `progress` holds what is known of the run, plain values. `parked_why` is set while
    it stands still.
    """

    id: str
    request_id: str
    service: str
    instance: str
    job: str
    project: str
    asked: str
    sha: str
    branch: str
    version: str
    title: str
    parameters: dict[str, str]
    held: dict[str, str]
    requested_by: Person
    watched: bool
    retry_of: str
    retried_as: str
    state: State
    state_since: datetime
    attempt: int
    run: str
    cancel_by: Person | None
    cancel_at: datetime | None
    parked_why: str
    parked_at: datetime | None
    progress: dict[str, JsonValue]
    channel: Channel | None
    created_at: datetime
    ended_at: datetime | None
    code: str
    words: str

    @property
    def ended(self) -> bool:
        """Whether nothing is under way any more."""
        return self.state in ENDED

    @property
    def name(self) -> str:
        """What is built: "checkout 1.4.2", "checkout main (a1b2c3d)", "checkout #214"."""
        number = self.progress.get("number")
        what = self.version or self.branch or (str(number) if self.watched and number else self.sha[:7])
        commit = f" ({self.sha[:7]})" if self.sha and not what.startswith(self.sha[:7]) else ""
        return f"{self.service} {what}{commit}".rstrip()


def _words(name: str, length: int = 255) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, default="")


builds = sa.Table(
    "builds",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("request_id", sa.String(255), nullable=False, unique=True),
    _words("service"),
    _words("instance"),
    _words("job", 1000),
    _words("project", 1000),
    _words("asked"),
    _words("sha", 64),
    _words("branch"),
    _words("version"),
    sa.Column("title", sa.Text, nullable=False, default=""),
    sa.Column("parameters", JsonColumn, nullable=False, default=dict),
    sa.Column("held", JsonColumn, nullable=False, default=dict),
    sa.Column("requested_by", PersonColumn, nullable=False),
    sa.Column("watched", sa.Boolean, nullable=False, default=False),
    _words("retry_of", 32),
    _words("retried_as", 32),
    _words("state", 16),
    sa.Column("state_since", Timestamp, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    _words("run", 1000),
    sa.Column("cancel_by", PersonColumn, nullable=True),
    sa.Column("cancel_at", Timestamp, nullable=True),
    sa.Column("parked_why", sa.Text, nullable=False, default=""),
    sa.Column("parked_at", Timestamp, nullable=True),
    sa.Column("progress", JsonColumn, nullable=False, default=dict),
    sa.Column("channel", ChannelColumn, nullable=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp, nullable=True),
    _words("code", 64),
    sa.Column("words", sa.Text, nullable=False, default=""),
    sa.Index("ix_builds_service_created_at", "service", "created_at"),
)
_OPEN = builds.c.ended_at.is_(None)
sa.Index("ix_builds_open", builds.c.created_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
sa.Index("ix_builds_run", builds.c.run)


def read(row: sa.Row[tuple[object, ...]]) -> Build:
    """Return the build of a row."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Build(**{**values, "state": State(values["state"])})


async def add(tx: Tx, **values: object) -> bool:
    """Write a new build; false when this request made one before."""
    statement = insert(tx.conn, builds).values(**values)
    statement = statement.on_conflict_do_nothing(index_elements=[builds.c.request_id])
    return (await tx.conn.execute(statement)).rowcount > 0


async def get(conn: AsyncConnection, build_id: str) -> Build | None:
    """Return one build by its id, in upper or lower case."""
    return await _one(conn, builds.c.id == build_id.strip().upper())


async def of_request(conn: AsyncConnection, request_id: str) -> Build | None:
    """Return the build that this request made."""
    return await _one(conn, builds.c.request_id == request_id)


async def of_run(conn: AsyncConnection, run: str) -> Build | None:
    """Return the newest build that shows this run of a tool."""
    statement = sa.select(builds).where(builds.c.run == run).order_by(builds.c.created_at.desc()).limit(1)
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def change(
    tx: Tx, build_id: str, states: Collection[State], *when: sa.ColumnElement[bool], **values: object
) -> Build | None:
    """Compare and set: change the row if its state is one of `states` (and `when` holds), and return it, else None."""
    statement = (
        sa.update(builds)
        .where(builds.c.id == build_id, builds.c.state.in_([state.value for state in states]), *when)
        .values(**values)
        .returning(builds)
    )
    row = (await tx.conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def newest(conn: AsyncConnection, *, service: str = "", limit: int = 10) -> Sequence[Build]:
    """Return builds, newest first; those of one service, or all."""
    statement = sa.select(builds).order_by(builds.c.created_at.desc(), builds.c.id.desc())
    if service:
        statement = statement.where(builds.c.service == service)
    return [read(row) for row in (await conn.execute(statement.limit(limit))).all()]


async def before(conn: AsyncConnection, build: Build) -> Build | None:
    """Return the build of the same service, job and branch that came out before this one."""
    statement = (
        sa.select(builds)
        .where(builds.c.service == build.service, builds.c.job == build.job, builds.c.branch == build.branch)
        .where(builds.c.id != build.id, builds.c.state.in_([State.SUCCEEDED.value, State.FAILED.value]))
        .where(builds.c.created_at <= build.created_at)
        .order_by(builds.c.created_at.desc())
        .limit(1)
    )
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def unfinished(conn: AsyncConnection, *, limit: int | None = None) -> Sequence[Build]:
    """Return builds that have not ended, oldest first."""
    statement = sa.select(builds).where(_OPEN).order_by(builds.c.created_at).limit(limit)
    return [read(row) for row in (await conn.execute(statement)).all()]


async def _one(conn: AsyncConnection, condition: sa.ColumnElement[bool]) -> Build | None:
    row = (await conn.execute(sa.select(builds).where(condition))).one_or_none()
    return None if row is None else read(row)

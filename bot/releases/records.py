"""The tables of releases and of what people say of them; rows as values, and the one compare-and-set."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Channel, Person
from bot.releases.changelog import Changelog
from bot.releases.rules import ENDED, State, Word
from bot.store import ChannelColumn, JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata


class Release(Struct, frozen=True, kw_only=True):
    """One release as it stands.

    `asked` is the ref as it was typed, `sha` what it stood for. `previous` is the release before it. `holds` means that
    its version is taken: that of a release that failed before its tag was made is free again. `built_by` says whose
    build its artifact is, where it was built before. `irreversible` are changed files that cannot be undone.
    `parked_why` is set while it stands still.
    """

    id: str
    request_id: str
    service: str
    instance: str
    project: str
    version: str
    tag: str
    holds: bool
    tagged: bool
    asked: str
    sha: str
    branch: str
    title: str
    bump: str
    previous: str
    previous_sha: str
    notes: str
    changes: JsonValue
    irreversible: list[str]
    checks: dict[str, str]
    build_run: str
    build_number: int
    built_by: str
    artifact: str
    digest: str
    url: str
    requested_by: Person
    state: State
    state_since: datetime
    attempt: int
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
        """What people call it: "checkout 1.4.2"."""
        return f"{self.service} {self.version}"

    @property
    def changelog(self) -> Changelog:
        """What it holds."""
        return Changelog.from_json(self.changes)


class SignOff(Struct, frozen=True, kw_only=True):
    """One word of one person on a release on an environment; what is said later counts."""

    id: int
    release: str
    environment: str
    digest: str
    person: Person
    word: Word
    reason: str
    request_id: str
    at: datetime


def _words(name: str, length: int = 255) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, default="")


releases = sa.Table(
    "releases",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("request_id", sa.String(255), nullable=False, unique=True),
    _words("service"),
    _words("instance"),
    _words("project", 1000),
    _words("version"),
    _words("tag"),
    sa.Column("holds", sa.Boolean, nullable=False, default=True),
    sa.Column("tagged", sa.Boolean, nullable=False, default=False),
    _words("asked"),
    _words("sha", 64),
    _words("branch"),
    sa.Column("title", sa.Text, nullable=False, default=""),
    _words("bump", 16),
    _words("previous"),
    _words("previous_sha", 64),
    sa.Column("notes", sa.Text, nullable=False, default=""),
    sa.Column("changes", JsonColumn, nullable=False, default=dict),
    sa.Column("irreversible", JsonColumn, nullable=False, default=list),
    sa.Column("checks", JsonColumn, nullable=False, default=dict),
    _words("build_run", 1000),
    sa.Column("build_number", sa.Integer, nullable=False, default=1),
    _words("built_by", 32),
    _words("artifact", 1000),
    _words("digest"),
    _words("url", 1000),
    sa.Column("requested_by", PersonColumn, nullable=False),
    _words("state", 16),
    sa.Column("state_since", Timestamp, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
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
    sa.Index("ix_releases_service_created_at", "service", "created_at"),
    sa.Index("ix_releases_service_sha", "service", "sha"),
)
_HOLDS = releases.c.holds.is_(True)
_OPEN = releases.c.ended_at.is_(None)
sa.Index(
    "ix_releases_version",
    releases.c.service,
    releases.c.version,
    unique=True,
    sqlite_where=sa.text("holds"),  # "holds IS 1" is what is written for the one, and the other does not know it
    postgresql_where=sa.text("holds"),
)
sa.Index("ix_releases_open", releases.c.created_at, sqlite_where=_OPEN, postgresql_where=_OPEN)

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

sign_offs = sa.Table(
    "release_sign_offs",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("release", sa.String(32), sa.ForeignKey("releases.id"), nullable=False),
    _words("environment"),
    _words("digest"),
    sa.Column("person", PersonColumn, nullable=False),
    _words("word", 16),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("request_id", sa.String(255), nullable=False, unique=True),
    sa.Column("at", Timestamp, nullable=False),
    sa.Index("ix_release_sign_offs_release", "release", "environment"),
)


def read(row: sa.Row[tuple[object, ...]]) -> Release:
    """Return the release of a row."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Release(**{**values, "state": State(values["state"])})


async def add(tx: Tx, **values: object) -> bool:
    """Write a new release; false when this request made one before, or its version is taken."""
    statement = insert(tx.conn, releases).values(**values).on_conflict_do_nothing()
    return (await tx.conn.execute(statement)).rowcount > 0


async def get(conn: AsyncConnection, release_id: str) -> Release | None:
    """Return one release by its id, in upper or lower case."""
    return await _one(conn, releases.c.id == release_id.strip().upper())


async def of_request(conn: AsyncConnection, request_id: str) -> Release | None:
    """Return the release that this request made."""
    return await _one(conn, releases.c.request_id == request_id)


async def holder(conn: AsyncConnection, service: str, version: str) -> Release | None:
    """Return the release that has this version of a service."""
    return await _one(conn, releases.c.service == service, releases.c.version == version, _HOLDS)


async def of_commit(conn: AsyncConnection, service: str, sha: str) -> Release | None:
    """Return the newest release of a commit that was cut."""
    statement = (
        sa.select(releases)
        .where(releases.c.service == service, releases.c.sha == sha, releases.c.state == State.CUT.value)
        .order_by(releases.c.ended_at.desc(), releases.c.id.desc())
        .limit(1)
    )
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def named(conn: AsyncConnection, service: str, name: str) -> Release | None:
    """Return the release of a service that has this id, version or tag."""
    word = name.strip()
    wanted = sa.or_(releases.c.id == word.upper(), releases.c.version == word, releases.c.tag == word)
    statement = sa.select(releases).where(releases.c.service == service, wanted)
    statement = statement.order_by(_HOLDS.desc(), releases.c.created_at.desc()).limit(1)
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def of_short(conn: AsyncConnection, service: str, prefix: str) -> Release | None:
    """Return the newest release that was cut of the commit whose SHA begins so; `prefix` are hex digits."""
    statement = (
        sa.select(releases)
        .where(releases.c.service == service, releases.c.sha.startswith(prefix), releases.c.state == State.CUT.value)
        .order_by(releases.c.ended_at.desc(), releases.c.id.desc())
        .limit(1)
    )
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def versions(conn: AsyncConnection, service: str, *, limit: int = 200) -> Sequence[tuple[str, str]]:
    """Return (version, commit) of what is or is being released, the newest first."""
    statement = (
        sa.select(releases.c.version, releases.c.sha)
        .where(releases.c.service == service, _HOLDS)
        .order_by(releases.c.created_at.desc())
        .limit(limit)
    )
    return [(row.version, row.sha) for row in (await conn.execute(statement)).all()]


async def change(
    tx: Tx, release_id: str, states: Collection[State], *when: sa.ColumnElement[bool], **values: object
) -> Release | None:
    """Compare and set: change the row if its state is one of `states` (and `when` holds), and return it, else None."""
    statement = (
        sa.update(releases)
        .where(releases.c.id == release_id, releases.c.state.in_([state.value for state in states]), *when)
        .values(**values)
        .returning(releases)
    )
    row = (await tx.conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def newest(conn: AsyncConnection, *, service: str = "", limit: int = 10) -> Sequence[Release]:
    """Return releases, newest first; those of one service, or all."""
    statement = sa.select(releases).order_by(releases.c.created_at.desc(), releases.c.id.desc())
    if service:
        statement = statement.where(releases.c.service == service)
    return [read(row) for row in (await conn.execute(statement.limit(limit))).all()]


async def unfinished(conn: AsyncConnection) -> Sequence[Release]:
    """Return releases that have not ended, oldest first."""
    statement = sa.select(releases).where(_OPEN).order_by(releases.c.created_at)
    return [read(row) for row in (await conn.execute(statement)).all()]


async def say(tx: Tx, **values: object) -> bool:
    """Write what somebody says of a release; false when this request said it before."""
    statement = insert(tx.conn, sign_offs).values(**values)
    statement = statement.on_conflict_do_nothing(index_elements=[sign_offs.c.request_id])
    return (await tx.conn.execute(statement)).rowcount > 0


async def said_of(conn: AsyncConnection, release_id: str, environment: str = "") -> Sequence[SignOff]:
    """Return all that was said of a release, on one environment or on all, in order."""
    statement = sa.select(sign_offs).where(sign_offs.c.release == release_id).order_by(sign_offs.c.id)
    if environment:
        statement = statement.where(sign_offs.c.environment == environment)
    rows = (await conn.execute(statement)).all()
    return [SignOff(**{**dict(row._mapping), "word": Word(row.word)}) for row in rows]  # noqa: SLF001 - as above


def last_words(said: Sequence[SignOff]) -> Sequence[SignOff]:
    """Return the last word of each person on each environment, revoked ones left out."""
    newest_of = {(one.person, one.environment): one for one in said}
    return [one for one in newest_of.values() if one.word is not Word.REVOKED]


async def _one(conn: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> Release | None:
    row = (await conn.execute(sa.select(releases).where(*conditions))).one_or_none()
    return None if row is None else read(row)

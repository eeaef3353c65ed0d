"""Engines: how connections to SQLite and PostgreSQL are made and set up."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store import one_trip

SCHEMA = "shipmate"
IMMEDIATE = {"shipmate_immediate": True}
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}

DialectName = Literal["sqlite", "postgresql"]

PATIENT: ContextVar[bool] = ContextVar("patient", default=False)
"""Whether PostgreSQL may take as long as it likes to answer: see `patiently`."""


@contextmanager
def patiently() -> Iterator[None]:
    """Wait as long as it takes for statements in this block: those that change tables."""
    before = PATIENT.set(True)
    try:
        yield
    finally:
        PATIENT.reset(before)


def parse_url(url: str) -> tuple[sa.URL, DialectName]:
    """Return the URL with our driver in it and the kind of database.

    Raises:
        ValueError: it is no URL, or names another kind of database, or SQLite without a file.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ValueError("the database URL cannot be read: postgresql://user@host/name was expected") from None
    kind = parsed.get_backend_name()
    if kind not in _DRIVERS:
        raise ValueError(f"{kind!r} is no database Shipmate can use: sqlite or postgresql was expected")
    if kind == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ValueError("SQLite needs a file: sqlite:///path/to/shipmate.db was expected")
    dialect: DialectName = "sqlite" if kind == "sqlite" else "postgresql"
    return parsed.set(drivername=_DRIVERS[kind]), dialect


def sqlite_engines(url: sa.URL) -> tuple[AsyncEngine, AsyncEngine, one_trip.Connections]:
    """Return (writing, reading) engines of one SQLite file in WAL mode, and the connections of both.

    Writing: the driver's own transaction control is off and SQLAlchemy's begin says BEGIN IMMEDIATE where a
    transaction may read before it writes (isolation SERIALIZABLE, which the durability engine asks for, or our
    own option), else a plain BEGIN. Reading: autocommit, and the connection refuses to write.
    """
    made = one_trip.Connections(Path(url.database or ""))
    writing = create_async_engine(url, async_creator=made.connect, pool_size=3, max_overflow=5, pool_timeout=10)
    event.listen(writing.sync_engine, "connect", _set_up_sqlite)
    event.listen(writing.sync_engine, "begin", _begin_sqlite)
    event.listen(writing.sync_engine, "handle_error", _give_up)
    reading = create_async_engine(
        url,
        async_creator=made.connect_reader,
        isolation_level="AUTOCOMMIT",
        pool_size=4,
        max_overflow=4,
        pool_timeout=10,
        pool_reset_on_return=None,
        skip_autocommit_rollback=True,
    )
    event.listen(reading.sync_engine, "connect", _set_up_sqlite_reader)
    return writing, reading, made


def postgres_engines(url: sa.URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Return (writing, reading) engines that share a pool; our tables are found in the schema `shipmate`."""
    writing = _postgres_engine(url, pool_size=8, max_overflow=8)
    return writing, writing.execution_options(isolation_level="AUTOCOMMIT")


def lease_engine(engine: AsyncEngine) -> AsyncEngine:
    """Return an engine of the same PostgreSQL database whose connections nobody else uses up."""
    return _postgres_engine(engine.url, pool_size=2, max_overflow=1)


def _postgres_engine(url: sa.URL, *, pool_size: int, max_overflow: int) -> AsyncEngine:
    from bot.store.patience import connect_arguments  # noqa: PLC0415 - only the driver in use is imported

    made = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args=connect_arguments(url),
    )
    event.listen(made.sync_engine, "connect", _set_up_postgres)
    return made


def _set_up_sqlite(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver would say it too late
    _run(
        connection,
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",  # what was acknowledged survives a power cut
        f"PRAGMA busy_timeout={one_trip.BUSY_MILLISECONDS}",
        "PRAGMA foreign_keys=ON",
    )


def _set_up_sqlite_reader(connection: DBAPIConnection, _record: object) -> None:
    _run(connection, "PRAGMA query_only=ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    immediate = options.get("shipmate_immediate") or options.get("isolation_level") == "SERIALIZABLE"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _give_up(context: ExceptionContext) -> None:
    """Throw a connection away whose commit or rollback failed.

    Its transaction may still be open, and SQLAlchemy takes it for ended: back in the pool it would hold the file's
    write lock, and begin nothing any more. Source: https://www.sqlite.org/lang_transaction.html
    """
    if context.statement is None and context.connection is not None:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


def _set_up_postgres(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's, adapted by SQLAlchemy
    before = connection.autocommit
    connection.autocommit = True
    _run(
        connection,
        f"SET search_path TO {SCHEMA}",
        "SET TIME ZONE 'UTC'",
        "SET lock_timeout TO '10s'",
        "SET idle_in_transaction_session_timeout TO '10s'",  # a process that is stopped must not hold rows for long
    )
    connection.autocommit = before


def _run(connection: DBAPIConnection, *statements: str) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def make_private(path: Path) -> None:
    """Make a file for SQLite, and its folder, that only our own user may read; what is there stays as it is.

    SQLite gives its journals the rights of the file. Source: https://www.sqlite.org/src/doc/trunk/src/os_unix.c
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)

"""Consistent copies of the databases: SQLite's own backup, and PostgreSQL's `pg_dump` and `pg_restore`."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

DUMP = "shipmate.dump"
SCHEMAS = ("shipmate", "shipmate_engine")
_WAIT = 30.0  # seconds for a writer to end
_LONGEST = 6 * 3600.0


def copy_sqlite(ours: Path, engines: Path, made: tuple[Path, Path]) -> list[Path]:
    """Copy our file and the engine's as they were in one moment, while others write to them; return the copies.

    Nobody writes to ours while both snapshots are taken, so that no step is known to one and unknown to the other.

    Raises:
        ValueError: there is no database.
    """
    for path in (ours, engines):
        if not path.exists():
            raise ValueError(f"there is no {path}: `shipmate serve` makes it")
    with closing(_opened(ours)) as writer, closing(_opened(ours)) as reader, closing(_opened(engines)) as engine:
        writer.execute("BEGIN IMMEDIATE")
        for connection in (reader, engine):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        writer.execute("ROLLBACK")
        for connection, path in zip((reader, engine), made, strict=True):
            with closing(sqlite3.connect(path)) as to:
                connection.backup(to)
                to.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file
    return list(made)


def dump_postgres(url: str, folder: Path) -> list[Path]:
    """Dump both schemas as of one moment; return the dump.

    Raises:
        ValueError: `pg_dump` is not there, or fails; says how.
    """
    made = folder / DUMP
    words = [f"--schema={one}" for one in SCHEMAS]
    _run(url, "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={made}", *words])
    return [made]


def load_postgres(url: str, folder: Path) -> None:
    """Load a dump into a database that has room for it, in one transaction. Raises: ValueError."""
    words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(folder / DUMP)]
    _run(url, "pg_restore", words)


def make_room(url: str, stamp: str, *, replace: bool) -> list[str]:
    """Rename the schemas that are there; return what they are called now.

    Raises:
        ValueError: they are there and `replace` is false, or a Shipmate runs on the database.
    """
    with _postgres(url) as conn:
        there = [one for one in SCHEMAS if one in sa.inspect(conn).get_schema_names()]
        leased = "SELECT count(*) FROM shipmate.replicas WHERE until > clock_timestamp()"
        if sa.inspect(conn).has_table("replicas", SCHEMAS[0]) and conn.exec_driver_sql(leased).scalar_one():
            raise ValueError("a Shipmate runs on this database: stop every replica first")
        if there and not replace:
            raise ValueError("the database holds a Shipmate: --replace keeps it aside and puts the backup in its place")
        aside = [f"{one}_{stamp}" for one in there]
        for old, new in zip(there, aside, strict=True):
            conn.exec_driver_sql(f'ALTER SCHEMA "{old}" RENAME TO "{new}"')
    return aside


def back_to(url: str, stamp: str) -> None:
    """Undo a restore that failed: drop what was loaded, and give what was there its name back."""
    with _postgres(url) as conn:
        there = sa.inspect(conn).get_schema_names()
        for one in SCHEMAS:
            if one in there:
                conn.exec_driver_sql(f'DROP SCHEMA "{one}" CASCADE')
            if stamp and f"{one}_{stamp}" in there:
                conn.exec_driver_sql(f'ALTER SCHEMA "{one}_{stamp}" RENAME TO "{one}"')


@contextmanager
def _postgres(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    try:
        with engine.begin() as conn:
            yield conn
    except sa.exc.DBAPIError as error:
        raise ValueError(f"the database cannot be used: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_WAIT, isolation_level=None)


def _run(url: str, name: str, words: list[str]) -> None:
    """Run one of PostgreSQL's programs on the database; its password stands in no list of processes."""
    program = shutil.which(name)
    if program is None:
        package = "it comes with PostgreSQL's client programs (Debian: postgresql-client)"
        raise ValueError(f"{name} is not on the PATH: {package}; its version must be at least the server's")
    parsed = sa.make_url(url)
    safe = parsed.set(drivername="postgresql", password=None).render_as_string()
    done = subprocess.run(  # noqa: S603 - the program is PostgreSQL's own, the words are ours
        [program, f"--dbname={safe}", "--no-password", *words],
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
        env={"PGPASSWORD": str(parsed.password or ""), "PATH": os.defpath, "LC_ALL": "C"},
    )
    if done.returncode:
        raise ValueError(f"{name} failed: {done.stderr.strip()[-500:]}")

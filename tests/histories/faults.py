"""Faults of the store in the moment of a commit: refused before it, or lost after it took effect."""

import contextlib
import sqlite3
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event

from bot.store import Store


class Fault(StrEnum):
    """What happens to one commit."""

    NONE = "none"
    BEFORE = "before"  # it fails and nothing is kept
    AFTER = "after"  # it is kept, and the connection is lost before that is told


class Faults:
    """Breaks commits of a store, in the order in which they come."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plan: list[Fault] = []
        self.struck = 0
        dialect = store.engine.sync_engine.dialect
        self._commit = dialect.do_commit
        dialect.do_commit = self._committing  # type: ignore[method-assign, assignment]
        if store.dialect == "sqlite":
            event.listen(store.engine.sync_engine, "connect", _impatient)

    @contextlib.contextmanager
    def planned(self, plan: list[Fault]) -> Iterator[None]:
        """Have the next commits meet these faults, in turn, as long as the block lasts."""
        self._plan = list(plan)
        try:
            yield
        finally:
            self._plan = []

    def _committing(self, connection: Any) -> None:
        fault = self._plan.pop(0) if self._plan else Fault.NONE
        if fault is Fault.NONE:
            self._commit(connection)
            return
        self.struck += 1
        if fault is Fault.AFTER:
            self._commit(connection)
        raise self._broken(connection)

    def _broken(self, connection: Any) -> Exception:
        if self._store.dialect == "sqlite":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            return error
        connection.dbapi_connection.close()
        return psycopg.OperationalError("server closed the connection unexpectedly")


@contextlib.contextmanager
def held(path: str) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of a SQLite file as another process would; ends with the block, or `rollback`."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield other
    finally:
        other.close()


def _impatient(connection: Any, _record: object) -> None:
    """Wait for no lock of another process, so that one that is held is an error at once."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    cursor.execute("PRAGMA synchronous=OFF")  # the machine stays up: what is tested is not the disk
    cursor.close()


def is_sqlite(url: str) -> bool:
    """Tell which kind of store a URL names."""
    return sa.make_url(url).get_backend_name() == "sqlite"

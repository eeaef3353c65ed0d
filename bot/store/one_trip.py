"""SQLite with one trip to its thread a statement, and none for a short one that only reads.

aiosqlite runs each call of the driver in a thread of the connection: a cursor made, a statement executed, its rows
fetched and the cursor closed are four trips, and on a busy event loop the trips cost more than the statement.
Here a statement and all its rows are one. Source: https://aiosqlite.omnilib.dev/en/stable/api.html
"""

import asyncio
import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import aiosqlite

BUSY_MILLISECONDS = 5000
"""How long a statement waits for a lock of another process."""
AT_ONCE_SECONDS = 0.002
_LOOK_EVERY = 4_000  # instructions of SQLite's machine, some tenths of a millisecond


class Connection(aiosqlite.Connection):
    """A connection whose cursors hold all rows as soon as they have executed."""

    _ended: "asyncio.Future[Any] | None" = None

    def stop(self) -> "asyncio.Future[Any] | None":
        """End the thread after what is queued for it. Asked again, the first ending is meant."""
        if self._running:
            self._ended = super().stop()  # a second one would stand in the queue of a thread that is gone
        return None if self._ended is None else asyncio.shield(self._ended)

    def cursor(self) -> "Cursor":  # type: ignore[override]  # an awaitable there, for the trip that is saved here
        """Return a cursor; nothing is done yet."""
        return Cursor(self)

    async def run(self, sql: str, parameters: Any, *, many: bool) -> "Outcome":  # noqa: ANN401 - the driver's own
        """Execute one statement in the connection's thread and return all that came of it.

        Raises:
            sqlite3.Error: it failed.
        """
        outcome: Outcome = await self._execute(_run, self._conn, sql, parameters, many=many)  # type: ignore[no-untyped-call]
        return outcome


class Reader(Connection):
    """A connection that only reads. A short statement runs where it is asked for, on the event loop.

    The trip to a thread and back costs several times a look-up by key. A statement that takes longer than
    `AT_ONCE_SECONDS`, or meets a lock, is given up and starts over in the thread, so the loop waits for none.
    Source: https://www.sqlite.org/c3ref/progress_handler.html
    """

    _until = math.inf

    async def run(self, sql: str, parameters: Any, *, many: bool) -> "Outcome":  # noqa: ANN401 - the driver's own
        """Execute one statement and return all that came of it.

        Raises:
            sqlite3.Error: it failed.
        """
        self._until = time.perf_counter() + AT_ONCE_SECONDS
        try:
            return _run(self._conn, sql, parameters, many=many)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY}:
                raise
        finally:
            self._until = math.inf
        outcome: Outcome = await self._execute(_run_patiently, self._conn, sql, parameters, many=many)  # type: ignore[no-untyped-call]
        return outcome

    def late(self) -> bool:
        """Whether the statement that runs on the event loop has to be given up; asked by SQLite while it works."""
        return time.perf_counter() > self._until


class Outcome:
    """What a statement came to: the driver's description of its columns, its rows and counts."""

    __slots__ = ("description", "lastrowid", "rowcount", "rows")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.rows: Sequence[Any] = cursor.fetchall() if cursor.description else ()
        self.description = cursor.description
        self.rowcount = cursor.rowcount  # after the rows: for RETURNING it is only known then
        self.lastrowid = cursor.lastrowid


class Cursor:
    """What SQLAlchemy asks of an asynchronous cursor; between two statements it holds nothing of the driver."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: deque[Any] = deque()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        """Return the cursor."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Forget the rows."""
        await self.close()

    async def execute(self, sql: str, parameters: Any = ()) -> Self:  # noqa: ANN401 - the driver's own
        """Execute a statement and take all its rows."""
        self._take(await self._connection.run(sql, parameters, many=False))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Execute a statement once for each set of parameters."""
        self._take(await self._connection.run(sql, parameters, many=True))
        return self

    async def fetchone(self) -> Any:  # noqa: ANN401 - a row
        """Return the next row, None after the last."""
        return self._rows.popleft() if self._rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    async def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        rows, self._rows = list(self._rows), deque()
        return rows

    async def close(self) -> None:
        """Forget the rows; the driver's cursor is closed already."""
        self._rows.clear()

    def _take(self, outcome: Outcome) -> None:
        self._rows = deque(outcome.rows)
        self.description = outcome.description
        self.rowcount = outcome.rowcount
        self.lastrowid = outcome.lastrowid


class Connections:
    """Makes the connections of one file, and knows their threads until they have ended.

    A statement whose task was cancelled goes on in its thread, which then tells the event loop of it: while one is at
    work the loop must not be closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: list[Connection] = []

    async def connect(self) -> Connection:
        """Return a new connection; its thread does not keep the process alive."""
        return await self._made_of(Connection(lambda: sqlite3.connect(self._path), 64))

    async def connect_reader(self) -> Reader:
        """Return a new connection that is only read from: it waits for no lock unless its thread does."""
        reader = Reader(lambda: sqlite3.connect(self._path, timeout=0, check_same_thread=False), 64)
        await self._made_of(reader)
        await reader.set_progress_handler(reader.late, _LOOK_EVERY)
        return reader

    async def _made_of(self, connection: Connection) -> Connection:
        self._made = [one for one in self._made if _thread(one).is_alive()]
        _thread(connection).daemon = True
        self._made.append(connection)
        await connection
        return connection

    async def end(self, seconds: float) -> None:
        """End all connections and wait until their threads have, at most so many seconds."""
        left, self._made = [one for one in self._made if _thread(one).is_alive()], []
        for one in left:
            one.stop()  # after the statement that is being executed; once more does no harm
        if left:
            await asyncio.to_thread(_join, [_thread(one) for one in left], seconds)


def _thread(connection: Connection) -> threading.Thread:
    thread: threading.Thread = connection._thread  # noqa: SLF001 -- there is no public way to wait for its end
    return thread


def _join(threads: Iterable[threading.Thread], seconds: float) -> None:
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0))


def _run(driver: sqlite3.Connection, sql: str, parameters: Any, *, many: bool) -> Outcome:  # noqa: ANN401
    cursor = driver.cursor()
    try:
        if many:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
        return Outcome(cursor)
    finally:
        cursor.close()


def _run_patiently(driver: sqlite3.Connection, sql: str, parameters: Any, *, many: bool) -> Outcome:  # noqa: ANN401
    driver.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    try:
        return _run(driver, sql, parameters, many=many)
    finally:
        driver.execute("PRAGMA busy_timeout=0")

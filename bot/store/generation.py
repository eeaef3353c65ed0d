"""Which life of the database this is: a lineage, a generation that only grows, and a marker of it outside.

A database that somebody put back knows less than what has happened. So its generation is raised at each start, each
minute and at each stop, and then written down in a file beside it: the marker. A marker that is ahead of its database
means that an older copy took the database's place. A dump that was restored into PostgreSQL is known without a file,
too: the table of the generation has another number there, or stands in another cluster.
Source: https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA
"""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa
import structlog
from msgspec import Struct

from bot.store.columns import Timestamp
from bot.store.counters import counters
from bot.store.database import Store
from bot.store.tables import insert, metadata
from bot.store.transaction import Tx

FILE = "generation.json"
JUMP = 1000
"""How far ids and claims jump after a restore: what was given out since the copy was made must not be given again."""

BACKUP = "backup of "
_ROW = 1
_HOME = "SELECT system_identifier::text || '/' || 'lineage'::regclass::oid::text FROM pg_control_system()"

log = structlog.get_logger()

lineages = sa.Table(
    "lineage",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("lineage", sa.String(32), nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("home", sa.String(100), nullable=False),  # where PostgreSQL keeps the table, "" on SQLite
    sa.Column("held_at", Timestamp, nullable=True),
    sa.Column("held_why", sa.String(500), nullable=False),
)
_here = lineages.c.id == _ROW


class Mark(Struct, frozen=True, kw_only=True):
    """What the marker says: the newest generation of a lineage, and the newest number of each kind of id."""

    lineage: str
    generation: int
    counters: dict[str, int] = {}


class Hold(Struct, frozen=True, kw_only=True):
    """A database that was restored and is not to be acted on: since when, and by what that was noticed."""

    at: datetime
    why: str


class Outrun(Exception):
    """The database is another one, or an older one, than this process was working with."""


class Marker:
    """The file outside of the database."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def read(self) -> Mark | None:
        """Return what it says, None when there is none or it cannot be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Mark)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("generation.marker_unreadable", path=str(self.path), error=str(error))
            return None

    def write(self, mark: Mark) -> None:
        """Put another one in its place, at once and for good; a folder that cannot be written is told to the log."""
        beside = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(json.dumps(msgspec.to_builtins(mark), sort_keys=True).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            log.warning("generation.marker_unwritten", path=str(self.path), error=str(error))


def why_restored(row: Mark, home: str, marker: Mark | None, home_now: str) -> str:
    """Return by what a restore is noticed, "" when the database is the one that was worked with last. Pure."""
    if home.startswith(BACKUP):
        return f"the database was restored from a {home}"
    if home and home != home_now:
        return "the database was restored from a dump, or moved to another cluster"
    if marker is None:
        return ""
    if marker.lineage != row.lineage:
        return "the database is another one than the one that Shipmate worked with here before"
    if marker.generation > row.generation:
        return (
            f"the database is older than what Shipmate did: it is at generation {row.generation}, "
            f"and had reached {marker.generation}"
        )
    return ""


class Generation:
    """The generation of an open database, for one process."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._marker = Marker(folder)
        self._mine = Mark(lineage="", generation=0)

    async def begin(self) -> Hold | None:
        """Raise the generation, or find that the database was restored: then it is held, until `let_go`.

        A database that is new begins a lineage. Where a marker tells of an earlier one, its ids are not given again.
        """
        marker = await asyncio.to_thread(self._marker.read)
        async with self._store.write() as tx:
            home = await self._home(tx)
            row = await _locked(tx)
            if row is None:
                await tx.conn.execute(
                    insert(tx.conn, lineages)
                    .values(id=_ROW, lineage=secrets.token_hex(16), generation=0, home=home, held_at=None, held_why="")
                    .on_conflict_do_nothing(index_elements=[lineages.c.id])
                )
                row = await _locked(tx)
                if marker is not None:
                    await _jump(tx, marker.counters)
            if row is None:
                raise RuntimeError("the row of the lineage was not kept")
            known = Mark(lineage=row.lineage, generation=row.generation)
            why = why_restored(known, row.home, marker, home) if row.generation and row.held_at is None else ""
            ahead = marker.generation if marker is not None and marker.lineage == row.lineage else 0
            values: dict[str, object] = {"generation": max(row.generation, ahead) + 1, "home": home}
            if why:
                values |= {"held_at": self._store.clock.now(), "held_why": why}
                await _jump(tx, marker.counters if marker is not None else {})
            changed = sa.update(lineages).where(_here).values(**values).returning(lineages)
            row = (await tx.conn.execute(changed)).one()
            numbers = await _numbers(tx)
        await self._write(Mark(lineage=row.lineage, generation=row.generation, counters=numbers))
        return None if row.held_at is None else Hold(at=row.held_at, why=row.held_why)

    async def raise_it(self) -> None:
        """Raise the generation and then the marker.

        Raises:
            Outrun: somebody put another database in the place of the one that this process worked with.
        """
        async with self._store.write() as tx:
            changed = sa.update(lineages).where(
                _here,
                lineages.c.lineage == self._mine.lineage,
                lineages.c.generation >= self._mine.generation,
                ~lineages.c.home.startswith(BACKUP),
            )
            statement = changed.values(generation=lineages.c.generation + 1).returning(lineages)
            row = (await tx.conn.execute(statement)).one_or_none()
            if row is None:
                raise Outrun("the database was replaced while Shipmate worked with it")
            numbers = await _numbers(tx)
        await self._write(Mark(lineage=row.lineage, generation=row.generation, counters=numbers))

    async def held(self) -> Hold | None:
        """Return the hold, None when the database may be acted on.

        Raises:
            Outrun: as `raise_it` does.
        """
        async with self._store.read() as conn:
            row = (await conn.execute(sa.select(lineages).where(_here))).one_or_none()
        if (
            row is None
            or row.lineage != self._mine.lineage
            or row.generation < self._mine.generation
            or row.home.startswith(BACKUP)
        ):
            raise Outrun("the database was replaced while Shipmate worked with it")
        return None if row.held_at is None else Hold(at=row.held_at, why=row.held_why)

    async def let_go(self, tx: Tx) -> None:
        """End the hold, in `tx`."""
        await tx.conn.execute(sa.update(lineages).where(_here).values(held_at=None, held_why=""))

    async def _write(self, mark: Mark) -> None:
        self._mine = mark
        await asyncio.to_thread(self._marker.write, mark)

    async def _home(self, tx: Tx) -> str:
        if self._store.dialect == "sqlite":
            return ""
        return str((await tx.conn.exec_driver_sql(_HOME)).scalar_one())


async def mark_restored(store: Store, what: str) -> None:
    """Have the next start hold this database; `what` it was restored from begins with "backup of "."""
    values = {"generation": 1, "home": what, "held_at": None, "held_why": ""}
    async with store.write() as tx:
        row = insert(tx.conn, lineages).values(id=_ROW, lineage=secrets.token_hex(16), **values)
        same = {"home": what, "held_at": None, "held_why": ""}
        await tx.conn.execute(row.on_conflict_do_update(index_elements=[lineages.c.id], set_=same))


async def held(store: Store) -> Hold | None:
    """Return the hold of a database, None when it may be acted on."""
    async with store.read() as conn:
        row = (await conn.execute(sa.select(lineages).where(_here))).one_or_none()
    return None if row is None or row.held_at is None else Hold(at=row.held_at, why=row.held_why)


async def _locked(tx: Tx) -> sa.Row[tuple[object, ...]] | None:
    return (await tx.conn.execute(sa.select(lineages).where(_here).with_for_update())).one_or_none()


async def _numbers(tx: Tx) -> dict[str, int]:
    return {row.prefix: row.value for row in (await tx.conn.execute(sa.select(counters))).all()}


async def _jump(tx: Tx, reached: Mapping[str, int]) -> None:
    """Have every kind of id go on far behind what was given out before."""
    known = await _numbers(tx)
    for prefix in sorted(known.keys() | reached.keys()):
        value = max(known.get(prefix, 0), reached.get(prefix, 0)) + JUMP
        statement = insert(tx.conn, counters).values(prefix=prefix, value=value)
        await tx.conn.execute(
            statement.on_conflict_do_update(index_elements=[counters.c.prefix], set_={"value": value})
        )

"""The durability engine's rows, looked at while it does not run, or of work that is over: called off, forgotten.

The engine has no word for either that works without launching it. Its tables: DBOS Transact for Python 3.4.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

T = TypeVar("T")
SCHEMA = "shipmate_engine"
OVER = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
OF_SUBJECTS = frozenset({"plan", "execute", "rollback", "follow", "cut"})
"""The second word of the ids of workflows that do something outside; the others look at rows, and may be resumed."""
_BATCH = 500


async def call_off(engine_url: str, subjects: Sequence[str]) -> int:
    """Have no unfinished work outside of these subjects resumed; return how many there were.

    Only while no engine runs.
    """

    def work(conn: sa.Connection, tables: dict[str, sa.Table]) -> int:
        status = tables["workflow_status"]
        open_ids = conn.execute(
            sa.select(status.c.workflow_uuid).where(status.c.status.not_in(OVER)).order_by(status.c.workflow_uuid)
        ).scalars()
        wanted = frozenset(subjects)
        off = [one for one in open_ids if one.split("/")[0] in wanted and one.split("/")[1] in OF_SUBJECTS]
        for start in range(0, len(off), _BATCH):
            mine = status.c.workflow_uuid.in_(off[start : start + _BATCH])
            conn.execute(sa.update(status).where(mine).values(status="CANCELLED"))
        return len(off)

    return await _with(engine_url, work, 0)


async def over(engine_url: str, before: datetime, *, limit: int) -> list[str]:
    """Return the ids of at most `limit` workflows that were over before a moment, the oldest first."""

    def work(conn: sa.Connection, tables: dict[str, sa.Table]) -> list[str]:
        status = tables["workflow_status"]
        old = sa.select(status.c.workflow_uuid).where(
            status.c.status.in_(OVER), status.c.updated_at < int(before.timestamp() * 1000)
        )
        return list(conn.execute(old.order_by(status.c.updated_at).limit(limit)).scalars())

    return await _with(engine_url, work, [])


async def forget(engine_url: str, ids: Sequence[str]) -> None:
    """Remove what is known of workflows that are over.

    What they did stays; asked again under the same id they would run again, so that nobody may still want them.
    """

    def work(conn: sa.Connection, tables: dict[str, sa.Table]) -> None:
        for name in ("workflow_input", "workflow_output", "operation_outputs", "workflow_status"):
            if name in tables:
                table = tables[name]
                conn.execute(sa.delete(table).where(table.c.workflow_uuid.in_(ids)))

    await _with(engine_url, work, None)


async def _with(engine_url: str, work: Callable[[sa.Connection, dict[str, sa.Table]], T], nothing: T) -> T:
    """Run `work` in a transaction on the engine's tables, in a thread; `nothing` where there are none yet."""
    url = sa.make_url(engine_url)
    sqlite = url.get_backend_name() == "sqlite"

    def run() -> T:
        if sqlite and not Path(url.database or "").exists():
            return nothing
        engine = sa.create_engine(url if sqlite else url.set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
        schema = None if sqlite else SCHEMA
        try:
            with engine.begin() as conn:
                present = set(sa.inspect(conn).get_table_names(schema))
                if "workflow_status" not in present:
                    return nothing
                names = present & {"workflow_status", "workflow_input", "workflow_output", "operation_outputs"}
                known = sa.MetaData()
                tables = {name: sa.Table(name, known, schema=schema, autoload_with=conn) for name in sorted(names)}
                return work(conn, tables)
        finally:
            engine.dispose()

    return await asyncio.to_thread(run)

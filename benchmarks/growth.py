"""How much the database grows with a deployment, on SQLite and on PostgreSQL, and what pruning gives back.

A whole Shipmate runs in this process with tools in memory: each deployment is planned, built, deployed and verified,
with its audit entries and changes. It is asked for in a terminal, so that it has no card. The first are not counted.

    python benchmarks/growth.py [deployments]
"""

import asyncio
import logging
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bot.app.composition import engine_url
from bot.app.pruning import Pruning
from bot.deployments.rules import State
from tests.restore.office import FILES, Clock, Office
from tests.servers.postgres import PostgresServer

WARM_UP = 4
_USED = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_SIZE = """SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'"""
_LARGEST = """SELECT n.nspname || '.' || c.relname, pg_total_relation_size(c.oid) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'shipmate%' AND c.relkind = 'r'
ORDER BY 2 DESC LIMIT 8"""


def sizes(office: Office, database: str) -> tuple[int, int]:
    """Return the bytes in use in our tables and in the engine's, free pages left out."""
    if database:
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("VACUUM FULL")  # so that what is free is not counted
            found = [conn.execute(_SIZE, (schema,)).fetchone() for schema in ("shipmate", "shipmate_engine")]
        return tuple(int(row[0]) if row else 0 for row in found)  # type: ignore[return-value]  # two schemas
    used = []
    for name in FILES:
        with closing(sqlite3.connect(office.folder / "state" / name)) as conn:
            used.append(int(conn.execute(_USED).fetchone()[0]))
    return used[0], used[1]


async def deploy(office: Office, number: int) -> None:
    """Deploy one of two versions to staging, to its end."""
    done = await office.deploy(("v1.4.1", "v1.4.2")[number % 2])
    if done.state is not State.SUCCEEDED:
        raise RuntimeError(f"{done.id} is {done.state}: {done.words}")


async def measure(folder: Path, database: str, count: int) -> None:
    """Say the growth with each deployment, and what is left of it once its steps are forgotten."""
    office = Office(folder, database)
    async with office.open() as app:
        for number in range(WARM_UP):
            await deploy(office, number)
        before = sizes(office, database)
        for number in range(count):
            await deploy(office, number)
        after = sizes(office, database)
        later = Clock()
        later.ahead = timedelta(days=31)
        url = engine_url(app.settings)
        await Pruning(app.store, later, lambda: app.settings, url).prune()
        pruned = sizes(office, database)
    kind = "PostgreSQL" if database else "SQLite"
    ours, engines = ((one - two) / count / 1024 for one, two in zip(after, before, strict=True))
    print(
        f"{kind}: a deployment adds {ours:.1f} KiB to our tables, {engines:.1f} KiB to the engine's ({count} of them)"
    )
    ours, engines = ((two - one) / 1024 for one, two in zip(pruned, after, strict=True))
    print(f"{kind}: pruning after 31 days gives back {ours:.0f} KiB of ours and {engines:.0f} KiB of the engine's")
    if database:
        with psycopg.connect(database) as conn:
            for name, size in conn.execute(_LARGEST):
                print(f"    {name:<40} {size / 1024:8.0f} KiB")


async def main() -> None:
    """Measure both databases."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder:
        await measure(Path(folder), "", count)
    server = PostgresServer()
    try:
        with tempfile.TemporaryDirectory() as folder:
            await measure(Path(folder), server.create_database(), count)
    finally:
        server.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    asyncio.run(main())

"""Racing approvals: in each round twenty people decide one deployment at once, on SQLite and on PostgreSQL.

`python benchmarks/races.py [ROUNDS]`, by default 500 on each. Every round must have exactly one winner, and every click
an answer: counted, or what became of it. PostgreSQL is a cluster of its own that forces nothing to disk. The rate is
that of clicks; the reference is the same store's bare transactions, one row each, by as many at once.
"""

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring import spread

from bot.store import Store
from tests.approvals.racing import CLICKS, open_arena
from tests.servers.postgres import PostgresServer

REFERENCE = 25  # rounds of bare transactions


async def bare(store: Store) -> float:
    """Return how many transactions that write one row are kept per second, twenty at once."""
    async with store.write() as tx:
        await tx.conn.execute(sa.text("CREATE TABLE races (number INTEGER)"))

    async def one(number: int) -> None:
        async with store.write() as tx:
            await tx.conn.execute(sa.text("INSERT INTO races VALUES (:number)"), {"number": number})

    started = time.perf_counter()
    for _ in range(REFERENCE):
        await asyncio.gather(*(one(number) for number in range(CLICKS)))
    return REFERENCE * CLICKS / (time.perf_counter() - started)


async def race(name: str, url: str, rounds: int) -> int:
    """Race on one database, say how it went, and return how many rounds were not as they must be."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_arena(Path(folder), url) as arena:
            reference = await bare(arena.rig.store)
            await arena.round()  # warms up
            done = [await arena.round() for _ in range(rounds)]
            whole = (await arena.rig.audit.verify()).ok
    faults = [one.fault for one in done if one.fault]
    seconds = [one.seconds for one in done]
    rate = rounds * CLICKS / sum(seconds)
    print(
        f"{name}: {rounds} rounds of {CLICKS} clicks, {rounds - len(faults)} with one winner and no lost click; "
        f"audit {'whole' if whole else 'BROKEN'}\n"
        f"  {rate:,.0f} clicks per second ({rate / reference:.2f} of {reference:,.0f} bare transactions per second); "
        f"a round {spread([1000 * one for one in seconds], '{:.0f}')} ms"
    )
    for fault in faults[:5]:
        print(f"  NOT SO: {fault}")
    return len(faults) + (not whole)


async def main(rounds: int) -> int:
    """Race on both; return the number of faults."""
    print(f"load at the start: {os.getloadavg()[0]:.1f}")
    faults = await race("SQLite", "", rounds)
    with contextlib.closing(PostgresServer()) as server:
        faults += await race("PostgreSQL", server.create_database(), rounds)
    print(f"load at the end: {os.getloadavg()[0]:.1f}")
    return faults


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.exit(1 if asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)) else 0)

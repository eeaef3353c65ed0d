"""Bad afternoons, one after the other: `python -m tests.replicas.rounds --rounds 3 --seed 1` (`make replicas`).

Each round starts three replicas anew, over sockets and over HTTP in turn, and has every evil befall them in an order
that the seed says. The record of each is judged and kept; what it took to take over is told at the end.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import psycopg

from tests.replicas.afternoon import Afternoon
from tests.replicas.fleet import Fleet
from tests.servers.postgres import PostgresServer

LONGEST = 12.0
"""Seconds: the lease, and two more."""


async def one_round(folder: Path, server: PostgresServer, seed: int) -> tuple[list[str], dict[str, list[float]]]:
    """Have every evil befall three replicas; return what is wrong, and how long others took to take over."""
    url = server.create_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit TO on')
    async with Fleet.of(folder, url, mode=("socket", "http")[seed % 2]) as fleet:
        afternoon = Afternoon(fleet, seed)
        evils: dict[str, Callable[[], Awaitable[None]]] = {
            "kill": afternoon.kill,
            "pause": afternoon.pause,
            "cut from the database": partial(afternoon.cut_from_the_database, silently=False),
            "swallow the database": partial(afternoon.cut_from_the_database, silently=True),
            "cut from Slack": partial(afternoon.cut_from_slack, silently=False),
            "swallow Slack": partial(afternoon.cut_from_slack, silently=True),
            "restart PostgreSQL": partial(afternoon.restart, server, at_once=False),
            "kill PostgreSQL": partial(afternoon.restart, server, at_once=True),
        }
        order = list(evils)
        afternoon.random.shuffle(order)
        for name in order:
            began = time.monotonic()
            await evils[name]()
            sys.stdout.write(f"  {name}: over after {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
        found = await afternoon.over(folder / "history.jsonl")
        await fleet.check_audit()
    return found, afternoon.takeovers


def main(argv: list[str]) -> int:
    """Run the rounds, print what came of them, and return 1 where a record is not sound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    wrong = 0
    times: dict[str, list[float]] = defaultdict(list)
    with contextlib.closing(PostgresServer()) as server:
        for seed in range(options.seed, options.seed + options.rounds):
            folder = Path(tempfile.mkdtemp(prefix=f"shipmate-replicas-{seed}-"))
            sys.stdout.write(f"round of seed {seed} in {folder}\n")
            found, takeovers = asyncio.run(one_round(folder, server, seed))
            wrong += len(found)
            sys.stdout.write("".join(f"  FAULT {fault}\n" for fault in found) or "  the record is sound\n")
            for how, seconds in takeovers.items():
                times[how] += seconds
    sys.stdout.write(f"taken over within (lease + 2 s is {LONGEST:g} s):\n")
    for how, seconds in times.items():
        spread = f"{min(seconds):.1f} to {max(seconds):.1f} s, median {statistics.median(seconds):.1f} s"
        sys.stdout.write(f"  {how}: {spread}, {len(seconds)} times{' TOO LATE' if max(seconds) > LONGEST else ''}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How fast `shipmate audit verify` reads, and that its memory does not grow with the log.

`python benchmarks/audit.py [ENTRIES]`, by default a million; a log a tenth as long is the reference. Each is proved
by a process of its own, of which entries per second, per second of CPU too, and peak memory are told. The entries are
of ten thousand people, and each has details beside it.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bot.audit import GENESIS, Audit, entries, head
from bot.audit.details import commitment
from bot.audit.entries import canonical, digest, moment_text
from bot.audit.people import pseudonym
from bot.audit.tables import people, personal
from bot.clock import SystemClock
from bot.identity import Person
from bot.store import Store

BATCH = 5000
START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = [Person("T1", f"U{number}") for number in range(10_000)]
SALT = "5" * 64
NAMES = [pseudonym(person, SALT) for person in PEOPLE]
WORDS = {
    "action": "deploy",
    "outcome": "allowed",
    "service": "checkout",
    "environment": "production",
    "target": "",
    "rule": "permissions[0]",
}
RULE = "developers may deployment.start on checkout/production (permissions[0])"


def log_of(count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the rows of a log that is whole, each with what stands beside it."""
    previous = GENESIS
    for number in range(1, count + 1):
        data = canonical({"trigger": "slash", "channel": "-/T1/C1"})
        salt = f"{number:032x}"
        text = canonical({"asked": f"deploy checkout@1.4.{number} to production", "rule": RULE})
        ids = {"request_id": f"request-{number}", "subject": f"D-{number}", "data": data, "previous": previous}
        at = START + timedelta(seconds=number)
        row = {"number": number, "actor": NAMES[number % len(NAMES)], **WORDS, **ids}
        row["personal"] = commitment(text, salt)
        previous = digest({**row, "at": moment_text(at)})
        yield {**row, "at": at, "hash": previous}, {"number": number, "text": text, "salt": salt}


async def fill(url: str, count: int) -> None:
    """Write a log of so many entries by ten thousand people."""
    store = await Store.open(url, clock=SystemClock())
    known = [{"pseudonym": name, "person": one, "salt": SALT} for name, one in zip(NAMES, PEOPLE, strict=True)]
    async with store.write() as tx:
        await tx.conn.execute(sa.insert(people), known)
    batch: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for row, beside in log_of(count):
        batch.append((row, beside))
        if len(batch) == BATCH or row["number"] == count:
            async with store.write() as tx:
                await tx.conn.execute(sa.insert(entries), [one for one, _ in batch])
                await tx.conn.execute(sa.insert(personal), [one for _, one in batch])
                if row["number"] == count:
                    await tx.conn.execute(sa.insert(head).values(id=1, number=count, hash=row["hash"], erasures=0))
            batch = []
    await store.close()


async def prove(url: str) -> None:
    """Verify a log and say how it went."""
    clock = SystemClock()
    store = await Store.open(url, clock=clock, create=False)
    started, spent = time.perf_counter(), time.process_time()
    verdict = await Audit(store, clock).verify()
    took, spent = time.perf_counter() - started, time.process_time() - spent
    await store.close()
    if not verdict.ok:
        sys.exit(verdict.reason)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rates = f"{verdict.entries / took:>9,.0f} per second, {verdict.entries / spent:,.0f} per second of CPU"
    print(f"{verdict.entries:>9,} entries  {rates}  peak {peak:.0f} MiB")


async def main(count: int) -> None:
    """Make both logs, and have each proved by another process."""
    with tempfile.TemporaryDirectory() as folder:
        for size in (count // 10, count):
            url = f"sqlite:///{folder}/{size}.db"
            await fill(url, size)
            process = await asyncio.create_subprocess_exec(sys.executable, __file__, "--prove", url)
            if await process.wait():
                sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--prove"]:
        asyncio.run(prove(sys.argv[2]))
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))

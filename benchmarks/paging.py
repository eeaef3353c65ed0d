"""What escalations that wait cost, and how late their steps are.

The real parts in one process: store on SQLite, alerts and paging with its loop; a pager in memory. A thousand groups
fire and wait for their next step. Limits: CPU less than 1 % of a core above the same process with none that waits;
then their steps fall due, one every 100 ms, each done less than 2 s late.
`paging.py [WAITING] [IDLE_SECONDS] [REPETITIONS]`.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from measuring import cpu_seconds, percentile, spread, verdict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bot.paging import records
from bot.paging.parts import Trouble
from bot.paging.rules import Standing
from tests.paging.rig import PAGING, Rig, up

WAITING = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
IDLE = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
REPETITIONS = int(sys.argv[3]) if len(sys.argv) > 3 else 2
EVERY = timedelta(milliseconds=100)
PAGED = {**PAGING, "chains": {"primary": [{"wait": "1h"}, {"webhook": {"with": "phones", "to": "x"}}]}}


async def idle(rig: Rig) -> float:
    """Return the CPU that the loop takes, in % of a core."""
    await rig.paging.begin()
    await asyncio.sleep(2)
    before, began = cpu_seconds(os.getpid()), time.perf_counter()
    await asyncio.sleep(IDLE)
    share = (cpu_seconds(os.getpid()) - before) / (time.perf_counter() - began) * 100
    await rig.paging.stop()
    return share


async def fill(rig: Rig) -> None:
    """Have so many troubles wait for their next step."""
    async with rig.store.write() as tx:
        for number in range(WAITING):
            trouble = Trouble(subject=f"A-{number + 1}", title=f"Alert{number}", severity="critical")
            await rig.paging.follow(tx, trouble, Standing.NEEDS)
    for _ in range(WAITING // 200 + 1):
        await rig.paging.look()


async def lateness(rig: Rig) -> Sequence[float]:
    """Have the steps fall due one after another, and return how late each page came, in seconds."""
    begins = rig.clock.now() + timedelta(seconds=2)
    due = {f"A-{number + 1}": begins + EVERY * number for number in range(WAITING)}
    async with rig.store.write() as tx:
        for subject, at in due.items():
            row = records.runs.update().where(records.runs.c.subject == subject)
            await tx.conn.execute(row.values(due_at=at))
    came: dict[str, float] = {}
    page = rig.phones.page

    async def taken(way, to, content):
        came[content.subject] = (rig.clock.now() - due[content.subject]).total_seconds()
        return await page(way, to, content)

    rig.phones.page = taken
    await rig.paging.begin()
    async with asyncio.timeout(WAITING * EVERY.total_seconds() + 120):
        while len(came) < WAITING:  # noqa: ASYNC110 - the loop under test is what works
            await asyncio.sleep(0.1)
    await rig.paging.stop()
    return list(came.values())


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    empty, full, late = [], [], []
    for _ in range(REPETITIONS):
        with tempfile.TemporaryDirectory() as folder:
            async with up(Path(folder), paging=PAGED) as rig:
                empty.append(await idle(rig))
                await fill(rig)
                full.append(await idle(rig))
                late.append(await lateness(rig))
    print(f"none waiting           {spread(empty)} % of a core")
    print(f"{WAITING} waiting           {spread(full)} % of a core")
    print(f"lateness               p50 {spread([percentile(one, 0.5) * 1000 for one in late], '{:.0f}')} ms")
    verdict("CPU beyond an idle loop, % of a core", [a - b for a, b in zip(full, empty, strict=True)], 1)
    verdict("CPU of the loop itself with all of them waiting, % of a core", full, 1)
    verdict("lateness of a step, p99, s", [percentile(one, 0.99) for one in late], 2)
    verdict("lateness of a step, the latest, s", [max(one) for one in late], 2)


asyncio.run(main())

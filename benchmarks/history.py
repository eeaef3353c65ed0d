"""What looking costs with 100,000 deployments of history beside what it costs with 100.

One real story (a deployment to staging, one to production with an approval, an alert that fires and ends) is copied
through every table that grows, spread over two years and ten services: see tests/history/past.py. Then each road is
walked as people walk it. Counted are the instructions of SQLite's machine that its statements take, which no other
load changes, and measured the CPU of the process that answers, workspace and all, median of so many.
Limit: at most twice as much. `history.py [DEPLOYMENTS] [TIMES]`.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from measuring import ROOT, median, verdict

sys.path.insert(0, str(ROOT))

from tests.history.past import Past, sizes
from tests.history.roads import READS, story, walked
from tests.history.whole import Whole

DEPLOYMENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
TIMES = int(sys.argv[2]) if len(sys.argv) > 2 else 15
FEW = 100
EACH = 2
"""Deployments that the story tells of."""
DOINGS = ("the home tab", "what changed before an alert")


async def cpu_of(whole: Whole, sha: str) -> Mapping[str, float]:
    """Return the CPU in ms of each command, median of so many."""
    found = {}
    for name, words in READS.items():
        taken = []
        for _ in range(TIMES):
            began = time.process_time()
            await whole.slash("mia", words.format(sha=sha[:7]))
            await whole.settled()
            taken.append((time.process_time() - began) * 1000)
        found[name] = median(taken)
    return found


async def main() -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        async with Whole.up(folder, services=10) as whole:
            database = whole.app.settings.state_dir / "shipmate.db"
            await story(whole)
            past = Past(database, [f"svc{number}" for number in range(10)])
            measured = []
            for wanted in (FEW, DEPLOYMENTS):
                copies = wanted // EACH - past.copies
                began = time.perf_counter()
                await asyncio.to_thread(past.repeat, copies)
                seconds = time.perf_counter() - began
                rows = sizes(database)
                print(f"{rows['deployments']} deployments: {sum(rows.values())} rows, "
                      f"{database.stat().st_size / 2**20:.0f} MiB, copied in {seconds:.0f} s", flush=True)  # fmt: skip
                await whole.connected()
                await walked(whole, past.sha, *DOINGS)  # what is looked up once is known from here on
                asked = await walked(whole, past.sha, *DOINGS)
                steps = {road: sum(one.steps(database).values()) for road, one in asked.items()}
                measured.append((steps, await cpu_of(whole, past.sha)))
    (few, few_cpu), (long, long_cpu) = measured
    print(f"{'road':<46}{'instructions':>20}{'ratio':>8}{'CPU ms':>16}{'ratio':>8}")
    for road, steps in long.items():
        line = f"{road:<46}{few[road]:>10}{steps:>10}{steps / max(few[road], 1):>8.2f}"
        if road in long_cpu:
            line += f"{few_cpu[road]:>8.1f}{long_cpu[road]:>8.1f}{long_cpu[road] / few_cpu[road]:>8.2f}"
        print(line)
    worst = max(long, key=lambda road: long[road] / max(few[road], 1))
    verdict(f"the worst in instructions: {worst}", [long[worst] / max(few[worst], 1)], 2)
    slowest = max(long_cpu, key=lambda road: long_cpu[road] / few_cpu[road])
    verdict(f"the worst in CPU: {slowest}", [long_cpu[slowest] / few_cpu[slowest]], 2)


if __name__ == "__main__":
    asyncio.run(main())

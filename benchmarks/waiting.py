"""What deployments that wait for approval cost: idle, and at a restart.

A thousand deployments are asked for at the terminal's door, planned, and left waiting for their approval. Then
Shipmate is started with their database and with an empty one, in turns. Limits: idle CPU less than 1 % of a core above
the one without them, ready at most 2 s later. `waiting.py [DEPLOYMENTS] [IDLE_SECONDS] [REPETITIONS]`.
"""

import asyncio
import contextlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import town
from measuring import ROOT, cpu_seconds, memory_mib, spread, verdict

from bot.demo.surroundings import free_port

DEPLOYMENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
IDLE = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
REPETITIONS = int(sys.argv[3]) if len(sys.argv) > 3 else 2
SETTLE = 5.0
AT_ONCE = 8


@contextlib.asynccontextmanager
async def serving(config: Path, port: int) -> AsyncIterator[tuple[int, float, float]]:
    """Run `shipmate serve`; give its pid, the seconds until it was ready, and its CPU seconds until then."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", "--config", str(config), cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(60):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.ok:
                            break
                await asyncio.sleep(0.02)
        yield process.pid, time.perf_counter() - began, cpu_seconds(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def ask_for(port: int, database: Path) -> None:
    """Ask for one deployment to production of each service, and wait until all wait for approval."""
    numbers = iter(range(DEPLOYMENTS))
    headers = {"Authorization": f"Bearer {town.TERMINAL_TOKEN}"}

    async def one(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            wish = {"text": f"deploy svc{number}@1.4.2 to production"}
            async with session.post(f"http://127.0.0.1:{port}/api/do", json=wish) as answer:
                told = await answer.json()
                assert told["ok"], told

    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(one(session) for _ in range(AT_ONCE)))
    async with asyncio.timeout(120):
        while waiting(database) < DEPLOYMENTS:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.2)


def waiting(database: Path) -> int:
    """Return how many deployments wait for approval."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        return db.execute("SELECT count(*) FROM deployments WHERE state = 'awaiting_approval'").fetchone()[0]


def told_everybody(database: Path) -> None:
    """Mark the requests for approval as sent: at Slack's pace of one message a second they would take very long."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute(
            "UPDATE slack_outbox SET state = 'sent', sent = wanted WHERE state IN ('waiting', 'sending', 'doubt')"
        )


async def measured(config: Path, port: int) -> tuple[float, float, float, float]:
    """Return (seconds until ready, idle CPU in % of a core, MiB, CPU seconds until ready)."""
    async with serving(config, port) as (pid, ready, cpu):
        await asyncio.sleep(SETTLE)
        before, began = cpu_seconds(pid), time.perf_counter()
        await asyncio.sleep(IDLE)
        idle = (cpu_seconds(pid) - before) / (time.perf_counter() - began) * 100
        return ready, idle, memory_mib(pid), cpu


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        shape = town.Shape(mode="socket", port=port, services=DEPLOYMENTS, channel="")
        async with town.workspace(Path(folder) / "town", shape) as (_, config):
            state, other = config.parent / "state", config.parent / "other"
            async with serving(config, port):
                began = time.perf_counter()
                await ask_for(port, state / "shipmate.db")
                print(f"{DEPLOYMENTS} deployments asked for and planned in {time.perf_counter() - began:.0f} s")
            told_everybody(state / "shipmate.db")
            runs: dict[bool, list[tuple[float, float, float, float]]] = {True: [], False: []}
            for with_them in [True, False] * REPETITIONS:
                if with_them is (not state.exists() or waiting(state / "shipmate.db") == 0):
                    swap(state, other)
                runs[with_them].append(await measured(config, port))
            if waiting(state / "shipmate.db") == 0:
                swap(state, other)
            assert waiting(state / "shipmate.db") == DEPLOYMENTS, "they did not all wait to the end"
    for with_them, name in ((False, "none waiting"), (True, f"{DEPLOYMENTS} waiting")):
        ready, idle, memory, cpu = zip(*runs[with_them], strict=True)
        print(f"{name:<16} ready after {spread(ready)} s ({spread(cpu)} s of CPU)")
        print(f"{'':<16} idle {spread(idle)} % of a core, {spread(memory, '{:.0f}')} MiB")
    print()
    pairs = list(zip(runs[True], runs[False], strict=True))
    verdict("idle CPU beyond an idle bot, % of a core", [a[1] - b[1] for a, b in pairs], 1)
    verdict("more CPU until ready than without them, s", [a[3] - b[3] for a, b in pairs], 2)
    verdict("ready later than without them, s", [a[0] - b[0] for a, b in pairs], 2)


def swap(state: Path, other: Path) -> None:
    """Exchange the state directory with the one laid aside."""
    aside = state.with_name("aside")
    if state.exists():
        state.rename(aside)
    if other.exists():
        other.rename(state)
    if aside.exists():
        aside.rename(other)


asyncio.run(main())

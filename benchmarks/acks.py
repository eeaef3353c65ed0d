"""How fast a change is recorded and acknowledged, 50 a second on SQLite, its work behind it, against one bare commit.

Each request is a `/deploy` of its own, signed, over HTTP; its deployment is planned, deployed and recorded while
others arrive. The limit: p50 within 60 times, p99 within 250 times the p50 of one INSERT committed by SQLite alone
(WAL, synchronous FULL), measured beside it. `acks.py [SECONDS]`.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from measuring import REPETITIONS, bare_commit, command, cpu_seconds, median, percentile, server, spread, verdict

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
PER_SECOND = 50


async def steady(url: str, facts: dict, seconds: float) -> list[float]:
    """Send changes at a steady pace, however slowly they are answered; return how long each took, in ms."""
    taken: list[float] = []
    who = {"user": facts["user"], "team": facts["team"], "channel": facts["channel"]}

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        text = f"svc{number % 10}@1.4.2 to staging --again"
        headers, body = command(text, number, name="/deploy", **who)
        began = time.perf_counter()
        async with session.post(url, data=body, headers=headers) as answer:
            await answer.read()
        assert answer.status == 200
        taken.append((time.perf_counter() - began) * 1000)

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        begin = time.perf_counter()
        for number in range(int(seconds * PER_SECOND)):
            await asyncio.sleep(max(0.0, begin + number / PER_SECOND - time.perf_counter()))
            group.create_task(one(session, number))
    return taken


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        p50s, p99s, bares, cpus = [], [], [], []
        for repetition in range(REPETITIONS):
            async with contextlib.AsyncExitStack() as stack:
                here = Path(__file__).parent
                run = await stack.enter_async_context(
                    server(str(here / "shipmate_server.py"), f"{folder}/{repetition}", "20")
                )
                pid, facts = run.pid, json.loads(run.line)
                await steady(facts["url"], facts, 1.0)  # warm
                bare = median(bare_commit(folder))
                before = cpu_seconds(pid)
                taken = await steady(facts["url"], facts, SECONDS)
                cpus.append((cpu_seconds(pid) - before) / SECONDS)
                bares.append(bare)
                p50s.append(median(taken))
                p99s.append(percentile(taken, 0.99))
        print(f"one bare commit: p50 {spread(bares)} ms")
        print(f"recorded and acknowledged: p50 {spread(p50s)} ms, p99 {spread(p99s)} ms, cores used {spread(cpus)}\n")
        verdict("acknowledgement p50 / bare commit p50", [a / b for a, b in zip(p50s, bares, strict=True)], 60)
        verdict("acknowledgement p99 / bare commit p50", [a / b for a, b in zip(p99s, bares, strict=True)], 250)


asyncio.run(main())

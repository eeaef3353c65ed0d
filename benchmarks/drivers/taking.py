"""How every driver in Python measures itself; the standard library only, as it runs in the peers' own environments.

A driver answers one command, says "first", waits for a line on its standard input, answers some to warm up, then says
JSON: for commands one after another and for a hundred at once, the CPU per command in µs and the median in ms.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

COUNT = int(os.environ.get("BENCHMARK_COUNT", "1000"))
TOGETHER = 100
COMMANDS = int(os.environ.get("BENCHMARK_COMMANDS", "1"))


def figures(count: int, wall: float, cpu: float, taken: Sequence[float] = ()) -> dict[str, float]:
    """Return what one round says of itself."""
    return {
        "per_second": count / wall,
        "cpu_us": cpu / count * 1e6,
        "p50_ms": statistics.median(taken) * 1000 if taken else 0.0,
    }


def said_first() -> None:
    """Tell that the first command is answered, and wait until we may go on."""
    print("first", flush=True)
    sys.stdin.readline()


def told(alone: dict[str, float], together: dict[str, float], registered: int) -> None:
    """Say all figures and end, without the peer's own farewell."""
    print(json.dumps({"alone": alone, "together": together, "registered": registered}), flush=True)
    os._exit(0)


async def take(one: Callable[[int], Awaitable[None]], registered: int, *, slow: bool = False) -> None:
    """Measure `one`, which takes one command from the message to its answer. `slow` takes a fifth as many alone."""
    await one(0)
    await asyncio.to_thread(said_first)
    for number in range(COUNT // 10):
        await one(number)
    told(await _alone(one, COUNT // 5 if slow else COUNT), await _together(one, COUNT), registered)


async def _alone(one: Callable[[int], Awaitable[None]], count: int) -> dict[str, float]:
    taken = []
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        began = time.perf_counter()
        await one(number)
        taken.append(time.perf_counter() - began)
    return figures(count, time.perf_counter() - wall, time.process_time() - cpu, taken)


async def _together(one: Callable[[int], Awaitable[None]], count: int) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count // TOGETHER):
        await asyncio.gather(*(one(number) for number in range(TOGETHER)))
    return figures(count, time.perf_counter() - wall, time.process_time() - cpu)

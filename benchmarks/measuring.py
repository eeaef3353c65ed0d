"""What the benchmarks share: processes measured from outside, repetitions, and how ratios are told."""

import asyncio
import contextlib
import hashlib
import hmac
import os
import signal
import sqlite3
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import psutil

ROOT = Path(__file__).resolve().parents[1]
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
REPETITIONS = 5
LATE: list[float] = []
"""When an answer came too late for its acknowledgement: it goes to the response URL, which nobody serves here."""


def with_bytecode(folder: str) -> dict[str, str]:
    """Return this environment with a place for compiled modules: an installed program has them compiled."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environ, "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}


def cpu_seconds(pid: int) -> float:
    """Return user and system seconds of a process and its children."""
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process and its children, in MiB."""
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 2**20


@dataclass(frozen=True)
class Server:
    """A program that runs, and the line it said when it was ready."""

    process: asyncio.subprocess.Process
    line: str

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self.process.pid

    async def ask(self, patience: float = 30) -> str:
        """Send SIGUSR1 and return the line it answers with."""
        self.process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(patience):
            return (await self.process.stdout.readline()).decode().strip()


@contextlib.asynccontextmanager
async def server(*argv: str, under: Sequence[str] = (), patience: float = 60) -> AsyncIterator["Server"]:
    """Run a Python program of ours (`under` another) that prints one line, its address, when it is ready."""
    process = await asyncio.create_subprocess_exec(
        *under, sys.executable, *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=None, limit=2**20
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(patience):
            line = (await process.stdout.readline()).decode().strip()
        assert line, f"{argv} ended before it was ready"
        yield Server(process, line)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def command(
    text: str, number: int, *, name: str = "/shipmate", user: str = "U1", team: str = "T1", channel: str = "C1"
):
    """Return (headers, body) of one signed slash command with ids of its own."""
    body = urlencode(
        {
            "token": "v", "team_id": team, "team_domain": "acme", "channel_id": channel, "channel_name": "checkout",
            "user_id": user, "user_name": "mia", "command": name, "text": text, "api_app_id": "A1",
            "is_enterprise_install": "false", "response_url": "http://127.0.0.1:9/response",
            "trigger_id": f"{time.time_ns()}.{number}.{number:032x}",
        }
    )  # fmt: skip
    at = str(int(time.time()))
    signed = hmac.new(SECRET.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={signed}",
    }
    return headers, body


async def load(url: str, make: Callable[[int], tuple[Mapping[str, str], str]], *, seconds: float, at_once: int):
    """Send requests for so many seconds, `at_once` in flight; return the latencies in ms. A bad answer is an error."""
    taken: list[float] = []
    counter = iter(range(10**9))
    end = time.perf_counter() + seconds

    async def one(session: aiohttp.ClientSession) -> None:
        while time.perf_counter() < end:
            headers, body = make(next(counter))
            began = time.perf_counter()
            async with session.post(url, data=body, headers=headers) as answer:
                text = await answer.text()
            assert answer.status == 200, (answer.status, text[:300])
            if not text:
                LATE.append(time.perf_counter())
            taken.append((time.perf_counter() - began) * 1000)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:
        await asyncio.gather(*(one(session) for _ in range(at_once)))
    return taken


def bare_commit(folder: str, *, times: int = 300) -> list[float]:
    """Return how long each of so many INSERTs with a commit took, in ms."""
    db = sqlite3.connect(f"{folder}/bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS wishes (id TEXT PRIMARY KEY, body TEXT)")
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        db.execute("INSERT INTO wishes VALUES (?, ?)", (str(time.perf_counter_ns()), "x" * 400))
        taken.append((time.perf_counter() - began) * 1000)
    db.close()
    return taken


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """Return "median (least-most)"."""
    return f"{form.format(median(values))} ({form.format(min(values))}-{form.format(max(values))})"


def verdict(name: str, values: Sequence[float], limit: float) -> None:
    """Print one ratio, its range and whether the median keeps to its limit."""
    kept = "kept" if median(values) <= limit else "NOT KEPT"
    print(f"  {name:<62} {spread(values):>24}   at most {limit:g}   {kept}")

"""kill -9 at each write of a change of shift, and two processes on one database: told once, and nothing lost."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.oncall import records
from bot.store import Store
from tests.oncall.child import WRITES
from tests.oncall.rig import at

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(*args: str, **pipes: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the child, and leave nothing of it behind."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.oncall.child", *args,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, start_new_session=True, **pipes,
    )  # fmt: skip
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_killed_at_every_write_of_a_change_of_shift(tmp_path: Path):
    async with process(str(tmp_path), stderr=asyncio.subprocess.PIPE) as child:
        out, err = await child.communicate()
    assert child.returncode == 0, err.decode()[-3000:]
    end = json.loads(next(line for line in reversed(out.decode().splitlines()) if line[:1] == "{"))
    assert set((tmp_path / "writes.log").read_text().splitlines()) == WRITES
    killed = (tmp_path / "killed.log").read_text().splitlines()
    assert {line.split()[1] for line in killed} == {"oncall.look", "oncall.change"}
    assert end["people"] == ["U0TOM"]
    assert end["since"] == at("2026-01-06 09:00").isoformat()
    assert end["number"] == 2
    assert len(end["posts"]) == 1
    assert end["directs"] == {"U0MIA": 1, "U0TOM": 1}


class Replica:
    """One process of several, which is told by lines what to do."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def answers(self) -> Any:
        """Return its next answer."""
        assert self._child.stdout is not None
        while line := await self._child.stdout.readline():
            if line[:1] in b'["{':
                with contextlib.suppress(ValueError):
                    return json.loads(line)
        raise AssertionError("it ended")

    async def does(self, line: str) -> Any:
        """Have it do this, and return what it answers."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{line}\n".encode())
        return await self.answers()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_two_processes_on_one_database_tell_each_change_once(tmp_path: Path, postgres_url: str):
    folders = [tmp_path / "one", tmp_path / "two"]
    async with contextlib.AsyncExitStack() as running:
        both: list[Replica] = []
        for folder in folders:
            folder.mkdir()
            child = await running.enter_async_context(
                process("replica", str(folder), postgres_url, folder.name, stdin=asyncio.subprocess.PIPE)
            )
            both.append(Replica(child))
        await asyncio.gather(*(one.answers() for one in both))
        for number, (day, who) in enumerate((("06", "tom"), ("07", "ana"), ("08", "mia")), 1):
            told = await asyncio.gather(*(one.does(f"clock 2026-01-{day} 09:00 {who}") for one in both))
            assert {len(one["posts"]) for one in told} == {number}
        made = await asyncio.gather(both[0].does("take tom ana"), both[1].does("take raj zoe"))
        assert sorted(made[0] + made[1]) == ["O-1", "O-2", "O-3", "O-4"]
        store = await Store.open(postgres_url, clock=SystemClock())
        try:
            async with store.read() as conn:
                last = (await records.overrides_of(conn, "primary", since=at("2026-01-08 09:00")))[-1]
        finally:
            await store.close()
        assert last.id == "O-4"
        winner = last.people[0].user.removeprefix("U0").lower()
        told = await asyncio.gather(*(one.does(f"wait {winner}") for one in both))
        for one in told:
            assert len(one["posts"]) == one["number"] - 1, "each that was noted was told once"
            assert "late" not in one["posts"][-1]

"""A server that is killed anywhere on the road: what was asked is done once, and who asked gets the answer."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from bot.terminal import ask
from tests.terminal.conftest import MIAS

ROOT = Path(__file__).resolve().parents[2]


async def start(database: Path, port: int, where: str) -> tuple[Process, int]:
    """Start a server; return it and its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.terminal.server", str(database), str(port), where, stdout=PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while not (line := await process.stdout.readline()).startswith(b"port "):
            assert line, "the server ended before it listened"
    return process, int(line.split()[1])


async def last_words(process: Process) -> str:
    """End a server politely and return the last that it said."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return said.decode().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["run", "effect", "finish", "kept"])
async def test_killed_once_done_once(tmp_path: Path, where: str):
    database = tmp_path / "shipmate.db"
    first, port = await start(database, 0, where)
    successors: list[Process] = []
    said: list[str] = []

    async def restart(_seconds: float) -> None:
        """Bring the next server up where the client would only wait."""
        async with asyncio.timeout(60):
            assert await first.wait() == -signal.SIGKILL
        if not successors:
            successors.append((await start(database, port, "never"))[0])

    url = f"http://127.0.0.1:{port}"
    status = await ask("deploy checkout to staging", url=url, token=MIAS, say=said.append, pause=restart)
    assert (status, said) == (0, ["D-1 deploys checkout"])
    assert await last_words(successors[0]) == "deployed 1, audit True"

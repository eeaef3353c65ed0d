"""Programs of other people as children of a test, and where they are installed."""

import asyncio
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
GRACE = 20.0
DEADLINE = 90.0


@functools.cache
def _find(name: str) -> dict[str, str]:
    command = [sys.executable, str(ROOT / "tools" / "clients.py"), "find", name]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, dict[str, str]] = json.loads(told.stdout)
    return found[name]


def installed(name: str) -> dict[str, str]:
    """Return {"path", "program"} of the clients of one kind; skips the test that asks where they are not installed."""
    found = _find(name)
    if "skip" in found:
        pytest.skip(found["skip"])
    return found


class Processes:
    """The programs that one test starts; each gets a bare environment and a log file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[tuple[asyncio.subprocess.Process, Path]] = []

    async def start(self, *command: str | Path, **environment: str) -> asyncio.subprocess.Process:
        """Start a program with nothing in its environment but the search path and what is given."""
        log = self._folder / f"{len(self._children)}.log"
        with log.open("ab") as output:
            child = await asyncio.create_subprocess_exec(
                *map(str, command), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._folder), **environment},
                start_new_session=True,
            )  # fmt: skip
        self._children.append((child, log))
        return child

    async def until(self, look, what: str):
        """Return the first truthy answer of the coroutine function `look`; fails when a program ends or time is up."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not (found := await look()):
                    assert all(child.returncode is None for child, _ in self._children), f"{what}:\n{self.words()}"
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{what} did not come:\n{self.words()}") from None
        return found

    def words(self) -> str:
        """Return the last words of each program."""
        return "\n".join(log.read_text(errors="replace")[-3000:] for _, log in self._children)

    async def end(self) -> None:
        """End them all, by force where they do not go."""
        for child, _ in self._children:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        for child, _ in self._children:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await child.wait()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()

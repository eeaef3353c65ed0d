"""CPU and memory from the start of the process to the first answered command.

The reference is a process that imports Bolt, DBOS, SQLAlchemy and Pydantic's BaseModel (`import pydantic` alone loads
next to nothing) and launches DBOS on SQLite. Limits: CPU at most 1.3 times, memory at most 1.25 times of that. CPU is
told in instructions, too, where valgrind is at hand: a ratio this small is lost in the spread of the clock. Afterwards
the modules that must not be loaded before they are used are looked for. `start.py [REPETITIONS]`: with 0, which suits
a busy machine, only instructions are counted.
"""

import asyncio
import contextlib
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import town
from measuring import REPETITIONS as USUAL, ROOT, cpu_seconds, memory_mib, spread, verdict, with_bytecode

from bot.demo.surroundings import free_port

REFERENCE = """
import asyncio, sys
import sqlalchemy.ext.asyncio, slack_bolt.async_app
from dbos import DBOS
from pydantic import BaseModel
async def main():
    DBOS(config={"name": "reference", "system_database_url": f"sqlite:///{sys.argv[1]}/reference.db",
                 "log_level": "ERROR", "application_version": "1"})
    DBOS.launch()
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
HEAVY = ("matplotlib", "pandas", "numpy", "kubernetes", "jenkinsapi", "gitlab")


async def reference(folder: str, environ: dict[str, str], under: Sequence[str] = ()) -> tuple[float, float]:
    """Return (CPU seconds, MiB) of the reference."""
    process = await asyncio.create_subprocess_exec(
        *under, sys.executable, "-c", REFERENCE, folder, stdout=asyncio.subprocess.PIPE, env=environ
    )
    assert process.stdout is not None
    await process.stdout.readline()
    found = cpu_seconds(process.pid), memory_mib(process.pid)
    if under:
        await dump(process.pid)
    process.terminate()
    await process.wait()
    return found


async def shipmate(
    sandbox: town.Sandbox, config: Path, port: int, environ: dict[str, str], under: Sequence[str] = ()
) -> tuple[float, float, float, list[str]]:
    """Return (CPU seconds, MiB, seconds, heavy modules) when `shipmate serve` has answered its first command."""
    before = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *under, sys.executable, "-m", "bot", "serve", "--config", str(config), cwd=ROOT, env=environ
    )
    wish = {"user": "mia", "channel": "checkout", "command": "/shipmate", "text": "help"}
    async with aiohttp.ClientSession() as session:
        while True:
            await asyncio.sleep(0.02)
            if not sandbox.platform.sockets.connected(next(iter(sandbox.platform.apps.installed))):
                continue  # asking costs instructions, too
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.ok:
                        break
        async with session.post(f"{sandbox.url}/_sandbox/commands", json=wish) as answer:
            body = await answer.json()
            assert body["ok"], body
    if under:
        await dump(process.pid)
    found = cpu_seconds(process.pid), memory_mib(process.pid), time.perf_counter() - before
    loaded = Path(f"/proc/{process.pid}/maps").read_text()
    process.terminate()
    await process.wait()
    return *found, [name for name in HEAVY if f"/site-packages/{name}/" in loaded]


def callgrind(out: Path) -> list[str]:
    """Return what runs a program under callgrind, writing its instructions to `out`."""
    return ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"]


async def dump(pid: int) -> None:
    """Have callgrind write what it counted so far: what comes after the answer is not of interest."""
    process = await asyncio.create_subprocess_exec(
        "callgrind_control", "-d", str(pid), stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


async def in_instructions(folder: Path, environ: dict[str, str]) -> float:
    """Return our instructions until the first answer divided by the reference's."""
    port = free_port()
    await reference(str(folder), environ, callgrind(folder / "reference.out"))
    async with town.workspace(folder / "counted", town.Shape(mode="socket", port=port)) as (sandbox, config):
        await shipmate(sandbox, config, port, environ, callgrind(folder / "ours.out"))
    ours, theirs = (
        int(re.search(r"^(?:totals|summary): (\d+)", (folder / f"{name}.1").read_text(), re.MULTILINE)[1])
        for name in ("ours.out", "reference.out")
    )
    print(f"instructions: {ours / 1e9:.2f} thousand million, the reference {theirs / 1e9:.2f}")
    return ours / theirs


async def imported() -> list[str]:
    """Return which heavy modules importing the whole composition loads."""
    code = (
        "import sys, json, bot.app.composition, commands.registry; commands.registry.registry();"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return json.loads(output)


async def main(repetitions: int) -> None:
    cpu, memory, wall = [], [], []
    theirs_cpu, theirs_memory = [], []
    heavy: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        environ = with_bytecode(folder)  # written by the repetition that is dropped
        for repetition in range(repetitions + 1):
            port = free_port()
            with tempfile.TemporaryDirectory(dir=folder) as fresh:
                other = await reference(fresh, environ)
            async with town.workspace(Path(folder) / str(repetition), town.Shape(mode="socket", port=port)) as (
                sandbox,
                config,
            ):
                mine = await shipmate(sandbox, config, port, environ)
            heavy.update(mine[3])
            if repetition:
                cpu.append(mine[0] / other[0])
                memory.append(mine[1] / other[1])
                wall.append(mine[2])
                theirs_cpu.append(other[0])
                theirs_memory.append(other[1])
        counted = [await in_instructions(Path(folder), environ)] if shutil.which("valgrind") else []
    if cpu:
        print(f"reference: {spread(theirs_cpu)} s of CPU, {spread(theirs_memory, '{:.0f}')} MiB")
        print(f"first answer after {spread(wall)} s\n")
        verdict("start to first answer, CPU", cpu, 1.3)
        verdict("start to first answer, memory", memory, 1.25)
    if counted:
        verdict("start to first answer, instructions", counted, 1.3)
    print(f"  loaded before they are used: {sorted(heavy | set(await imported())) or 'none'}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else USUAL))

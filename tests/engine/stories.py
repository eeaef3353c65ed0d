"""Durable workflows for the engine's tests."""

import asyncio
from pathlib import Path

import sqlalchemy as sa

from bot.engine import pause, step, transact, workflow
from bot.store import Store, Tx
from integrations.errors import Unavailable

LARGE = 4_000_000
metadata = sa.MetaData()
marks = sa.Table("test_marks", metadata, sa.Column("name", sa.String, primary_key=True), sa.Column("times", sa.Integer))


async def make_tables(store: Store) -> None:
    """Create what these workflows write to, beside Shipmate's own tables."""
    async with store.write() as tx:
        await tx.conn.run_sync(metadata.create_all)


def note(folder: str, name: str) -> int:
    """Append a line that survives a kill, and return how many there are now."""
    path = Path(folder) / name
    with path.open("a") as file:
        file.write("x\n")
    return len(path.read_text().splitlines())


async def mark(tx: Tx, name: str) -> str:
    """Insert one row: a second time would break its primary key."""
    await tx.conn.execute(sa.insert(marks).values(name=name, times=1))
    return name


@workflow("test.three.v1")
async def three(folder: str, workflow_name: str) -> None:
    """Do three things and a transaction between, waiting in the middle for the file `go`."""

    async def first() -> int:
        return note(folder, f"{workflow_name}.first")

    async def wait_for_go() -> None:
        note(folder, f"{workflow_name}.waiting")
        while not (Path(folder) / "go").exists():  # noqa: ASYNC110 - another process makes the file
            await asyncio.sleep(0.01)

    async def last() -> int:
        return note(folder, f"{workflow_name}.last")

    await step("first", first)
    await transact("mark", mark, workflow_name)
    await step("wait", wait_for_go)
    await pause(0.01)
    await step("last", last)


@workflow("test.large.v1")
async def large(folder: str, workflow_name: str) -> None:
    """Write a large row in a transaction, once the file `go` is there."""

    async def wait_for_go() -> None:
        note(folder, f"{workflow_name}.waiting")
        while not (Path(folder) / "go").exists():  # noqa: ASYNC110 - another process makes the file
            await asyncio.sleep(0.01)

    async def last() -> int:
        return note(folder, f"{workflow_name}.last")

    await step("wait", wait_for_go)
    await transact("mark", mark, "x" * LARGE)
    await step("last", last)


@workflow("test.poison.v1")
async def poison(folder: str) -> None:
    """Kill the process it runs in, each time."""

    async def die() -> None:
        note(folder, "poison")
        import os  # noqa: PLC0415 - only the poison needs it
        import signal  # noqa: PLC0415

        os.kill(os.getpid(), signal.SIGKILL)

    await step("die", die)


@workflow("test.away.v1")
async def away(folder: str) -> None:
    """Ask a tool that never answers."""

    async def ask() -> None:
        note(folder, "asked")
        raise Unavailable("tool", "no answer")

    await step("ask", ask)


async def parked(workflow_id: str, name: str, args: tuple[object, ...], why: str) -> None:
    """Write down what was parked."""
    (Path(str(args[0])) / f"parked-{workflow_id.replace('/', '-')}").write_text(f"{name}: {why}")

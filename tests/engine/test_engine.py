"""The engine: work goes on after a kill, is done once where it can be, and parks when it cannot go on."""

import asyncio
import contextlib
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import SystemClock
from bot.engine import Engine
from bot.store import Store
from bot.store.starts import Start, want
from tests.engine import stories

ROOT = Path(__file__).parents[2]


@dataclass
class Databases:
    store: str
    engine: str


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    if request.param == "sqlite":
        return Databases(f"sqlite:///{tmp_path}/store.db", f"sqlite:///{tmp_path}/engine.db")
    url = request.getfixturevalue("postgres_server").create_database()
    return Databases(url, url)


@asynccontextmanager
async def process(databases: Databases) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.engine.run", databases.store, databases.engine,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        async with asyncio.timeout(90):
            while (line := await child.stdout.readline()) != b"ready\n":
                assert line, "the process ended before it was ready"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def until(condition, seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - files that another process writes
            await asyncio.sleep(0.02)


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


async def ask_for(url: str, workflow_id: str, name: str, *args: str, delay: float | None = None) -> None:
    clock = SystemClock()
    store = await Store.open(url, clock=clock)
    async with store.write() as tx:
        at = None if delay is None else clock.now() + timedelta(seconds=delay)
        await want(tx, workflow_id, name, *args, at=at)
    await store.close()


@asynccontextmanager
async def engine(databases: Databases) -> AsyncIterator[tuple[Store, Engine]]:
    clock = SystemClock()
    store = await Store.open(databases.store, clock=clock)
    await stories.make_tables(store)
    running = await Engine.launch(store, clock=clock, engine_url=databases.engine, on_parked=stories.parked)
    try:
        yield store, running
    finally:
        await running.stop(grace=1)
        await store.close()


async def test_what_a_row_asks_for_is_run_once(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    async with engine(databases) as (store, _):
        for _ in range(2):
            async with store.write() as tx:
                await want(tx, "T-1/three", "test.three.v1", str(tmp_path), "T-1")
        await until(lambda: lines(tmp_path / "T-1.last") == 1)
        async with store.read() as conn:
            assert (await conn.execute(sa.select(stories.marks.c.name))).scalars().all() == ["T-1"]
    assert lines(tmp_path / "T-1.first") == 1


async def test_a_killed_process_is_carried_on_by_the_next(databases: Databases, tmp_path: Path) -> None:
    await ask_for(databases.store, "T-2/three", "test.three.v1", str(tmp_path), "T-2")
    async with process(databases) as first:
        await until(lambda: lines(tmp_path / "T-2.waiting") == 1)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    (tmp_path / "go").touch()
    async with process(databases):
        await until(lambda: lines(tmp_path / "T-2.last") == 1)
    assert lines(tmp_path / "T-2.first") == 1, "a recorded step ran again"
    assert lines(tmp_path / "T-2.waiting") == 2, "the step in flight runs again"


async def test_a_stop_hands_over_what_is_under_way(databases: Databases, tmp_path: Path) -> None:
    async with engine(databases) as (store, _):
        async with store.write() as tx:
            await want(tx, "T-3/three", "test.three.v1", str(tmp_path), "T-3")
        await until(lambda: lines(tmp_path / "T-3.waiting") == 1)
    (tmp_path / "go").touch()
    async with engine(databases):
        await until(lambda: lines(tmp_path / "T-3.last") == 1)
    assert lines(tmp_path / "T-3.first") == 1


async def test_a_survivor_takes_over_from_a_dead_replica(tmp_path: Path, postgres_server) -> None:
    url = postgres_server.create_database()
    databases = Databases(url, url)
    await ask_for(url, "T-4/three", "test.three.v1", str(tmp_path), "T-4")
    async with process(databases) as first:
        await until(lambda: lines(tmp_path / "T-4.waiting") == 1)
        async with process(databases):
            first.send_signal(signal.SIGKILL)
            await first.wait()
            (tmp_path / "go").touch()
            await until(lambda: lines(tmp_path / "T-4.last") == 1)
    assert lines(tmp_path / "T-4.first") == 1


async def test_a_live_replica_keeps_its_work(tmp_path: Path, postgres_server) -> None:
    url = postgres_server.create_database()
    databases = Databases(url, url)
    await ask_for(url, "T-5/three", "test.three.v1", str(tmp_path), "T-5")
    async with process(databases):
        await until(lambda: lines(tmp_path / "T-5.waiting") == 1)
        async with engine(databases) as (_, second):
            await second._take_over(unknown=True)
            (tmp_path / "go").touch()
            await until(lambda: lines(tmp_path / "T-5.last") == 1)
    assert lines(tmp_path / "T-5.waiting") == 1


async def test_a_deadline_waits_for_its_time_and_survives_a_restart(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    await ask_for(databases.store, "T-6/three", "test.three.v1", str(tmp_path), "T-6", delay=3600)
    await ask_for(databases.store, "T-7/three", "test.three.v1", str(tmp_path), "T-7", delay=0.3)
    async with engine(databases):
        await until(lambda: lines(tmp_path / "T-7.last") == 1)
    assert not (tmp_path / "T-6.first").exists()


async def test_a_tool_that_stays_away_parks_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    databases = Databases(f"sqlite:///{tmp_path}/store.db", f"sqlite:///{tmp_path}/engine.db")
    async with engine(databases) as (store, running):
        waited: list[float] = []

        class Quick(SystemClock):
            async def sleep(self, seconds: float) -> None:
                waited.append(seconds)

        running.clock = Quick()
        async with store.write() as tx:
            await want(tx, "T-8/away", "test.away.v1", str(tmp_path))
        await until((tmp_path / "parked-T-8-away").exists)
    assert lines(tmp_path / "asked") == 5
    assert waited == [1, 2, 4, 8]
    assert "no answer" in (tmp_path / "parked-T-8-away").read_text()


@pytest.mark.slow
async def test_work_that_kills_its_process_five_times_parks(tmp_path: Path) -> None:
    databases = Databases(f"sqlite:///{tmp_path}/store.db", f"sqlite:///{tmp_path}/engine.db")
    await ask_for(databases.store, "T-9/poison", "test.poison.v1", str(tmp_path))
    for round_ in range(1, 6):
        async with process(databases) as victim:
            async with asyncio.timeout(90):
                await victim.wait()
        assert lines(tmp_path / "poison") == round_
    async with process(databases):
        await until((tmp_path / "parked-T-9-poison").exists)
    assert lines(tmp_path / "poison") == 5


async def test_work_of_a_newer_version_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another replica knows it, or this one when it is replaced: until then it is looked at now and then."""
    databases = Databases(f"sqlite:///{tmp_path}/store.db", f"sqlite:///{tmp_path}/engine.db")
    (tmp_path / "go").touch()
    asked: list[str] = []
    real = Engine._start

    async def counted(self: Engine, wanted: Start) -> None:
        asked.append(wanted.name)
        await real(self, wanted)

    monkeypatch.setattr(Engine, "_start", counted)
    await ask_for(databases.store, "T-0/next", "test.next.v2", str(tmp_path))
    await ask_for(databases.store, "T-1/three", "test.three.v1", str(tmp_path), "T-1")
    async with engine(databases):
        await until(lambda: lines(tmp_path / "T-1.last") == 1)
    assert asked.count("test.next.v2") <= 2


@pytest.mark.parametrize("how", [OSError("no space left"), asyncio.CancelledError()], ids=["fails", "cancelled"])
async def test_a_launch_that_does_not_end_well_leaves_the_place_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: BaseException
) -> None:
    (tmp_path / "go").touch()
    first, second = (
        Databases(f"sqlite:///{tmp_path}/{n}-store.db", f"sqlite:///{tmp_path}/{n}-engine.db") for n in "12"
    )

    async def cut_short(_: Store) -> None:
        raise how

    with monkeypatch.context() as patched:
        patched.setattr("bot.engine._datasource", cut_short)
        with pytest.raises(type(how)):
            await engine(first).__aenter__()
    await ask_for(second.store, "T-1/three", "test.three.v1", str(tmp_path), "T-1")
    async with engine(second):
        await until(lambda: lines(tmp_path / "T-1.last") == 1)
    assert _ended(tmp_path / "2-engine.db") == ["T-1/three"]


def _ended(file: Path) -> list[str]:
    """Return the workflows of which the engine wrote down that they have ended."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return [
            row[0] for row in connection.execute("SELECT workflow_uuid FROM workflow_status WHERE status='SUCCESS'")
        ]

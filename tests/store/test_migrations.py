"""Fresh, older and newer databases; what the migrations make is what the code declares."""

import asyncio
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.store import Store, StoreMismatch, metadata, next_id
from bot.store.connections import SCHEMA, parse_url, postgres_engines, sqlite_engines
from bot.store.migrations.runner import downgrade, revisions, upgrade
from bot.store.schema import HEAD, KNOWN

from .conftest import StillClock

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
import asyncio, sys
from bot.clock import SystemClock
from bot.store import Store, next_id

async def main():
    store = await Store.open(sys.argv[1], clock=SystemClock())
    async with store.write() as tx:
        print(await next_id(tx, "D"), "alembic" in sys.modules)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def all_tables() -> None:
    """Declare the tables of every domain."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        importlib.import_module("migration").declare_all()
    finally:
        sys.path.remove(str(ROOT / "tools"))


@pytest.fixture
def state_folder(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()


def _held(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _names(conn: sa.Connection) -> set[str]:
    return set(sa.inspect(conn).get_table_names(SCHEMA if conn.dialect.name == "postgresql" else None))


def _differences(conn: sa.Connection) -> list[object]:
    context = MigrationContext.configure(conn, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def test_the_known_revisions_are_those_of_the_folder() -> None:
    assert revisions() == KNOWN
    assert KNOWN[-1] == HEAD


async def test_migrations_make_what_the_code_declares_and_take_it_back(
    database_url: str, state_folder: None, all_tables: None
) -> None:
    parsed, dialect = parse_url(database_url)
    engine, *_ = (sqlite_engines if dialect == "sqlite" else postgres_engines)(parsed)
    try:
        async with engine.begin() as conn:
            if dialect == "postgresql":
                await conn.execute(sa.schema.CreateSchema(SCHEMA))
            await conn.run_sync(upgrade)
            assert await conn.run_sync(_names) == {*metadata.tables, "alembic_version"}
            assert await conn.run_sync(_differences) == []
            await conn.run_sync(downgrade)
            assert await conn.run_sync(_names) == {"alembic_version"}
    finally:
        await engine.dispose()


async def test_a_fresh_database_gets_the_same_tables_and_the_newest_version(
    database_url: str, clock: StillClock, all_tables: None
) -> None:
    store = await Store.open(database_url, clock=clock)
    async with store.engine.connect() as conn:
        assert await conn.run_sync(_names) == {*metadata.tables, "alembic_version"}
        assert await conn.run_sync(_differences) == []
        assert (await conn.execute(sa.text("select version_num from alembic_version"))).scalar_one() == HEAD
    await store.close()


async def test_a_database_of_a_newer_shipmate_is_refused_and_left_alone(database_url: str, clock: StillClock) -> None:
    store = await Store.open(database_url, clock=clock)
    async with store.write() as tx:
        await next_id(tx, "D")
        await tx.conn.execute(sa.text("update alembic_version set version_num = '9999'"))
    await store.close()
    with pytest.raises(StoreMismatch, match=f"version 9999, this Shipmate knows up to {HEAD}"):
        await Store.open(database_url, clock=clock)


async def test_commands_that_only_look_make_no_database(database_url: str, clock: StillClock, tmp_path: Path) -> None:
    with pytest.raises(StoreMismatch, match="there is no Shipmate database"):
        await Store.open(database_url, clock=clock, create=False)
    assert not _held(tmp_path)
    store = await Store.open(database_url, clock=clock)
    await store.close()
    store = await Store.open(database_url, clock=clock, create=False)
    await store.close()


async def test_tables_of_ours_without_a_version_are_not_touched(sqlite_url: str, clock: StillClock) -> None:
    store = await Store.open(sqlite_url, clock=clock)
    async with store.write() as tx:
        await tx.conn.execute(sa.text("drop table alembic_version"))
    await store.close()
    with pytest.raises(StoreMismatch, match="no version"):
        await Store.open(sqlite_url, clock=clock)


async def test_a_table_of_an_add_on_is_added_later(database_url: str, clock: StillClock) -> None:
    await (await Store.open(database_url, clock=clock)).close()
    added = sa.Table("added_by_a_test", metadata, sa.Column("id", sa.Integer, primary_key=True))
    try:
        store = await Store.open(database_url, clock=clock)
        async with store.write() as tx:
            await tx.conn.execute(added.insert().values(id=1))
        await store.close()
    finally:
        metadata.remove(added)


async def test_processes_that_open_a_fresh_database_at_once_agree(database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN, database_url]
    started = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        for _ in range(3)
    ]
    said = [await process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    # and a start that finds nothing to migrate does not import Alembic
    assert sorted(out.decode().split() for out, _ in said) == [
        [f"D-{number}", "False"] for number in (1001, 1002, 1003)
    ]

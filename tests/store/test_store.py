"""Reading, writing, ids and column types."""

import asyncio
import logging
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, ProgrammingError, StatementError

from bot.clock import SystemClock
from bot.identity import Channel, Person
from bot.store import ChannelColumn, JsonColumn, PersonColumn, Store, Timestamp, next_id
from bot.store.counters import counters
from bot.store.engine_file import use_wal
from bot.store.starts import starts, want

samples = sa.Table(
    "samples",
    sa.MetaData(),  # not the bot's: made by the test that needs it
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Timestamp),
    sa.Column("who", PersonColumn),
    sa.Column("channel", ChannelColumn),
    sa.Column("data", JsonColumn),
)


async def _prefixes(store: Store) -> set[str]:
    async with store.read() as conn:
        return set((await conn.execute(sa.select(counters.c.prefix))).scalars())


async def test_what_is_written_is_kept_and_its_hooks_run_after_the_commit(store: Store) -> None:
    seen: list[str] = []
    async with store.write() as tx:
        tx.after_commit(lambda: seen.append("hook"))
        await next_id(tx, "D")
        assert seen == []
    assert seen == ["hook"]
    assert await _prefixes(store) == {"D"}


async def test_what_fails_is_undone_and_its_hooks_do_not_run(store: Store) -> None:
    seen: list[str] = []

    async def write_and_fail() -> None:
        async with store.write() as tx:
            tx.after_commit(lambda: seen.append("hook"))
            tx.wake("x")
            await next_id(tx, "D")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await write_and_fail()
    assert seen == []
    assert not store.signal("x").is_set()
    assert await _prefixes(store) == set()
    async with store.write() as tx:  # the turn was given back
        assert await next_id(tx, "D") == "D-1001"


async def test_a_hook_that_fails_is_logged_and_the_others_run(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("hook on purpose")

    with caplog.at_level(logging.ERROR):
        async with store.write() as tx:
            tx.after_commit(fail)
            tx.after_commit(lambda: seen.append("second"))
    assert seen == ["second"]
    assert "hook on purpose" in caplog.text


async def test_ids_are_unique_under_racing_writers_and_start_where_people_expect(store: Store) -> None:
    async def take(prefix: str) -> str:
        async with store.write() as tx:
            return await next_id(tx, prefix)

    taken = await asyncio.gather(*(take("D") for _ in range(40)), take("R"), take("A"))
    assert sorted(taken[:40]) == [f"D-{number}" for number in range(1001, 1041)]
    assert taken[40:] == ["R-1", "A-1"]


async def test_a_reader_does_not_wait_for_an_open_writer(store: Store) -> None:
    async with store.write() as tx:
        await next_id(tx, "D")
        async with asyncio.timeout(60):
            assert await _prefixes(store) == set()
    assert await _prefixes(store) == {"D"}


async def test_reading_connections_refuse_to_write_on_sqlite(sqlite_store: Store) -> None:
    with pytest.raises(Exception, match="cannot be written"):
        async with sqlite_store.read() as conn:
            await conn.execute(counters.insert().values(prefix="D", value=1))


async def test_a_mistake_of_ours_is_not_called_an_outage(store: Store) -> None:
    with pytest.raises((OperationalError, ProgrammingError)):
        async with store.read() as conn:
            await conn.execute(sa.text("select * from no_such_table"))


async def test_a_cancelled_commit_is_carried_to_its_end(store: Store) -> None:
    """Whoever is cancelled while the commit runs finds the rows kept and the hooks run, or neither."""
    hooks: list[str] = []

    async def write(name: str) -> None:
        async with store.write() as tx:
            await want(tx, name, "x")
            tx.after_commit(lambda: hooks.append(name))
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_soon(task.cancel)

    names = {f"w{number}" for number in range(20)}
    for name in names:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(write(name))
    async with store.read() as conn:
        rows = (await conn.execute(sa.select(starts.c.workflow_id))).scalars().all()
    assert sorted(rows) == sorted(hooks)
    assert set(rows) == names  # the cancellation came when the commit was under way


async def test_columns_give_back_what_was_stored_and_sort_as_time(store: Store) -> None:
    moments = [
        datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        datetime(2026, 3, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 3, 1, 11, 59, 59, 999_999, tzinfo=UTC),
    ]
    person = Person(team="T1", user="U1", enterprise="E1")
    channel = Channel(team="T1", channel="C1")
    data = {"a": [1, 2.5, None, True, "é"], "b": {"c": {}}}
    async with store.write() as tx:
        await tx.conn.run_sync(samples.create)
        for number, moment in enumerate(moments):
            row = {"id": number, "at": moment, "who": person, "channel": channel, "data": data}
            await tx.conn.execute(samples.insert().values(row))
        await tx.conn.execute(samples.insert().values(id=9))
        rows = (await tx.conn.execute(sa.select(samples).where(samples.c.id < 9).order_by(samples.c.at))).all()
        empty = (await tx.conn.execute(sa.select(samples).where(samples.c.id == 9))).one()
        await tx.conn.run_sync(samples.drop)
    assert [row.id for row in rows] == [2, 0, 1]
    assert [row.at for row in rows] == [moments[2], moments[0], moments[1]]
    assert all(row.at.utcoffset() == timedelta() for row in rows)
    assert {(row.who, row.channel) for row in rows} == {(person, channel)}
    assert rows[0].data == data
    assert tuple(empty)[1:] == (None, None, None, None)


async def test_a_moment_without_a_time_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        async with store.write() as tx:
            await want(tx, "w", "x", at=datetime(2026, 3, 1))  # noqa: DTZ001 - the mistake itself


async def test_passwords_of_the_url_do_not_show(database_url: str, store: Store) -> None:
    assert "hunter2" not in repr(store.engine)
    url = "postgresql://shipmate:hunter2hunter2@127.0.0.1:1/nowhere"
    with pytest.raises(Exception, match="cannot use its database") as caught:
        await Store.open(url, clock=store.clock)
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("mysql://x/y", "sqlite or postgresql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("no url", "cannot be read"),
    ],
)
async def test_a_url_that_cannot_be_used_says_what_was_expected(url: str, rule: str, clock: object) -> None:
    with pytest.raises(ValueError, match=rule):
        await Store.open(url, clock=clock)  # type: ignore[arg-type]


async def test_the_files_are_for_our_own_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "shipmate.db"
    opened = await Store.open(f"sqlite:///{path}", clock=SystemClock())
    await use_wal(f"sqlite:///{path.with_name('engine.db')}")
    try:
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (path.parent, *path.parent.iterdir())}
    finally:
        await opened.close()
    assert modes.pop("state") == 0o700
    assert modes.keys() >= {"shipmate.db", "engine.db"}
    assert set(modes.values()) == {0o600}, modes

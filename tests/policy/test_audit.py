"""The audit log: what it says, and that no way of tampering with it goes unseen."""

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from bot.audit import GENESIS, SHIPMATE, Audit, entries, head
from bot.command import Resource
from bot.identity import Person
from bot.store import Store, StoreUnavailable, next_id
from bot.store.counters import counters

MIA = Person("T1", "U1")
ROOT = Path(__file__).resolve().parents[2]


async def _write(store: Store, audit: Audit, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        async with store.write() as tx:
            await audit.record(
                tx,
                actor=MIA,
                action="deployment.start",
                outcome="allowed",
                resource=Resource("checkout", "staging", "eu"),
                rule="developers may deployment.start on checkout/staging (permissions[0])",
                request_id=f"trigger-{number}",
                subject=f"D-{1000 + number}",
                data={"version": "1.4.2", "n": number, "é": [None, 1.5]},
            )


async def _change(store: Store, *statements: Any) -> None:
    async with store.write() as tx:
        for statement in statements:
            await tx.conn.execute(statement)


async def test_an_empty_log_is_whole(audit: Audit) -> None:
    verdict = await audit.verify()
    assert (verdict.ok, verdict.entries, verdict.head) == (True, 0, f"0:{GENESIS}")


async def test_what_is_recorded_can_be_read_and_proven(store: Store, audit: Audit) -> None:
    await _write(store, audit, 3)
    verdict = await audit.verify()
    newest, *_ = await audit.recent()
    assert (verdict.ok, verdict.entries, verdict.head) == (True, 3, f"3:{newest.hash}")
    assert (newest.number, newest.actor, newest.subject, newest.resource) == (
        3,
        MIA,
        "D-1002",
        Resource("checkout", "staging", "eu"),
    )
    assert newest.data == {"version": "1.4.2", "n": 2, "é": [None, 1.5]}
    assert [entry.number for entry in await audit.recent(subject="D-1001")] == [2]


async def test_an_entry_lives_and_dies_with_the_change_it_tells_of(store: Store, audit: Audit) -> None:
    await _write(store, audit, 1)
    with pytest.raises(RuntimeError, match="on purpose"):
        await _record_and_fail(store, audit)
    assert (await audit.verify()).entries == 1


async def _record_and_fail(store: Store, audit: Audit) -> None:
    async with store.write() as tx:
        await next_id(tx, "D")
        await audit.record(tx, actor=MIA, action="a", outcome="allowed", resource=Resource())
        raise RuntimeError("on purpose")


async def test_a_change_whose_entry_cannot_be_written_is_not_made(store: Store, audit: Audit) -> None:
    with pytest.raises(TypeError):
        await _record_what_is_no_json(store, audit)
    async with store.read() as conn:
        assert (await conn.execute(sa.select(sa.func.count()).select_from(counters))).scalar_one() == 0


async def _record_what_is_no_json(store: Store, audit: Audit) -> None:
    async with store.write() as tx:
        await next_id(tx, "D")
        await audit.record(tx, actor=MIA, action="a", outcome="o", resource=Resource(), data={"x": object()})


async def test_text_that_no_database_can_hold_is_recorded_all_the_same(store: Store, audit: Audit) -> None:
    async with store.write() as tx:
        await audit.record(
            tx,
            actor=SHIPMATE,
            action="x" * 500,
            outcome="refused",
            resource=Resource("a\x00b\ud800" * 2000),
            rule="\x00",
            data={"k\x00": "v\ud800"},
        )
    assert (await audit.verify()).ok


async def test_entries_are_told_to_the_log_after_the_commit_only(store: Store, audit: Audit) -> None:
    with structlog.testing.capture_logs() as told:
        async with store.write() as tx:
            await audit.record(tx, actor=MIA, action="a", outcome="allowed", resource=Resource("checkout"))
            assert told == []
        with pytest.raises(RuntimeError):
            await _record_and_fail(store, audit)
    (line,) = told
    assert (line["event"], line["actor"], line["service"], line["number"]) == ("audit", MIA.key, "checkout", 1)
    assert len(line["hash"]) == 64
    json.dumps(line)


ANOTHER: dict[str, Any] = {
    "at": datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
    "actor": "3" * 64,
    "action": "deployment.cancel",
    "outcome": "refused",
    "service": "search",
    "environment": "production",
    "target": "us",
    "rule": "ana may everything",
    "request_id": "another",
    "subject": "D-1",
    "data": '{"version":"1.4.3"}',
    "personal": "4" * 64,
    "previous": "1" * 64,
    "hash": "2" * 64,
}


def test_every_column_is_tampered_with_below() -> None:
    assert {*ANOTHER, "number"} == set(entries.c.keys())


async def test_changing_any_field_of_any_entry_is_found(store: Store, audit: Audit) -> None:
    await _write(store, audit, 4)
    for column, value in ANOTHER.items():
        for number in (1, 3, 4):
            this = entries.c.number == number
            async with store.read() as conn:
                before = (await conn.execute(sa.select(entries.c[column]).where(this))).scalar_one()
            await _change(store, sa.update(entries).where(this).values({column: value}))
            verdict = await audit.verify()
            assert (verdict.ok, verdict.first_bad) == (False, number), column
            assert str(number) in verdict.reason
            await _change(store, sa.update(entries).where(this).values({column: before}))
            assert (await audit.verify()).ok


def _swap(first: int, second: int) -> list[Any]:
    def move(old: int, new: int) -> Any:
        return sa.update(entries).where(entries.c.number == old).values(number=new)

    return [move(first, -1), move(second, first), move(-1, second)]


@pytest.mark.parametrize(
    ("tamper", "first_bad"),
    [
        pytest.param(lambda: [sa.delete(entries).where(entries.c.number == 1)], 1, id="first entry removed"),
        pytest.param(lambda: [sa.delete(entries).where(entries.c.number == 3)], 3, id="entry removed"),
        pytest.param(lambda: [sa.delete(entries).where(entries.c.number > 4)], 5, id="end cut off"),
        pytest.param(lambda: [sa.delete(entries)], 1, id="all entries removed"),
        pytest.param(lambda: _swap(2, 5), 2, id="entries swapped"),
        pytest.param(lambda: [sa.delete(head)], 1, id="head removed"),
        pytest.param(lambda: [sa.update(head).values(hash="3" * 64)], 6, id="head's hash changed"),
        pytest.param(lambda: [sa.update(head).values(number=5)], 5, id="head moved back"),
        pytest.param(lambda: [sa.update(head).values(number=7)], 7, id="head moved on"),
        pytest.param(
            lambda: [sa.update(entries).where(entries.c.number == 6).values(number=8)], 6, id="last entry renumbered"
        ),
    ],
)
async def test_removing_and_reordering_is_found(
    store: Store, audit: Audit, tamper: Callable[[], list[Any]], first_bad: int
) -> None:
    await _write(store, audit, 6)
    await _change(store, *tamper())
    verdict = await audit.verify()
    assert (verdict.ok, verdict.first_bad) == (False, first_bad), verdict


async def test_an_entry_slipped_in_after_the_head_is_found(store: Store, audit: Audit) -> None:
    await _write(store, audit, 2)
    async with store.read() as conn:
        row = dict((await conn.execute(sa.select(entries).where(entries.c.number == 2))).mappings().one())
    await _change(store, entries.insert().values({**row, "number": 3}))
    assert (await audit.verify()).first_bad == 3


async def test_a_whole_new_chain_is_found_against_a_head_that_was_kept(store: Store, audit: Audit) -> None:
    """Whoever can write the database can forge a chain; a head kept elsewhere shows it."""
    await _write(store, audit, 4)
    known = (await audit.verify()).head
    await _write(store, audit, 2, start=4)
    assert (await audit.verify(expected=known)).ok
    await _change(store, sa.delete(entries), sa.delete(head))
    await _write(store, audit, 6, start=100)
    assert (await audit.verify()).ok
    assert (await audit.verify(expected=known)).first_bad == 4
    await _change(store, sa.delete(entries), sa.delete(head))
    await _write(store, audit, 2, start=100)
    cut = await audit.verify(expected=known)
    assert (cut.ok, cut.first_bad) == (False, 3)
    assert "cut off" in cut.reason


@pytest.mark.parametrize("head_text", ["", "x", "1:abc", "one:" + "0" * 64])
async def test_a_kept_head_of_another_form_is_refused(audit: Audit, head_text: str) -> None:
    if not head_text:
        assert (await audit.verify(expected=head_text)).ok
        return
    with pytest.raises(ValueError, match="no head of the audit log"):
        await audit.verify(expected=head_text)


async def test_racing_writers_make_one_chain(store: Store, audit: Audit) -> None:
    await asyncio.gather(*(_write(store, audit, 10, start=100 * lane) for lane in range(6)))
    verdict = await audit.verify()
    assert (verdict.ok, verdict.entries) == (True, 60)


async def _writer(url: str, *arguments: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.policy.writer", url, *arguments]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT
    )


@pytest.mark.slow
async def test_two_processes_make_one_chain(store: Store, audit: Audit, database_url: str) -> None:
    processes = [await _writer(database_url, name, "15") for name in ("a", "b")]
    said = [await process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    verdict = await audit.verify()
    assert (verdict.ok, verdict.entries) == (True, 90)


@pytest.mark.slow
async def test_a_killed_writer_leaves_a_whole_chain_with_all_it_reported(
    store: Store, audit: Audit, database_url: str
) -> None:
    """Killed at five different moments: what it said was written is there, and the chain goes on."""
    reported: set[str] = set()
    for round_number in range(5):
        process = await _writer(database_url, f"w{round_number}")
        assert process.stdout is not None
        for _ in range(3 + 4 * round_number):
            async with asyncio.timeout(60):
                reported.add((await process.stdout.readline()).decode().strip())
        process.kill()
        rest, _ = await process.communicate()
        reported.update(line for line in rest.decode().split("\n")[:-1] if line)
    verdict = await audit.verify()
    assert verdict.ok, verdict
    async with store.read() as conn:
        kept = set((await conn.execute(sa.select(entries.c.subject))).scalars())
    assert reported <= kept
    await _write(store, audit, 1)
    assert (await audit.verify()).entries == verdict.entries + 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_full_disk_means_no_change_and_a_whole_chain(store: Store, audit: Audit) -> None:
    await _write(store, audit, 2)
    with pytest.raises(StoreUnavailable, match="its disk is full"):
        await _fill(store, audit)
    verdict = await audit.verify()
    assert (verdict.ok, verdict.entries) == (True, 2)


async def _fill(store: Store, audit: Audit) -> None:
    async with store.write() as tx:
        pages = (await tx.conn.execute(sa.text("pragma page_count"))).scalar_one()
        await tx.conn.execute(sa.text(f"pragma max_page_count = {pages + 1}"))
        await audit.record(tx, actor=MIA, action="a", outcome="o", resource=Resource(), data={"x": "y" * 100_000})

"""What was done to a log is named: changed, removed, inserted, reordered, cut off; on both databases."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from bot.audit import Audit, Fault, entries, head
from bot.audit.entries import digest, raw_columns
from bot.store import Store

from .conftest import HandClock, write

Rows = list[dict[str, Any]]


async def _rows(store: Store) -> Rows:
    chosen = sa.select(*raw_columns(store.dialect)).order_by(entries.c.number)
    async with store.read() as conn:
        return [dict(row) for row in (await conn.execute(chosen)).mappings()]


async def _put(store: Store, rows: Sequence[dict[str, Any]]) -> None:
    """Replace the whole log by these rows, as somebody with the database's password would."""
    untyped = sa.table(entries.name, *(sa.column(column.name) for column in entries.columns))
    async with store.write() as tx:
        await tx.conn.execute(sa.delete(entries))
        await tx.conn.execute(sa.insert(untyped), rows)


def _renumbered(rows: Rows) -> Rows:
    return [{**row, "number": number} for number, row in enumerate(rows, 1)]


def _forged(row: dict[str, Any], previous: str) -> dict[str, Any]:
    forged = {**row, "outcome": "refused", "previous": previous}
    return {**forged, "hash": digest(forged)}


def _changed(rows: Rows) -> Rows:
    rows[3]["outcome"] = "refused"
    return rows


def _changed_with_its_hash(rows: Rows) -> Rows:
    rows[3] = _forged(rows[3], rows[3]["previous"])
    return rows


def _closed_up(rows: Rows) -> Rows:
    return _renumbered(rows[:3] + rows[4:])


def _slipped_in(rows: Rows) -> Rows:
    forged = _forged({**rows[3]}, rows[2]["hash"])
    return _renumbered([*rows[:3], forged, *rows[3:]])


def _copied(rows: Rows) -> Rows:
    return _renumbered([*rows[:3], rows[0], *rows[3:]])


def _swapped(rows: Rows) -> Rows:
    rows[3], rows[4] = rows[4], rows[3]
    return _renumbered(rows)


def _moved_to_the_end(rows: Rows) -> Rows:
    return _renumbered([*rows[:3], *rows[4:], rows[3]])


def _before_the_first(rows: Rows) -> Rows:
    return [{**rows[0], "number": -7}, *rows]


@pytest.mark.parametrize(
    ("tamper", "fault", "number", "words"),
    [
        (_changed, Fault.CHANGED, 4, "entry 4 was changed after it was written"),
        (_changed_with_its_hash, Fault.CHANGED, 5, "entry 5 does not continue entry 4"),
        (lambda rows: rows[:3] + rows[4:], Fault.REMOVED, 4, "entry 4 is missing"),
        (lambda rows: rows[:3] + rows[6:], Fault.REMOVED, 4, "entries 4 to 6 are missing"),
        (_closed_up, Fault.REMOVED, 4, "what was entry 5 stands in its place"),
        (lambda rows: rows[:5], Fault.CUT_OFF, 6, "the end was cut off"),
        (_slipped_in, Fault.INSERTED, 4, "inserted as number 4: what was entry 4 stands as number 5"),
        (_copied, Fault.INSERTED, 4, "inserted as number 4"),
        (_before_the_first, Fault.INSERTED, 1, "outside of the chain, under number -7"),
        (_swapped, Fault.REORDERED, 4, "entry 5 stands as number 4, entry 4 as 5"),
        (_moved_to_the_end, Fault.REORDERED, 4, "entry 4 as 8"),
    ],
)
async def test_what_was_done_is_named(
    store: Store, clock: HandClock, tamper: Callable[[Rows], Rows], fault: Fault, number: int, words: str
) -> None:
    audit = Audit(store, clock)
    await write(store, audit, 8)
    await _put(store, tamper(await _rows(store)))
    verdict = await audit.verify()
    assert (verdict.ok, verdict.fault, verdict.first_bad) == (False, fault, number), verdict
    assert words in verdict.reason


async def test_the_same_rows_put_back_are_whole(store: Store, clock: HandClock) -> None:
    """So what is found above is the tampering, not the way it is done."""
    audit = Audit(store, clock)
    await write(store, audit, 3)
    await _put(store, await _rows(store))
    assert (await audit.verify()).ok


@pytest.mark.parametrize("column", ["actor", "at", "data", "number"])
async def test_nonsense_in_a_row_is_found_and_breaks_nothing(file_store: Store, clock: HandClock, column: str) -> None:
    """A column of SQLite takes anything, so what stands there need not even be of its form."""
    audit = Audit(file_store, clock)
    await write(file_store, audit, 4)
    async with file_store.write() as tx:
        untyped = sa.table(entries.name, sa.column("number"), sa.column(column))
        value = 2.5 if column == "number" else "nonsense"
        await tx.conn.execute(sa.update(untyped).where(untyped.c.number == 2).values({column: value}))
    verdict = await audit.verify()
    assert (verdict.ok, verdict.first_bad) == (False, 2), verdict


async def test_a_head_that_names_nothing_is_found(store: Store, clock: HandClock) -> None:
    audit = Audit(store, clock)
    await write(store, audit, 2)
    async with store.write() as tx:
        await tx.conn.execute(sa.update(head).values(hash="0" * 64))
    assert (await audit.verify()).fault is Fault.HEAD

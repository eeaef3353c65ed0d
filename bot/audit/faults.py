"""What is wrong with a log that is not whole: changed, removed, inserted, reordered; told from what is left of it.

The hash of an entry covers its number, so an entry that stands somewhere else still tells where it was written.
"""

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit.broken import Broken, Fault
from bot.audit.entries import Row, digest, raw_columns
from bot.audit.tables import entries

_AROUND = 1000
"""How far from where it stands an entry is looked for that was moved by renumbering."""


async def stray(conn: AsyncConnection, base: int, end: int) -> Broken:
    """Name a row that stands outside of the numbers that the chain has."""
    outside = sa.or_(entries.c.number <= base, entries.c.number > end)
    chosen = sa.select(sa.cast(entries.c.number, sa.String)).where(outside).order_by(entries.c.number).limit(1)
    number = (await conn.execute(chosen)).scalar_one_or_none()
    return Broken(base + 1, Fault.INSERTED, f"an entry was inserted outside of the chain, under number {number}")


async def named(conn: AsyncConnection, number: int, previous: str, row: Row | None) -> Broken:
    """Tell what was done at `number`, where `row` (or none) stands though the chain goes on from `previous`."""
    if row is None or row["number"] != number:
        return await _missing(conn, number, previous, row)
    moved = await _original(conn, number, previous)
    written_as = await _written_as(conn, row)
    if moved is not None and written_as is not None:
        reason = f"entries were reordered: entry {written_as} stands as number {number}, entry {number} as {moved}"
        return Broken(number, Fault.REORDERED, reason)
    if moved is not None:
        reason = f"an entry was inserted as number {number}: what was entry {number} stands as number {moved}"
        return Broken(number, Fault.INSERTED, reason)
    if written_as is not None and written_as < number:
        reason = f"an entry was inserted as number {written_as}: what was entry {written_as} stands as number {number}"
        return Broken(written_as, Fault.INSERTED, reason)
    if written_as is not None:
        reason = f"entry {number} is missing: what was entry {written_as} stands in its place"
        return Broken(number, Fault.REMOVED, reason)
    reason = f"entry {number} was changed after it was written"
    if row["previous"] != previous:
        reason = f"entry {number} does not continue entry {number - 1}: it was changed or replaced"
    return Broken(number, Fault.CHANGED, reason)


async def _missing(conn: AsyncConnection, number: int, previous: str, following: Row | None) -> Broken:
    if following is not None and not isinstance(following["number"], int):
        reason = f"an entry was inserted before entry {number}, under number {following['number']}"
        return Broken(number, Fault.INSERTED, reason)
    moved = await _original(conn, number, previous)
    if moved is not None:
        return Broken(number, Fault.REORDERED, f"entry {number} was moved: it stands as number {moved}")
    if following is not None:
        gap = following["number"] - 1
        what = f"entries {number} to {gap} are" if gap > number else f"entry {number} is"
        return Broken(number, Fault.REMOVED, f"{what} missing")
    return Broken(number, Fault.CUT_OFF, f"entry {number} and all after it are missing: the end was cut off")


async def _original(conn: AsyncConnection, number: int, previous: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Return under which number the entry stands that was written as `number`, None when there is none."""
    chosen = sa.select(*raw_columns(conn.dialect.name)).where(
        entries.c.previous == previous, entries.c.number != number
    )
    for row in (await conn.execute(chosen.limit(_AROUND))).mappings():
        if row["hash"] == digest(cast("Row", row), number):
            return row["number"]
    return None


async def _written_as(conn: AsyncConnection, row: Row) -> int | None:
    """Return the other number that a row was written under; None when it was changed, or is a copy of another."""
    copies = sa.select(sa.func.count()).select_from(entries).where(entries.c.hash == row["hash"])
    if (await conn.execute(copies)).scalar_one() > 1:
        return None
    here = int(row["number"])
    near = sorted(range(max(1, here - _AROUND), here + _AROUND + 1), key=lambda one: abs(one - here))
    return next((number for number in near[1:] if row["hash"] == digest(row, number)), None)

"""Proving the chain: every entry read once, in order, in memory that does not grow; what is wrong is named."""

from collections.abc import AsyncIterator, Callable
from typing import cast

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import faults
from bot.audit.broken import Broken, Fault
from bot.audit.entries import GENESIS, Row, digest, raw_columns
from bot.audit.tables import HEAD, entries, head, personal

_BATCH = 1000


class End(Struct, frozen=True):
    """The head and the greatest number of all entries, as of one moment. `rows` is how many rows there are at all."""

    number: int
    hash: str
    last: int
    rows: int


async def end_of(conn: AsyncConnection) -> End:
    """Return where the log ends."""
    number = sa.select(head.c.number).where(head.c.id == HEAD).scalar_subquery()
    text = sa.select(head.c.hash).where(head.c.id == HEAD).scalar_subquery()
    last = sa.select(sa.func.coalesce(sa.func.max(sa.cast(entries.c.number, sa.BigInteger)), 0)).scalar_subquery()
    rows = sa.select(sa.func.count()).select_from(entries).scalar_subquery()
    chosen = sa.select(number.label("number"), text.label("hash"), last.label("last"), rows.label("rows"))
    row = (await conn.execute(chosen)).one()
    if row.number is None:
        return End(0, GENESIS, int(row.last), int(row.rows))
    return End(int(row.number), str(row.hash), int(row.last), int(row.rows))


async def rows_after(conn: AsyncConnection, after: int, end: int) -> AsyncIterator[Row]:
    """Yield the entries numbered above `after` up to `end`, in order, as texts, with the `details` beside them.

    A thousand are in memory at most.
    """
    beside = (personal.c.text.label("details"), personal.c.salt.label("details_salt"))
    columns = (*raw_columns(conn.dialect.name), *beside)
    both = entries.outerjoin(personal, personal.c.number == entries.c.number)
    while True:
        chosen = sa.select(*columns).select_from(both).where(entries.c.number > after, entries.c.number <= end)
        rows = (await conn.execute(chosen.order_by(entries.c.number).limit(_BATCH))).mappings().all()
        for row in rows:
            yield cast("Row", row)
        if len(rows) < _BATCH:
            return
        after = rows[-1]["number"]


async def walk(
    conn: AsyncConnection, end: End, *, base: tuple[int, str] = (0, GENESIS), seen: Callable[[Row], None]
) -> tuple[int, str]:
    """Prove the entries after `base` one by one, and tell `seen` of each; return the last number and hash.

    Raises:
        Broken: the first that is wrong.
    """
    count, previous = base
    async for row in rows_after(conn, count, end.number):
        number = count + 1
        if row["number"] != number or row["previous"] != previous or row["hash"] != digest(row):
            raise await faults.named(conn, number, previous, row)
        seen(row)
        count, previous = number, str(row["hash"])
    if count < end.number:
        raise await faults.named(conn, count + 1, previous, None)
    if end.hash != previous:
        raise Broken(
            count, Fault.HEAD, f"the head does not name entry {count}: the last entry or the head was replaced"
        )
    if end.last > count:
        reason = f"there are entries after the head, from {count + 1} on"
        raise Broken(count + 1, Fault.INSERTED, reason)
    if end.rows > count - base[0]:
        raise await faults.stray(conn, base[0], count)
    return count, previous

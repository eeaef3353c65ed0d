"""Ids that people can say: D-1001, R-1, A-7."""

import sqlalchemy as sa

from bot.store.tables import insert, metadata
from bot.store.transaction import Tx

_FIRST = {"D": 1001}

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("prefix", sa.String(16), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)


async def next_id(tx: Tx, prefix: str) -> str:
    """Return the next id of this prefix: "D-1042". Deployments (D) start at 1001, all else at 1.

    Two transactions never get the same one; a transaction that is rolled back gives its number back.
    """
    statement = insert(tx.conn, counters).values(prefix=prefix, value=_FIRST.get(prefix, 1))
    statement = statement.on_conflict_do_update(
        index_elements=[counters.c.prefix], set_={"value": counters.c.value + 1}
    )
    value = (await tx.conn.execute(statement.returning(counters.c.value))).scalar_one()
    return f"{prefix}-{value}"

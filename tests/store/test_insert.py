"""An insert that meets a conflict says so, on both databases: locks and deliveries rely on it."""

from bot.store import Store, insert
from bot.store.counters import counters


async def test_the_row_count_tells_whether_a_row_was_written(store: Store):
    async with store.write() as tx:
        statement = insert(tx.conn, counters).values(prefix="X", value=1).on_conflict_do_nothing()
        assert [(await tx.conn.execute(statement)).rowcount for _ in range(3)] == [1, 0, 0]

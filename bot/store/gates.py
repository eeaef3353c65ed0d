"""Gates: two kinds of transactions that must not run side by side, though they touch no row in common.

A transaction that reads a state and then writes a row because of it does not see another that changes this state
meanwhile, nor does the other see the row. So the first kind goes `through` a gate before it reads, and many may do so
at once; the second holds the gate `shut` before it looks for such rows, and then every one of them is kept, or is not
begun. Both end with their transaction. On SQLite one transaction writes at a time, and there is nothing to do.
Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import hashlib

import sqlalchemy as sa

from bot.store.transaction import Tx


async def through(tx: Tx, gate: str) -> None:
    """Go through a gate: waits while another transaction holds it shut."""
    await _take(tx, sa.func.pg_advisory_xact_lock_shared(_number(gate)))


async def shut(tx: Tx, gate: str) -> None:
    """Hold a gate shut until the transaction ends: waits for those that went through, lets no more go."""
    await _take(tx, sa.func.pg_advisory_xact_lock(_number(gate)))


async def _take(tx: Tx, lock: sa.Function[None]) -> None:
    if tx.conn.dialect.name == "postgresql":
        await tx.conn.execute(sa.select(lock))


def _number(gate: str) -> int:
    """Return the number that PostgreSQL knows a gate by: 63 bits of the hash of its name."""
    return int.from_bytes(hashlib.sha256(gate.encode()).digest()[:8], "big") >> 1

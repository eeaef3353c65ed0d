"""`Audit`: writes the log, reads it and proves it whole."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import chain
from bot.audit.entries import GENESIS, Entry, Row, canonical, digest, entry_of, moment_text, storable
from bot.audit.faults import Broken, Fault
from bot.audit.search import Search
from bot.audit.tables import HEAD, entries, head
from bot.clock import Clock
from bot.command import Resource
from bot.identity import Person
from bot.store import Store, Tx, insert

SHIPMATE = Person(team="account", user="shipmate")
"""The actor of what Shipmate does by itself: expiry, automatic rollback."""

_BATCH = 500
_log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain is whole; when not, the number of the first entry that is wrong and what is wrong with it."""

    entries: int
    ok: bool
    first_bad: int | None
    reason: str
    head: str = GENESIS
    fault: Fault | None = None


class Audit:
    """Writes and verifies the log."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def record(  # noqa: PLR0913 - one keyword per column
        self,
        tx: Tx,
        *,
        actor: Person,
        action: str,
        outcome: str,
        resource: Resource,
        rule: str = "",
        request_id: str = "",
        subject: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> str:
        """Append an entry in the transaction `tx` and return its hash. `data` holds plain JSON values, no secrets.

        The head row stays locked until the transaction ends: record last, or keep the transaction short.

        Raises:
            TypeError: `data` holds what JSON cannot.
        """
        number, previous = await self._lock_head(tx.conn)
        at = self._clock.now()
        texts: dict[str, Any] = {
            "action": action,
            "outcome": outcome,
            "service": resource.service,
            "environment": resource.environment,
            "target": resource.target,
            "rule": rule,
            "request_id": request_id,
            "subject": subject,
            "data": canonical(dict(data or {})),
            "previous": previous,
        }
        values = {"number": number + 1, **{key: storable(value) for key, value in texts.items()}}
        told = {**values, "at": moment_text(at), "actor": actor.key}
        told["hash"] = digest(told)
        row = {**values, "at": at, "actor": actor, "hash": told["hash"]}
        await tx.conn.execute(sa.insert(entries).values(row))
        await tx.conn.execute(sa.update(head).where(head.c.id == HEAD).values(number=number + 1, hash=told["hash"]))
        tx.after_commit(lambda: _tell(told))
        return str(told["hash"])

    async def verify(self, *, expected: str = "") -> Verdict:
        """Read the whole log and prove that nothing was changed, removed, inserted, reordered or cut off.

        `expected` is a head that was printed before, "<number>:<hash>": the log must still contain it.

        Raises:
            ValueError: `expected` is not of this form.
        """
        anchor = _parse_head(expected) if expected else (0, GENESIS)

        def seen(row: Row) -> None:
            if row["number"] == anchor[0] and row["hash"] != anchor[1]:
                reason = f"entry {anchor[0]} is not the one that was known before"
                raise Broken(anchor[0], Fault.FOREIGN, reason)

        async with self._store.read() as conn:
            end = await chain.end_of(conn)
            try:
                count, last = await chain.walk(conn, end, seen=seen)
                if anchor[0] > count:
                    known = f"entry {anchor[0]} was known before: its end was cut off"
                    raise Broken(count + 1, Fault.CUT_OFF, f"the log ends at {count}, but {known}")  # noqa: TRY301 - one way out
            except Broken as broken:
                return Verdict(
                    end.last,
                    ok=False,
                    first_bad=broken.number,
                    reason=broken.reason,
                    head=f"{end.number}:{end.hash}",
                    fault=broken.fault,
                )
        return Verdict(count, ok=True, first_bad=None, reason="", head=f"{count}:{last}")

    async def recent(self, *, subject: str = "", limit: int = 50) -> Sequence[Entry]:
        """Return the newest entries, newest first, of one subject or of all."""
        return await self.find(Search(subject=subject), limit=limit)

    async def find(self, search: Search, *, limit: int = 50) -> Sequence[Entry]:
        """Return the newest entries that match, newest first."""
        statement = sa.select(entries).where(*search.conditions()).order_by(entries.c.number.desc()).limit(limit)
        async with self._store.read() as conn:
            rows = (await conn.execute(statement)).mappings().all()
        return [entry_of(cast("Row", row)) for row in rows]

    async def stream(self, search: Search) -> AsyncIterator[Entry]:
        """Yield all entries that match, oldest first; a few hundred in memory at most."""
        while True:
            statement = sa.select(entries).where(*search.conditions()).order_by(entries.c.number).limit(_BATCH)
            async with self._store.read() as conn:
                rows = (await conn.execute(statement)).mappings().all()
            for row in rows:
                yield entry_of(cast("Row", row))
            if len(rows) < _BATCH:
                return
            search = replace(search, after=rows[-1]["number"])

    async def _lock_head(self, conn: AsyncConnection) -> tuple[int, str]:
        # On SQLite the transaction holds the only write lock already, and FOR UPDATE is left out by SQLAlchemy.
        statement = sa.select(head.c.number, head.c.hash).where(head.c.id == HEAD).with_for_update()
        row = (await conn.execute(statement)).first()
        if row is None:
            first = insert(conn, head).values(id=HEAD, number=0, hash=GENESIS)
            await conn.execute(first.on_conflict_do_nothing(index_elements=[head.c.id]))
            row = (await conn.execute(statement)).one()
        return row.number, row.hash


def _parse_head(text: str) -> tuple[int, str]:
    number, _, known = text.partition(":")
    if not number.isdigit() or len(known) != len(GENESIS):
        raise ValueError(f"{text!r} is no head of the audit log: <number>:<64 hexadecimal digits> was expected")
    return int(number), known


def _tell(values: Mapping[str, Any]) -> None:
    told = {key: value for key, value in values.items() if key != "data" and value != ""}
    _log.info("audit", **told, data=json.loads(values["data"]))

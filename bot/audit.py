"""The audit log: who asked what, on what, which rule allowed it, and how it ended. Append-only and chained.

Every entry's hash covers the entry and the hash before it; the head row names the last one. An entry is written in
the transaction of the change it tells of, with the head row locked, so that there is one writer at a time and a
change whose entry cannot be written is not made. Whoever can write the database could forge a whole new chain:
keep a head that `shipmate audit verify` printed, or the log lines, somewhere else, and verify against it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock
from bot.command import Resource
from bot.identity import Person
from bot.store import PersonColumn, Store, Timestamp, Tx, insert, metadata

GENESIS = "0" * 64
SHIPMATE = Person(team="account", user="shipmate")
"""The actor of what Shipmate does by itself: expiry, automatic rollback."""

_HEAD = 1
_BATCH = 500
_log = structlog.get_logger("audit")

entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("actor", PersonColumn, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # canonical JSON as text: a database's own JSON type would reorder it
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_entries_subject", "subject"),
)
head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as it was written."""

    number: int
    at: datetime
    actor: Person
    action: str
    outcome: str
    resource: Resource
    rule: str
    request_id: str
    subject: str
    data: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain is whole; when not, the number of the first entry that is wrong and what is wrong with it."""

    entries: int
    ok: bool
    first_bad: int | None
    reason: str
    head: str = GENESIS


class _Broken(Exception):
    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason


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
        values: dict[str, Any] = {
            "number": number + 1,
            "at": self._clock.now().astimezone(UTC),
            "actor": actor,
            "action": action,
            "outcome": outcome,
            "service": resource.service,
            "environment": resource.environment,
            "target": resource.target,
            "rule": rule,
            "request_id": request_id,
            "subject": subject,
            "data": _canonical(dict(data or {})),
            "previous": previous,
        }
        values = {key: _storable(value) if isinstance(value, str) else value for key, value in values.items()}
        values["hash"] = _hash(values)
        await tx.conn.execute(sa.insert(entries).values(values))
        await tx.conn.execute(sa.update(head).where(head.c.id == _HEAD).values(number=number + 1, hash=values["hash"]))
        tx.after_commit(lambda: _tell(values))
        return str(values["hash"])

    async def verify(self, *, expected: str = "") -> Verdict:
        """Read the whole log and prove that nothing was changed, removed, reordered or cut off.

        `expected` is a head that was printed before, "<number>:<hash>": the log must still contain it.

        Raises:
            ValueError: `expected` is not of this form.
        """
        anchor = _parse_head(expected) if expected else None
        async with self._store.read() as conn:
            end, end_hash, last = await self._end(conn)
            count, previous = 0, GENESIS
            try:
                while count < end:
                    rows = (await conn.execute(_batch(count, end))).mappings().all()
                    if not rows:
                        raise _Broken(count + 1, f"entry {count + 1} and all after it are missing")  # noqa: TRY301 - one way out
                    for row in rows:
                        previous = _check(dict(row), count + 1, previous)
                        count += 1
                        if anchor and anchor[0] == count and anchor[1] != previous:
                            raise _Broken(count, f"entry {count} is not the one that was known before")  # noqa: TRY301
                _check_end(count, previous, end_hash, last, anchor)
            except _Broken as broken:
                return Verdict(last, ok=False, first_bad=broken.number, reason=broken.reason, head=f"{end}:{end_hash}")
        return Verdict(count, ok=True, first_bad=None, reason="", head=f"{count}:{previous}")

    async def recent(self, *, subject: str = "", limit: int = 50) -> Sequence[Entry]:
        """Return the newest entries, newest first, of one subject or of all."""
        statement = sa.select(entries).order_by(entries.c.number.desc()).limit(limit)
        if subject:
            statement = statement.where(entries.c.subject == subject)
        async with self._store.read() as conn:
            rows = (await conn.execute(statement)).mappings().all()
        return [_entry(row) for row in rows]

    async def _lock_head(self, conn: AsyncConnection) -> tuple[int, str]:
        # On SQLite the transaction holds the only write lock already, and FOR UPDATE is left out by SQLAlchemy.
        statement = sa.select(head.c.number, head.c.hash).where(head.c.id == _HEAD).with_for_update()
        row = (await conn.execute(statement)).first()
        if row is None:
            first = insert(conn, head).values(id=_HEAD, number=0, hash=GENESIS)
            await conn.execute(first.on_conflict_do_nothing(index_elements=[head.c.id]))
            row = (await conn.execute(statement)).one()
        return row.number, row.hash

    async def _end(self, conn: AsyncConnection) -> tuple[int, str, int]:
        """Return number and hash of the head, and the greatest number of all entries, as of one moment."""
        last = sa.select(sa.func.coalesce(sa.func.max(entries.c.number), 0)).scalar_subquery()
        number = sa.select(head.c.number).where(head.c.id == _HEAD).scalar_subquery()
        text = sa.select(head.c.hash).where(head.c.id == _HEAD).scalar_subquery()
        row = (await conn.execute(sa.select(number.label("number"), text.label("hash"), last.label("last")))).one()
        if row.number is None:
            return 0, GENESIS, int(row.last)
        return int(row.number), str(row.hash), int(row.last)


def _batch(after: int, end: int) -> sa.Select[Any]:
    chosen = sa.select(entries).where(entries.c.number > after, entries.c.number <= end)
    return chosen.order_by(entries.c.number).limit(_BATCH)


def _check(row: Mapping[str, Any], number: int, previous: str) -> str:
    if row["number"] != number:
        raise _Broken(number, f"entry {number} is missing")
    if row["previous"] != previous:
        raise _Broken(number, f"entry {number} does not continue entry {number - 1}")
    if row["hash"] != _hash(row):
        raise _Broken(number, f"entry {number} was changed after it was written")
    return str(row["hash"])


def _check_end(count: int, previous: str, end_hash: str, last: int, anchor: tuple[int, str] | None) -> None:
    if end_hash != previous:
        raise _Broken(count, f"the head does not name entry {count}: the last entry or the head was replaced")
    if last > count:
        raise _Broken(count + 1, f"there are entries after the head, from {count + 1} on")
    if anchor and anchor[0] > count:
        raise _Broken(
            count + 1, f"the log ends at {count}, but entry {anchor[0]} was known before: its end was cut off"
        )


def _hash(values: Mapping[str, Any]) -> str:
    body = {
        "number": values["number"],
        "at": values["at"].astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": values["actor"].key,
        **{key: values[key] for key in ("action", "outcome", "service", "environment", "target")},
        **{key: values[key] for key in ("rule", "request_id", "subject", "data")},
    }
    return hashlib.sha256(f"{values['previous']}\n{_canonical(body)}".encode()).hexdigest()


def _storable(text: str) -> str:
    """Replace what a database cannot hold as text: NUL and lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _canonical(value: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _entry(row: sa.RowMapping) -> Entry:
    same = {
        key: row[key] for key in ("number", "at", "actor", "action", "outcome", "rule", "request_id", "subject", "hash")
    }
    resource = Resource(row["service"], row["environment"], row["target"])
    return Entry(resource=resource, data=json.loads(row["data"]), **same)


def _parse_head(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdigit() or len(digest) != len(GENESIS):
        raise ValueError(f"{text!r} is no head of the audit log: <number>:<64 hexadecimal digits> was expected")
    return int(number), digest


def _tell(values: Mapping[str, Any]) -> None:
    told = {key: value for key, value in values.items() if key not in {"at", "actor", "data"} and value != ""}
    _log.info("audit", **told, at=values["at"].isoformat(), actor=values["actor"].key, data=json.loads(values["data"]))

"""Stored deliveries: what was asked is a row before it is acknowledged, and is run until it has an answer.

A row names the process that works on it, which holds it by a lease. On SQLite the next process takes over what the last
one left; on PostgreSQL another replica does, once the lease has run out. Who ends a row does so only while it is still
theirs, in the transaction that also keeps the answer: so there is one answer, however often it was run.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, cast

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import fields, replace

from bot.clock import Clock
from bot.command import Invocation, Trigger
from bot.identity import Channel, Person
from bot.store import JsonColumn, Store, Timestamp, Tx, insert, metadata
from bot.vault import Vault, for_moments

KEEP: Final = timedelta(days=7)
LEASE: Final = timedelta(seconds=15)

State = Literal["received", "done", "parked"]

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("delivery_id", sa.Text, primary_key=True),
    sa.Column("invocation", JsonColumn, nullable=False),
    sa.Column("received_at", Timestamp, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("lease_until", Timestamp, nullable=False),
    sa.Column("done_at", Timestamp),
    sa.Column("outcome", sa.String(64), nullable=False),
    sa.Column("answer", JsonColumn),
    sa.Index("ix_deliveries_state_received_at", "state", "received_at"),
)
_mine = sa.bindparam("mine", type_=sa.Text)
_TAKEN = sa.update(deliveries).where(deliveries.c.state == "received")


class Delivery(Struct, frozen=True):
    """One stored wish that this process is to run; `attempts` counts this time, `term` is that of the lease."""

    id: str
    invocation: Invocation | None
    attempts: int
    term: int = 0


class Deliveries:
    """The rows, for one process: `owner` is its unique name. `arrived` is called after each new row is kept.

    `vault` seals what may be secret in a row.
    """

    def __init__(self, store: Store, clock: Clock, owner: str, vault: Vault | None = None) -> None:
        self.store = store
        self.owner = owner
        self.vault = vault or for_moments()
        self.arrived: Callable[[Delivery], None] = lambda _delivery: None
        self._clock = clock

    async def accept(self, invocation: Invocation) -> bool:
        """Store an invocation ahead of all other writers. False: a delivery of this id was stored before.

        Raises:
            StoreUnavailable: nothing was stored.
        """
        delivery = Delivery(invocation.delivery_id, invocation, 1, self.store.lease.term)
        now = self._clock.now()
        row = {
            "delivery_id": delivery.id,
            "invocation": to_json(invocation),
            "received_at": now,
            "state": "received",
            "attempts": 1,
            "owner": self.owner,
            "lease_until": now + LEASE,
            "outcome": "",
        }
        async with self.store.write(urgent=True) as tx:
            statement = insert(tx.conn, deliveries).values(row).on_conflict_do_nothing()
            stored = await tx.conn.execute(statement.returning(deliveries.c.delivery_id))
            new = stored.first() is not None
            if new:
                tx.after_commit(lambda: self.arrived(delivery))
        return new

    async def claim(self, limit: int = 500) -> Sequence[Delivery]:
        """Take over what nobody works on any more, in the order of arrival, and return it."""
        now, term = self._clock.now(), self.store.lease.term
        free = sa.select(deliveries.c.delivery_id).where(
            deliveries.c.state == "received", deliveries.c.owner != self.owner
        )
        if self.store.dialect == "postgresql":
            free = free.where(deliveries.c.lease_until < now)
        free = free.order_by(deliveries.c.received_at, deliveries.c.delivery_id).limit(limit)
        taken = (
            _TAKEN.where(deliveries.c.delivery_id.in_(free.with_for_update(skip_locked=True)))
            .values(owner=self.owner, attempts=deliveries.c.attempts + 1, lease_until=now + LEASE)
            .returning(
                deliveries.c.delivery_id, deliveries.c.invocation, deliveries.c.attempts, deliveries.c.received_at
            )
        )
        async with self.store.write() as tx:
            rows = (await tx.conn.execute(taken)).all()
        rows = sorted(rows, key=lambda row: (row.received_at, row.delivery_id))
        return [Delivery(row.delivery_id, from_json(row.invocation), row.attempts, term) for row in rows]

    async def still_ours(self, ident: str) -> bool:
        """Tell whether a delivery is still this process's to run, and hold it if so."""
        async with self.store.write() as tx:
            held = await tx.conn.execute(
                _TAKEN.where(deliveries.c.owner == self.owner, deliveries.c.delivery_id == ident).values(
                    lease_until=self._clock.now() + LEASE
                )
            )
        return held.rowcount == 1

    async def hold(self) -> None:
        """Lengthen the lease on all that this process works on; called more often than a lease lasts."""
        async with self.store.write() as tx:
            await tx.conn.execute(
                _TAKEN.where(deliveries.c.owner == self.owner).values(lease_until=self._clock.now() + LEASE)
            )

    async def release(self, ids: Sequence[str]) -> None:
        """Give back what this process took and did not begin, so that another may at once."""
        async with self.store.write() as tx:
            await tx.conn.execute(
                _TAKEN.where(deliveries.c.owner == self.owner, deliveries.c.delivery_id.in_(ids)).values(
                    owner="", lease_until=self._clock.now() - LEASE, attempts=deliveries.c.attempts - 1
                )
            )

    async def finish(self, tx: Tx, ident: str, outcome: str, *, parked: bool = False) -> bool:
        """End a delivery in `tx`. False: it is another process's by now, and nothing of it may be kept."""
        ended = await tx.conn.execute(
            _TAKEN.where(deliveries.c.delivery_id == ident, deliveries.c.owner == self.owner).values(
                state="parked" if parked else "done", done_at=self._clock.now(), outcome=outcome[:64]
            )
        )
        return ended.rowcount == 1

    async def forget_words(self, tx: Tx, invocation: Invocation) -> None:
        """Keep no longer, in `tx`, the words and arguments of a delivery that was run."""
        bare = to_json(replace(invocation, text="", args={}))
        await tx.conn.execute(
            sa.update(deliveries).where(deliveries.c.delivery_id == invocation.delivery_id).values(invocation=bare)
        )

    async def keep_answer(self, tx: Tx, ident: str, answer: Mapping[str, Any]) -> None:
        """Keep the answer for who asks for it again, in `tx`."""
        await tx.conn.execute(
            sa.update(deliveries).where(deliveries.c.delivery_id == ident).values(answer=dict(answer))
        )

    async def answer_of(self, ident: str) -> Mapping[str, Any] | None:
        """Return the kept answer of a delivery, None while there is none."""
        async with self.store.read() as conn:
            found = await conn.execute(sa.select(deliveries.c.answer).where(deliveries.c.delivery_id == ident))
            return cast("Mapping[str, Any] | None", found.scalar_one_or_none())

    async def prune(self) -> int:
        """Delete what ended a week ago; returns how many rows."""
        old = self._clock.now() - KEEP
        async with self.store.write() as tx:
            gone = await tx.conn.execute(sa.delete(deliveries).where(deliveries.c.done_at < old))
        return gone.rowcount


def to_json(invocation: Invocation) -> dict[str, Any]:
    """Return an invocation as plain JSON that every database takes; empty fields are left out."""
    values: dict[str, Any] = {}
    for field in fields(invocation):
        value = getattr(invocation, field.name)
        if isinstance(value, Person | Channel):
            value = value.key
        elif isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat()
        elif isinstance(value, Mapping):
            value = {_storable(key): _storable(text) for key, text in value.items()}
        elif isinstance(value, str):
            value = _storable(str(value))
        if value != field.default and value not in ({}, None):
            values[field.name] = value
    return values


def from_json(values: Mapping[str, Any]) -> Invocation | None:
    """Return the invocation that `to_json` wrote; None when another version of Shipmate wrote it otherwise."""
    known = {field.name for field in fields(Invocation)}
    try:
        read = {name: value for name, value in values.items() if name in known} | {
            "trigger": Trigger(values["trigger"]),
            "person": Person.parse(values["person"]),
            "at": datetime.fromisoformat(values["at"]),
            "channel": Channel.parse(values["channel"]) if values.get("channel") else None,
        }
        return Invocation(**read)
    except (KeyError, TypeError, ValueError):
        return None


def _storable(text: str) -> str:
    """Return `text` without NUL and lone surrogates, which PostgreSQL does not take."""
    return text if text.isascii() and "\x00" not in text else text.replace("\x00", "").encode(errors="replace").decode()

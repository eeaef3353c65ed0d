"""The table of changes: written in the transaction that made the change, read by whoever asks what changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct, field
from pydantic import JsonValue

from bot.identity import Person
from bot.store import JsonColumn, PersonColumn, Store, Timestamp, Tx, insert, metadata


class Kind(StrEnum):
    """What changed."""

    DEPLOYED = "deployment.succeeded"
    DEPLOYMENT_FAILED = "deployment.failed"
    ROLLED_BACK = "deployment.rolled_back"
    LOCKED = "lock.taken"
    UNLOCKED = "lock.released"
    FROZEN = "freeze.declared"
    UNFROZEN = "freeze.ended"
    OUTSIDE = "place.changed_outside"
    CONFIGURED = "configuration.changed"


class Change(Struct, frozen=True, kw_only=True):
    """One thing that changed. `subject` is its id ("D-1042"); empty service means that all are touched."""

    kind: Kind
    subject: str
    summary: str
    at: datetime
    service: str = ""
    environment: str = ""
    target: str = ""
    person: Person | None = None
    data: Mapping[str, JsonValue] = field(default_factory=dict)


changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("target", sa.String(255), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("person", PersonColumn, nullable=True),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("data", JsonColumn, nullable=False),
    sa.UniqueConstraint("kind", "subject"),
)
sa.Index("ix_changes_at", changes.c.at, changes.c.id)
sa.Index("ix_changes_service", changes.c.service, changes.c.at)


async def record(tx: Tx, change: Change) -> bool:
    """Write one change; the same kind of the same subject is written once: false when it is there already."""
    values = {
        "at": change.at,
        "kind": change.kind.value,
        "service": change.service,
        "environment": change.environment,
        "target": change.target,
        "subject": change.subject,
        "person": change.person,
        "summary": change.summary,
        "data": dict(change.data),
    }
    statement = insert(tx.conn, changes).values(**values)
    added = statement.on_conflict_do_nothing(index_elements=[changes.c.kind, changes.c.subject])
    return (await tx.conn.execute(added)).rowcount > 0


async def since(
    store: Store, moment: datetime, *, services: Collection[str] = (), limit: int = 100
) -> Sequence[Change]:
    """Return what changed from `moment` on, newest first; of these services and what touches all, or of everything."""
    statement = sa.select(changes).where(changes.c.at >= moment).order_by(changes.c.at.desc(), changes.c.id.desc())
    if services:
        statement = statement.where(changes.c.service.in_([*services, ""]))
    async with store.read() as conn:
        rows = (await conn.execute(statement.limit(limit))).all()
    return [
        Change(
            kind=Kind(row.kind),
            subject=row.subject,
            summary=row.summary,
            at=row.at,
            service=row.service,
            environment=row.environment,
            target=row.target,
            person=row.person,
            data=row.data,
        )
        for row in rows
    ]

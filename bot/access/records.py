"""The table of rights that were asked for."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.access.rules import State
from bot.command import Resource
from bot.identity import Person
from bot.permissions import Grant
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata, next_id


class Request(Struct, frozen=True, kw_only=True):
    """One right that somebody asked for. Empty parts of `where` mean all of them. `ends_at` is set when granted."""

    id: str
    person: Person
    permission: str
    where: Resource
    reason: str
    length: timedelta
    asked_at: datetime
    state: State = State.ASKED
    decided_by: Person | None = None
    decided_at: datetime | None = None
    ends_at: datetime | None = None

    def covers(self, permission: str, resource: Resource) -> bool:
        """Tell whether the right is this one, on this."""
        grant = Grant(
            permissions=(self.permission,),
            groups=(),
            services=(self.where.service or "*",),
            environments=(self.where.environment or "*",),
            targets=(self.where.target or "*",),
        )
        return grant.covers(permission, resource)


requests = sa.Table(
    "access_requests",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("request_id", sa.String(255), nullable=False, unique=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("permission", sa.String(255), nullable=False),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("target", sa.String(255), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("decided_by", PersonColumn, nullable=True),
    sa.Column("decided_at", Timestamp, nullable=True),
    sa.Column("ends_at", Timestamp, nullable=True),
)
sa.Index("ix_access_requests_person", requests.c.person, requests.c.state)


async def add(tx: Tx, wanted: Request, request_id: str) -> str:
    """Write a request and return its new id, "" when this delivery wrote one before."""
    new_id = await next_id(tx, "AR")
    statement = insert(tx.conn, requests).values(
        id=new_id,
        request_id=request_id,
        person=wanted.person,
        permission=wanted.permission,
        service=wanted.where.service,
        environment=wanted.where.environment,
        target=wanted.where.target,
        reason=wanted.reason,
        seconds=int(wanted.length.total_seconds()),
        asked_at=wanted.asked_at,
        state=wanted.state.value,
    )
    written = (await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[requests.c.request_id]))).rowcount
    return new_id if written else ""


async def get(conn: AsyncConnection, request_id: str, *, lock: bool = False) -> Request | None:
    """Return one by its id; with `lock` its row stays locked until the transaction ends."""
    statement = sa.select(requests).where(requests.c.id == request_id)
    row = (await conn.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else read(row)


async def asked_by(conn: AsyncConnection, delivery_id: str) -> Request | None:
    """Return the one that a delivery asked for."""
    row = (await conn.execute(sa.select(requests).where(requests.c.request_id == delivery_id))).one_or_none()
    return None if row is None else read(row)


async def decide(tx: Tx, request: Request, *, was: State) -> bool:
    """Write how it was decided; answer whether it still stood as it `was`."""
    statement = sa.update(requests).where(requests.c.id == request.id, requests.c.state == was.value)
    values = {
        "state": request.state.value,
        "decided_by": request.decided_by,
        "decided_at": request.decided_at,
        "ends_at": request.ends_at,
    }
    return (await tx.conn.execute(statement.values(values))).rowcount > 0


async def held(conn: AsyncConnection, person: Person, now: datetime) -> Sequence[Request]:
    """Return what a person holds now."""
    statement = sa.select(requests).where(
        requests.c.person == person, requests.c.state == State.GRANTED.value, requests.c.ends_at > now
    )
    return [read(row) for row in (await conn.execute(statement)).all()]


async def standing(conn: AsyncConnection, now: datetime, asked_after: datetime) -> Sequence[Request]:
    """Return what is held now by anybody, and what was asked for after a moment and not decided, oldest first."""
    held_now = sa.and_(requests.c.state == State.GRANTED.value, requests.c.ends_at > now)
    asked = sa.and_(requests.c.state == State.ASKED.value, requests.c.asked_at > asked_after)
    statement = sa.select(requests).where(sa.or_(held_now, asked)).order_by(requests.c.asked_at, requests.c.id)
    return [read(row) for row in (await conn.execute(statement)).all()]


def read(row: sa.Row[tuple[object, ...]]) -> Request:
    """Return the request of a row."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Request(
        id=found[requests.c.id],
        person=found[requests.c.person],
        permission=found[requests.c.permission],
        where=Resource(found[requests.c.service], found[requests.c.environment], found[requests.c.target]),
        reason=found[requests.c.reason],
        length=timedelta(seconds=found[requests.c.seconds]),
        asked_at=found[requests.c.asked_at],
        state=State(found[requests.c.state]),
        decided_by=found[requests.c.decided_by],
        decided_at=found[requests.c.decided_at],
        ends_at=found[requests.c.ends_at],
    )

"""The table of reviews: what was forced, or an emergency, until somebody looked at it afterwards."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Person
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata


class ChangeReview(Struct, frozen=True, kw_only=True):
    """One review: of which deployment, of what class, why it went that way and what was passed over.

    `groups` are reminded when it is due; `nags` counts how often they were. `signed_by` is set once it is done;
    `dropped_at` where the deployment ended before anything was sent.
    """

    deployment: str
    change_class: str
    person: Person
    reason: str
    skipped: tuple[str, ...]
    groups: tuple[str, ...]
    opened_at: datetime
    due_at: datetime
    nags: int = 0
    signed_by: Person | None = None
    signed_at: datetime | None = None
    note: str = ""
    dropped_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether somebody has to look at it still."""
        return self.signed_at is None and self.dropped_at is None


reviews = sa.Table(
    "change_reviews",
    metadata,
    sa.Column("deployment", sa.String(32), sa.ForeignKey("deployments.id"), primary_key=True),
    sa.Column("change_class", sa.String(32), nullable=False),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("skipped", JsonColumn, nullable=False),
    sa.Column("groups", JsonColumn, nullable=False),
    sa.Column("opened_at", Timestamp, nullable=False, index=True),
    sa.Column("due_at", Timestamp, nullable=False),
    sa.Column("nags", sa.Integer, nullable=False, default=0),
    sa.Column("signed_by", PersonColumn, nullable=True),
    sa.Column("signed_at", Timestamp, nullable=True),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("dropped_at", Timestamp, nullable=True),
)
_OPEN = (reviews.c.signed_at.is_(None), reviews.c.dropped_at.is_(None))


async def add(tx: Tx, review: ChangeReview) -> bool:
    """Write a review that is wanted; false when it is there already."""
    statement = insert(tx.conn, reviews).values(
        deployment=review.deployment,
        change_class=review.change_class,
        person=review.person,
        reason=review.reason,
        skipped=list(review.skipped),
        groups=list(review.groups),
        opened_at=review.opened_at,
        due_at=review.due_at,
    )
    return (await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[reviews.c.deployment]))).rowcount > 0


async def get(conn: AsyncConnection, deployment_id: str) -> ChangeReview | None:
    """Return the review of a deployment, None where it needs none."""
    row = (await conn.execute(sa.select(reviews).where(reviews.c.deployment == deployment_id))).one_or_none()
    return None if row is None else _read(row)


async def sign(tx: Tx, deployment_id: str, *, by: Person, at: datetime, note: str) -> bool:
    """Write that somebody looked at it: of racing people one; false for the others."""
    return await _set(tx, deployment_id, signed_by=by, signed_at=at, note=note)


async def drop(tx: Tx, deployment_id: str, *, at: datetime) -> bool:
    """Write that nothing was sent, so that there is nothing to look at."""
    return await _set(tx, deployment_id, dropped_at=at)


async def nag(tx: Tx, deployment_id: str, number: int, *, due: datetime) -> bool:
    """Count the reminder `number`, once; false when it was given, or nobody has to look any more."""
    return await _set(tx, deployment_id, reviews.c.nags == number - 1, nags=number, due_at=due)


async def waiting(conn: AsyncConnection, *, limit: int = 100) -> Sequence[ChangeReview]:
    """Return what is to be reviewed, the longest due first."""
    statement = sa.select(reviews).where(*_OPEN).order_by(reviews.c.due_at, reviews.c.deployment).limit(limit)
    return [_read(row) for row in (await conn.execute(statement)).all()]


async def between(conn: AsyncConnection, begins: datetime, ends: datetime) -> Sequence[ChangeReview]:
    """Return the reviews that were opened from `begins` until before `ends`, in order."""
    statement = sa.select(reviews).where(reviews.c.opened_at >= begins, reviews.c.opened_at < ends)
    rows = (await conn.execute(statement.order_by(reviews.c.opened_at, reviews.c.deployment))).all()
    return [_read(row) for row in rows]


async def _set(tx: Tx, deployment_id: str, *when: sa.ColumnElement[bool], **values: object) -> bool:
    statement = sa.update(reviews).where(reviews.c.deployment == deployment_id, *_OPEN, *when).values(**values)
    return (await tx.conn.execute(statement)).rowcount > 0


def _read(row: sa.Row[tuple[object, ...]]) -> ChangeReview:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return ChangeReview(**{**values, "skipped": tuple(values["skipped"]), "groups": tuple(values["groups"])})

"""The tables of continuous deployment: where each place stands, and who paused what."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.deployments.records import Deployment, deployments, read
from bot.identity import Person
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata

heads = sa.Table(
    "continuous_heads",
    metadata,
    sa.Column("service", sa.String(255), primary_key=True),
    sa.Column("environment", sa.String(255), primary_key=True),
    sa.Column("target", sa.String(255), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, default=0),
    sa.Column("looked", sa.BigInteger, nullable=False, default=0),
    sa.Column("cause", JsonColumn, nullable=False),
    sa.Column("tried", sa.String(64), nullable=False, default=""),
    sa.Column("tried_at", Timestamp, nullable=True),
    sa.Column("tried_number", sa.BigInteger, nullable=False, default=0),
    sa.Column("deployment", sa.String(32), nullable=False, default=""),
    sa.Column("code", sa.String(64), nullable=False, default=""),
    sa.Column("words", sa.Text, nullable=False, default=""),
    sa.Column("skipped", JsonColumn, nullable=False),
)

pauses = sa.Table(
    "continuous_pauses",
    metadata,
    sa.Column("service", sa.String(255), primary_key=True),
    sa.Column("environment", sa.String(255), primary_key=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("until", Timestamp, nullable=True),
)


class Head(Struct, frozen=True, kw_only=True):
    """Where a place stands.

    `number` counts the looks that were wanted, `cause` says what wanted the newest; `looked` is the one that
    decided last. `tried` is the commit that went
    last, by look `tried_number`, as `deployment`, or was refused with `code` and `words`. `skipped` names the
    deployments that the last one replaced.
    """

    place: Place
    number: int = 0
    looked: int = 0
    cause: dict[str, JsonValue]
    tried: str = ""
    tried_at: datetime | None = None
    tried_number: int = 0
    deployment: str = ""
    code: str = ""
    words: str = ""
    skipped: Sequence[str] = ()


class Pause(Struct, frozen=True, kw_only=True):
    """That somebody paused a service, or one environment of it; `until` None is until it is resumed."""

    service: str
    environment: str
    person: Person
    reason: str
    at: datetime
    until: datetime | None

    @property
    def what(self) -> str:
        """What is paused, as people name it."""
        return "/".join(part for part in (self.service, self.environment) if part)


def _is(place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    return (heads.c.service == place.service, heads.c.environment == place.environment, heads.c.target == place.target)


async def want_look(tx: Tx, place: Place, cause: dict[str, JsonValue]) -> int:
    """Note that a look at a place is wanted; return its number."""
    key = {"service": place.service, "environment": place.environment, "target": place.target}
    statement = insert(tx.conn, heads).values(**key, number=1, cause=cause, skipped=[])
    again = statement.on_conflict_do_update(
        index_elements=[heads.c.service, heads.c.environment, heads.c.target],
        set_={"number": heads.c.number + 1, "cause": cause},
    )
    return int((await tx.conn.execute(again.returning(heads.c.number))).scalar_one())


async def get(conn: AsyncConnection, place: Place) -> Head:
    """Return where a place stands."""
    row = (await conn.execute(sa.select(heads).where(*_is(place)))).one_or_none()
    return Head(place=place, cause={}) if row is None else _read(row)


async def hold(tx: Tx, place: Place) -> Head:
    """Return where a place stands, its row ours until the transaction ends."""
    row = (await tx.conn.execute(sa.select(heads).where(*_is(place)).with_for_update())).one_or_none()
    return Head(place=place, cause={}) if row is None else _read(row)


async def change(tx: Tx, place: Place, **values: object) -> None:
    """Write where a place stands now."""
    await tx.conn.execute(sa.update(heads).where(*_is(place)).values(**values))


async def of(conn: AsyncConnection, service: str = "") -> Sequence[Head]:
    """Return where all places stand, or those of one service."""
    statement = sa.select(heads).order_by(heads.c.service, heads.c.environment, heads.c.target)
    if service:
        statement = statement.where(heads.c.service == service)
    return [_read(row) for row in (await conn.execute(statement)).all()]


async def last(conn: AsyncConnection, known: Sequence[Head]) -> Mapping[str, Deployment]:
    """Return the deployments that these places had last, by id."""
    ids = [one.deployment for one in known if one.deployment]
    if not ids:
        return {}
    rows = (await conn.execute(sa.select(deployments).where(deployments.c.id.in_(ids)))).all()
    return {one.id: one for one in map(read, rows)}


async def pause(tx: Tx, made: Pause) -> None:
    """Pause, or give a pause another reason, owner and end."""
    values = {"person": made.person, "reason": made.reason, "at": made.at, "until": made.until}
    statement = insert(tx.conn, pauses).values(service=made.service, environment=made.environment, **values)
    await tx.conn.execute(
        statement.on_conflict_do_update(index_elements=[pauses.c.service, pauses.c.environment], set_=values)
    )


async def resume(tx: Tx, service: str, environment: str, *, ended_by: datetime | None = None) -> bool:
    """End the pause of exactly this; with `ended_by` only where its end has come. Answer whether there was one."""
    statement = sa.delete(pauses).where(pauses.c.service == service, pauses.c.environment == environment)
    if ended_by is not None:
        statement = statement.where(pauses.c.until <= ended_by)
    return (await tx.conn.execute(statement)).rowcount > 0


async def paused(conn: AsyncConnection, now: datetime, service: str = "") -> Sequence[Pause]:
    """Return the pauses in force, of all services or of one."""
    statement = sa.select(pauses).where(sa.or_(pauses.c.until.is_(None), pauses.c.until > now))
    if service:
        statement = statement.where(pauses.c.service == service)
    rows = await conn.execute(statement.order_by(pauses.c.service, pauses.c.environment))
    return [
        Pause(
            service=row.service,
            environment=row.environment,
            person=row.person,
            reason=row.reason,
            at=row.at,
            until=row.until,
        )
        for row in rows.all()
    ]


def _read(row: sa.Row[tuple[object, ...]]) -> Head:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    place = Place(values.pop("service"), values.pop("environment"), values.pop("target"))
    return Head(place=place, **{**values, "skipped": tuple(values["skipped"] or ())})

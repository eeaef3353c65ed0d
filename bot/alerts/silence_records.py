"""The table of silences: those asked for here, and those made elsewhere that the source tells of."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts.records import alerts
from bot.identity import Person
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata, next_id, one_of
from integrations.capabilities.alerts import Matcher, Silence


class State(StrEnum):
    """Where a silence stands."""

    WANTED = "wanted"  # asked for here; the source does not have it yet
    ACTIVE = "active"
    ENDED = "ended"
    FAILED = "failed"  # the source said no, or did not answer: nothing is silent


class Quiet(Struct, frozen=True, kw_only=True):
    """One silence. `silence_id` is the source's name of it; `person` asked for it here, else `created_by` tells who.

    `marker` stands in its comment, so that one that was made is found again. With `until_recovery` it ends by itself
    when its group fires no more.
    """

    id: str
    instance: str
    matchers: tuple[Matcher, ...]
    begins_at: datetime
    ends_at: datetime
    changed_at: datetime
    group_id: str = ""
    silence_id: str = ""
    person: Person | None = None
    created_by: str = ""
    reason: str = ""
    marker: str = ""
    state: State = State.WANTED
    problem: str = ""
    until_recovery: bool = False

    def as_silence(self) -> Silence:
        """Return it as the source takes it."""
        comment = f"{self.reason} ({self.marker})".strip() if self.marker else self.reason
        return Silence(
            id=self.silence_id,
            matchers=self.matchers,
            starts_at=self.begins_at,
            ends_at=self.ends_at,
            created_by=self.created_by,
            comment=comment,
        )


silences = sa.Table(
    "alert_silences",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("instance", sa.String(255), nullable=False),
    sa.Column("silence_id", sa.String(64), nullable=False),
    sa.Column("group_id", sa.String(32), nullable=False, index=True),
    sa.Column("matchers", JsonColumn, nullable=False),
    sa.Column("person", PersonColumn, nullable=True),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("marker", sa.String(64), nullable=False),
    sa.Column("begins_at", Timestamp, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=False),
    sa.Column("changed_at", Timestamp, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("until_recovery", sa.Boolean, nullable=False),
)
_NAMED = silences.c.silence_id != sa.literal("", literal_execute=True)
_STANDING = one_of(silences.c.state, State.WANTED.value, State.ACTIVE.value)
sa.Index("ix_alert_silences_standing", silences.c.ends_at, sqlite_where=_STANDING, postgresql_where=_STANDING)
sa.Index(
    "ux_alert_silences_source",
    silences.c.instance,
    silences.c.silence_id,
    unique=True,
    sqlite_where=_NAMED,
    postgresql_where=_NAMED,
)


async def begin(tx: Tx, wanted: Quiet) -> Quiet | None:
    """Write a new one and return it with its id, None when the source's silence of that id has a row already."""
    made = replace(wanted, id=await next_id(tx, "S"))
    statement = insert(tx.conn, silences).values({"id": made.id, **_values(made)})
    return made if (await tx.conn.execute(statement.on_conflict_do_nothing())).rowcount > 0 else None


async def keep(tx: Tx, quiet: Quiet) -> None:
    """Write one as it is now."""
    await tx.conn.execute(sa.update(silences).where(silences.c.id == quiet.id).values(_values(quiet)))


async def find(conn: AsyncConnection, name: str) -> Quiet | None:
    """Return one by its id, or by the source's name of it."""
    statement = sa.select(silences).where(sa.or_(silences.c.id == name, sa.and_(_NAMED, silences.c.silence_id == name)))
    row = (await conn.execute(statement.limit(1))).one_or_none()
    return None if row is None else _read(row)


async def locked(tx: Tx, silence_id: str) -> Quiet | None:
    """Return one by its id, its row locked until the transaction ends."""
    row = (
        await tx.conn.execute(sa.select(silences).where(silences.c.id == silence_id).with_for_update())
    ).one_or_none()
    return None if row is None else _read(row)


async def standing(conn: AsyncConnection, *, instance: str = "") -> Sequence[Quiet]:
    """Return those that are wanted or active, the one that ends first before the others."""
    statement = sa.select(silences).where(_STANDING)
    if instance:
        statement = statement.where(silences.c.instance == instance)
    rows = (await conn.execute(statement.order_by(silences.c.ends_at, silences.c.id))).all()
    return [_read(row) for row in rows]


async def outlived(conn: AsyncConnection) -> Sequence[Quiet]:
    """Return the active silences that end on recovery and whose group fires no more."""
    fires = sa.exists().where(alerts.c.group_id == silences.c.group_id, alerts.c.firing)
    wanted = (_STANDING, silences.c.state == State.ACTIVE.value, silences.c.until_recovery, ~fires)
    rows = (await conn.execute(sa.select(silences).where(*wanted).order_by(silences.c.id))).all()
    return [_read(row) for row in rows]


async def about(conn: AsyncConnection, group_id: str, instance: str, names: Sequence[str]) -> Sequence[Quiet]:
    """Return the silences that a group's card tells of: asked for on it and not over, or named by its alerts."""
    asked = sa.and_(silences.c.group_id == group_id, silences.c.state.in_([State.WANTED.value, State.FAILED.value]))
    named = sa.and_(_NAMED, silences.c.instance == instance, silences.c.silence_id.in_(names))
    wanted = sa.or_(asked, named) if names else asked
    rows = (await conn.execute(sa.select(silences).where(wanted).order_by(silences.c.ends_at))).all()
    return [_read(row) for row in rows]


def _values(quiet: Quiet) -> dict[str, Any]:
    return {
        "instance": quiet.instance,
        "silence_id": quiet.silence_id,
        "group_id": quiet.group_id,
        "matchers": [[one.name, one.value, one.is_regex, one.is_equal] for one in quiet.matchers],
        "person": quiet.person,
        "created_by": quiet.created_by,
        "reason": quiet.reason,
        "marker": quiet.marker,
        "begins_at": quiet.begins_at,
        "ends_at": quiet.ends_at,
        "changed_at": quiet.changed_at,
        "state": quiet.state.value,
        "problem": quiet.problem,
        "until_recovery": quiet.until_recovery,
    }


def _read(row: sa.Row[Any]) -> Quiet:
    return Quiet(
        id=row.id,
        instance=row.instance,
        silence_id=row.silence_id,
        group_id=row.group_id,
        matchers=tuple(Matcher(*one) for one in row.matchers),
        person=row.person,
        created_by=row.created_by,
        reason=row.reason,
        marker=row.marker,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        changed_at=row.changed_at,
        state=State(row.state),
        problem=row.problem,
        until_recovery=bool(row.until_recovery),
    )

"""The tables of alert groups and their alerts."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts.rules import Episode, Hold, State
from bot.identity import Channel, Person
from bot.store import ChannelColumn, JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata, next_id

_AT_ONCE = 500


class Known(Struct, frozen=True, kw_only=True):
    """One alert of a group as last heard of. `told` is the last the thread said of it: firing, resolved or ""."""

    episode: Episode
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str = ""
    told: str = ""


class Group(Struct, frozen=True, kw_only=True):
    """One alert group: what fires together under the same labels, from its first alert until all are over.

    `labels` are those it is grouped by, `common` those that all its alerts share. `version` counts its changes and
    `shown` is the last that its message was made of. `shown_state` is where it stood then, "" before the first.
    `address` is the channel that is meant for it, in the words of the configuration, and `news_at` when it last began
    to fire there. `inside` names the message that tells of it where it has none of its own: that of a storm, or of
    another group. `asked` is the digest of what its source answered when last asked, "" where it was told otherwise.
    """

    id: str
    instance: str
    key: str
    labels: Mapping[str, str]
    opened_at: datetime
    state: State
    state_since: datetime
    common: Mapping[str, str] = field(default_factory=dict)
    source_key: str = ""
    url: str = ""
    truncated: int = 0
    service: str = ""
    environment: str = ""
    channel: Channel | None = None
    hold: Hold = field(default_factory=Hold)
    version: int = 1
    shown: int = 0
    shown_state: str = ""
    address: str = ""
    news_at: datetime | None = None
    inside: str = ""
    asked: str = ""

    @property
    def name(self) -> str:
        """What it is called: the name of its alerts, where they share one."""
        return self.labels.get("alertname") or self.common.get("alertname") or "alerts"

    @property
    def severity(self) -> str:
        """How bad it is, in the source's own word; "" where its alerts differ or say nothing."""
        return self.common.get("severity") or self.labels.get("severity") or ""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state is State.RESOLVED


groups = sa.Table(
    "alert_groups",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("instance", sa.String(255), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),  # of its labels: they may be longer than an index takes
    sa.Column("labels", JsonColumn, nullable=False),
    sa.Column("common", JsonColumn, nullable=False),
    sa.Column("source_key", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("truncated", sa.Integer, nullable=False),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("state_since", Timestamp, nullable=False),
    sa.Column("opened_at", Timestamp, nullable=False),
    sa.Column("channel", ChannelColumn, nullable=True),
    sa.Column("acknowledged_by", PersonColumn, nullable=True),
    sa.Column("closed_at", Timestamp, nullable=True),
    sa.Column("closed_by", PersonColumn, nullable=True),
    sa.Column("quiet", sa.Boolean, nullable=False),
    sa.Column("part_of", sa.String(32), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("shown", sa.Integer, nullable=False),
    sa.Column("shown_state", sa.String(16), nullable=False),
    sa.Column("severity", sa.String(64), nullable=False),  # to count and order by; the labels have it whole
    sa.Column("address", sa.String(255), nullable=False),
    sa.Column("news_at", Timestamp, nullable=True),
    sa.Column("inside", sa.String(32), nullable=False),
    sa.Column("asked", sa.String(64), nullable=False),
    sa.Column("maintenance", sa.String(500), nullable=False),  # why, "" for none
    sa.Column("maintenance_until", Timestamp, nullable=True),
)
OPEN = groups.c.state != sa.literal(State.RESOLVED.value, literal_execute=True)
sa.Index("ux_alert_groups_open", groups.c.instance, groups.c.key, unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
sa.Index("ix_alert_groups_key", groups.c.instance, groups.c.key, groups.c.opened_at)
PART = groups.c.part_of != sa.literal("", literal_execute=True)
sa.Index("ix_alert_groups_part_of", groups.c.part_of, sqlite_where=PART, postgresql_where=PART)
_UNSHOWN = groups.c.version > groups.c.shown
sa.Index("ix_alert_groups_unshown", groups.c.id, sqlite_where=_UNSHOWN, postgresql_where=_UNSHOWN)
sa.Index("ix_alert_groups_news", groups.c.address, groups.c.news_at)
sa.Index("ix_alert_groups_ended", groups.c.state_since, sqlite_where=~OPEN, postgresql_where=~OPEN)
_INSIDE = groups.c.inside != ""
sa.Index("ix_alert_groups_inside", groups.c.inside, sqlite_where=_INSIDE, postgresql_where=_INSIDE)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("labels", JsonColumn, nullable=False),
    sa.Column("annotations", JsonColumn, nullable=False),
    sa.Column("generator_url", sa.Text, nullable=False),
    sa.Column("firing", sa.Boolean, nullable=False),
    sa.Column("starts_at", Timestamp, nullable=False),
    sa.Column("ends_at", Timestamp, nullable=True),
    sa.Column("silenced_by", JsonColumn, nullable=False),
    sa.Column("inhibited", sa.Boolean, nullable=False),
    sa.Column("seen_at", Timestamp, nullable=False),
    sa.Column("told", sa.String(16), nullable=False),
)

sources = sa.Table(
    "alert_sources",
    metadata,
    sa.Column("instance", sa.String(255), primary_key=True),
    sa.Column("heard_at", Timestamp, nullable=False),
)
"""When each source was last heard of, by any replica."""

dismissals = sa.Table(
    "alert_dismissals",
    metadata,
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("subject", sa.String(64), primary_key=True),  # the change that somebody says it was not
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
)


def key_of(labels: Mapping[str, str]) -> str:
    """Return the key of the group with these labels."""
    return hashlib.sha256(json.dumps(dict(labels), sort_keys=True).encode()).hexdigest()


async def newest(tx: Tx, instance: str, key: str) -> Group | None:
    """Return the last group of this key, open or over, its row locked until the transaction ends."""
    statement = sa.select(groups).where(groups.c.instance == instance, groups.c.key == key)
    # Ids are counted: of two that opened at the same moment the open one is the last.
    statement = statement.order_by(sa.case((OPEN, 0), else_=1), groups.c.opened_at.desc()).limit(1)
    row = (await tx.conn.execute(statement.with_for_update())).one_or_none()
    return None if row is None else read(row)


async def begin(tx: Tx, wanted: Group) -> Group | None:
    """Write a new group and return it with its id, None when another transaction has just opened one of its key."""
    made = replace(wanted, id=await next_id(tx, "A"))
    statement = insert(tx.conn, groups).values({"id": made.id, **_values(made)})
    written = (await tx.conn.execute(statement.on_conflict_do_nothing())).rowcount > 0
    return made if written else None


async def keep(tx: Tx, group: Group) -> None:
    """Write a group as it is now."""
    await tx.conn.execute(sa.update(groups).where(groups.c.id == group.id).values(_values(group)))


async def locked(tx: Tx, group_id: str) -> Group | None:
    """Return a group by its id, its row locked until the transaction ends."""
    statement = sa.select(groups).where(groups.c.id == group_id).with_for_update()
    row = (await tx.conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def find(conn: AsyncConnection, group_id: str) -> Group | None:
    """Return a group by its id."""
    row = (await conn.execute(sa.select(groups).where(groups.c.id == group_id))).one_or_none()
    return None if row is None else read(row)


async def open_groups(conn: AsyncConnection, *, instance: str = "", limit: int = 10_000) -> Sequence[Group]:
    """Return the groups that are not over, oldest first; of one source, or of all."""
    statement = sa.select(groups).where(OPEN).order_by(groups.c.opened_at, groups.c.id).limit(limit)
    if instance:
        statement = statement.where(groups.c.instance == instance)
    return [read(row) for row in (await conn.execute(statement)).all()]


async def news_since(conn: AsyncConnection, address: str, moment: datetime, *, most: int, own: bool = False) -> int:
    """Return how many groups began to fire in a channel since a moment, at most `most`; `own` those with a message."""
    statement = sa.select(groups.c.id).where(groups.c.address == address, groups.c.news_at > moment)
    if own:
        statement = statement.where(groups.c.inside == "")
    counted = sa.select(sa.func.count()).select_from(statement.limit(most).subquery())
    return int((await conn.execute(counted)).scalar_one())


async def ended_since(conn: AsyncConnection, moment: datetime, *, limit: int) -> Sequence[Group]:
    """Return the groups that ended after a moment and were shown, newest first."""
    statement = sa.select(groups).where(~OPEN, groups.c.state_since >= moment, groups.c.shown_state != "")
    rows = (await conn.execute(statement.order_by(groups.c.state_since.desc()).limit(limit))).all()
    return [read(row) for row in rows]


async def unshown(conn: AsyncConnection, *, limit: int = 1000) -> Sequence[Group]:
    """Return the groups whose message is behind what is known."""
    statement = sa.select(groups).where(_UNSHOWN).order_by(groups.c.id).limit(limit)
    return [read(row) for row in (await conn.execute(statement)).all()]


async def alerts_of(conn: AsyncConnection, group_id: str) -> dict[str, Known]:
    """Return the alerts of a group by fingerprint."""
    rows = (await conn.execute(sa.select(alerts).where(alerts.c.group_id == group_id))).all()
    return {row.fingerprint: _known(row) for row in rows}


async def keep_alerts(tx: Tx, group_id: str, changed: Sequence[Known]) -> None:
    """Write alerts of a group as they are now."""
    if not changed:
        return
    statement = insert(tx.conn, alerts)
    overwrite = {one.name: statement.excluded[one.name] for one in alerts.c if not one.primary_key}
    statement = statement.on_conflict_do_update(
        index_elements=[alerts.c.group_id, alerts.c.fingerprint], set_=overwrite
    )
    for first in range(0, len(changed), _AT_ONCE):  # a few at a time: ten thousand would be in memory several times
        await tx.conn.execute(statement, [_alert_values(group_id, one) for one in changed[first : first + _AT_ONCE]])


async def forget_alerts(tx: Tx, group_id: str) -> None:
    """Take out the alerts of a group that are over, before it goes on."""
    await tx.conn.execute(sa.delete(alerts).where(alerts.c.group_id == group_id, ~alerts.c.firing))


async def heard(tx: Tx, instance: str, at: datetime) -> None:
    """Note that a source was heard of."""
    statement = insert(tx.conn, sources).values(instance=instance, heard_at=at)
    later = {"heard_at": statement.excluded.heard_at}
    await tx.conn.execute(statement.on_conflict_do_update(index_elements=[sources.c.instance], set_=later))


async def last_heard(conn: AsyncConnection, instance: str) -> datetime | None:
    """Return when a source was last heard of."""
    statement = sa.select(sources.c.heard_at).where(sources.c.instance == instance)
    moment: datetime | None = (await conn.execute(statement)).scalar_one_or_none()
    return moment


async def dismiss(tx: Tx, group_id: str, subject: str, person: Person, at: datetime) -> bool:
    """Note that a change is not the cause of a group; answer whether this call did it."""
    statement = insert(tx.conn, dismissals).values(group_id=group_id, subject=subject, person=person, at=at)
    return (await tx.conn.execute(statement.on_conflict_do_nothing())).rowcount > 0


async def dismissed(conn: AsyncConnection, group_id: str) -> frozenset[str]:
    """Return the changes that people say are not the cause of a group."""
    statement = sa.select(dismissals.c.subject).where(dismissals.c.group_id == group_id)
    return frozenset((await conn.execute(statement)).scalars())


def _values(group: Group) -> dict[str, Any]:
    return {
        "instance": group.instance,
        "key": group.key,
        "labels": dict(group.labels),
        "common": dict(group.common),
        "source_key": group.source_key,
        "url": group.url,
        "truncated": group.truncated,
        "service": group.service,
        "environment": group.environment,
        "state": group.state.value,
        "state_since": group.state_since,
        "opened_at": group.opened_at,
        "channel": group.channel,
        "acknowledged_by": group.hold.acknowledged_by,
        "closed_at": group.hold.closed_at,
        "closed_by": group.hold.closed_by,
        "quiet": group.hold.quiet,
        "part_of": group.hold.part_of,
        "version": group.version,
        "shown": group.shown,
        "shown_state": group.shown_state,
        "severity": group.severity.lower()[:64],
        "address": group.address,
        "news_at": group.news_at,
        "inside": group.inside,
        "asked": group.asked,
        "maintenance": group.hold.maintenance,
        "maintenance_until": group.hold.maintenance_until,
    }


def read(row: sa.Row[Any]) -> Group:
    """Return a group of its row."""
    hold = Hold(
        acknowledged_by=row.acknowledged_by,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        quiet=bool(row.quiet),
        part_of=row.part_of,
        maintenance=row.maintenance,
        maintenance_until=row.maintenance_until,
    )
    return Group(
        id=row.id,
        instance=row.instance,
        key=row.key,
        labels=row.labels,
        common=row.common,
        source_key=row.source_key,
        url=row.url,
        truncated=row.truncated,
        service=row.service,
        environment=row.environment,
        state=State(row.state),
        state_since=row.state_since,
        opened_at=row.opened_at,
        channel=row.channel,
        hold=hold,
        version=row.version,
        shown=row.shown,
        shown_state=row.shown_state,
        address=row.address,
        news_at=row.news_at,
        inside=row.inside,
        asked=row.asked,
    )


def _alert_values(group_id: str, one: Known) -> dict[str, Any]:
    episode = one.episode
    return {
        "group_id": group_id,
        "fingerprint": episode.fingerprint,
        "labels": dict(one.labels),
        "annotations": dict(one.annotations),
        "generator_url": one.generator_url,
        "firing": episode.firing,
        "starts_at": episode.starts_at,
        "ends_at": episode.ends_at,
        "silenced_by": list(episode.silenced_by),
        "inhibited": episode.inhibited,
        "seen_at": episode.seen_at,
        "told": one.told,
    }


def _known(row: sa.Row[Any]) -> Known:
    episode = Episode(
        fingerprint=row.fingerprint,
        starts_at=row.starts_at,
        seen_at=row.seen_at,
        firing=bool(row.firing),
        ends_at=row.ends_at,
        silenced_by=tuple(row.silenced_by),
        inhibited=bool(row.inhibited),
    )
    return Known(
        episode=episode,
        labels=row.labels,
        annotations=row.annotations,
        generator_url=row.generator_url,
        told=row.told,
    )

"""What a source answers when it is asked, made into rows: only what changed is written, a few groups at a time.

A group's row keeps the digest of what was last answered about it. As long as the answer is the same, and nothing else
was told since, there is nothing to read or write.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts import records
from bot.alerts.intake import Intake
from bot.alerts.records import OPEN, groups
from bot.store import Store, Timestamp, Tx, insert, metadata
from integrations.capabilities.alerts import AlertGroup

ALWAYS = datetime.min.replace(tzinfo=UTC)
AT_ONCE = 0.005
"""Seconds after which a transaction takes no further group, so that no notification waits long for it."""
_KEYS = 500

askers = sa.Table(
    "alert_askers",
    metadata,
    sa.Column("instance", sa.String(255), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("until", Timestamp, nullable=False),
)
"""Which replica asks a source, for how long; another does when that is over."""


async def claim(store: Store, instance: str, owner: str, now: datetime, length: timedelta) -> bool:
    """Take or keep the right to ask a source; False while another replica has it."""
    async with store.write() as tx:
        statement = insert(tx.conn, askers).values(instance=instance, owner=owner, until=now + length)
        free = sa.or_(askers.c.owner == owner, askers.c.until <= now)
        statement = statement.on_conflict_do_update(
            index_elements=[askers.c.instance], set_={"owner": owner, "until": now + length}, where=free
        )
        return (await tx.conn.execute(statement)).rowcount > 0


async def give_up(store: Store, owner: str, instance: str = "") -> None:
    """Let others ask: this source, or all that this replica asks."""
    async with store.write() as tx:
        statement = sa.delete(askers).where(askers.c.owner == owner)
        await tx.conn.execute(statement.where(askers.c.instance == instance) if instance else statement)


class Answer(Struct, frozen=True):
    """What a source told of one group, and the digest of it, "" for nothing."""

    key: str
    group: AlertGroup
    digest: str = ""


class _Held(Struct, frozen=True):
    labels: Mapping[str, str]
    asked: str


class Polled:
    """Takes in answers."""

    def __init__(self, store: Store, intake: Intake) -> None:
        self._store = store
        self._intake = intake

    async def take_in(self, instance: str, told: list[AlertGroup], asked_at: datetime, since: datetime) -> int:
        """Make the rows say what a source answered, asked at a moment; return how many groups had to be looked at.

        `told` is emptied: a large answer is let go of as it is taken in.

        It knows all that it was told of since `since`: what fires in our rows and is not in the answer is over.
        """
        answers = await asyncio.to_thread(_answers, told)
        async with self._store.read() as conn:
            held = await _open(conn, instance)
            waiting = deque(one for one in answers if not _is_same(one, held))
            unknown = [one.key for one in waiting if one.key not in held and _is_muted(one.group)]
            ever = await _known_keys(conn, instance, unknown)
        silent = {key for key in unknown if key not in ever}
        waiting = deque(one for one in waiting if one.key not in silent)
        named = {one.key for one in answers}
        gone = ((key, one.labels) for key, one in held.items() if key not in named)
        waiting.extend(Answer(key, AlertGroup(labels=labels, alerts=())) for key, labels in gone)
        number = len(waiting)
        told.clear()
        answers.clear()
        while waiting:
            await self._some(instance, waiting, asked_at, since)
        return number

    async def _some(self, instance: str, waiting: deque[Answer], asked_at: datetime, since: datetime) -> None:
        """Take in some of what waits, in one transaction; if that fails, they go on waiting, and the round is over."""
        clock = self._store.clock
        async with self._store.write() as tx:
            # This row is written first by whoever takes in news of a source: so no two of them wait for each other.
            await records.heard(tx, instance, asked_at)
            began = clock.monotonic()
            while waiting and clock.monotonic() - began < AT_ONCE:
                one = waiting.popleft()
                group = await self._intake.take_in(tx, instance, one.group, asked_at=asked_at, knows_since=since)
                if group is not None and group.asked != one.digest:
                    await _note(tx, group.id, one.digest)


def _answers(told: Sequence[AlertGroup]) -> list[Answer]:
    return [Answer(records.key_of(one.labels), one, _digest(one)) for one in told]


def _digest(group: AlertGroup) -> str:
    found = hashlib.sha256()
    for one in sorted(group.alerts, key=lambda alert: alert.fingerprint):
        state = (one.fingerprint, one.starts_at, one.firing, sorted(one.silenced_by), one.inhibited, one.generator_url)
        found.update(repr((state, sorted(one.labels.items()), sorted(one.annotations.items()))).encode())
    return found.hexdigest()


def _is_same(answer: Answer, held: Mapping[str, _Held]) -> bool:
    known = held.get(answer.key)
    return known is not None and known.asked == answer.digest


def _is_muted(group: AlertGroup) -> bool:
    return all(one.silenced_by or one.inhibited or not one.firing for one in group.alerts)


async def _open(conn: AsyncConnection, instance: str) -> dict[str, _Held]:
    """Return what the rows of a source's open groups say of its last answer; of quiet ones that counts as unknown."""
    columns = (groups.c.key, groups.c.labels, groups.c.asked, groups.c.quiet)
    rows = (await conn.execute(sa.select(*columns).where(OPEN, groups.c.instance == instance))).all()
    return {row.key: _Held(row.labels, "" if row.quiet else row.asked) for row in rows}


async def _known_keys(conn: AsyncConnection, instance: str, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for first in range(0, len(keys), _KEYS):
        statement = sa.select(groups.c.key).where(
            groups.c.instance == instance, groups.c.key.in_(keys[first : first + _KEYS])
        )
        found.update((await conn.execute(statement)).scalars())
    return found


async def _note(tx: Tx, group_id: str, digest: str) -> None:
    await tx.conn.execute(sa.update(groups).where(groups.c.id == group_id).values(asked=digest))

"""`Pruning`: forgets, once an hour and in one replica, what is over for long; a few rows at a time."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.alerts.records import groups
from bot.alerts.rules import State as AlertState
from bot.clock import Clock
from bot.crowd import seen
from bot.repeating import Repeating
from bot.settings import Settings
from bot.slack.outbox import KEEP_CARDS
from bot.slack.records import posts
from bot.store import Store, insert
from bot.store.kept import kept
from bot.store.starts import starts
from bot.webhooks import KEEP as KEEP_EVENTS

EVERY: Final = 3600.0
FIRST: Final = 300.0
"""Seconds after the start: nobody waits for it, and a start has other things to do."""
BATCH: Final = 500
MOST: Final = 20
"""Batches of one table and time: the rest is for the next."""
KEEP_WISHES = timedelta(days=180)
"""How long it is known that a workflow was started: wanted again, it is not started again."""

_BREATH = 0.02
_NAME = "pruned"

log = structlog.get_logger()


class Pruning:
    """The loop. `settings` is asked each time, so that a reload is seen at once."""

    def __init__(self, store: Store, clock: Clock, settings: Callable[[], Settings], engine_url: str) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._engine_url = engine_url
        self._began = False
        self._repeating = Repeating("pruning", self._look, clock, pause=self._pause)

    def start(self) -> None:
        """Begin."""
        self._repeating.start()

    async def stop(self) -> None:
        """End, between two batches or in one, which is then undone."""
        await self._repeating.stop()

    def _pause(self) -> float:
        pause, self._began = (EVERY if self._began else FIRST), True
        return pause

    async def _look(self) -> None:
        if self._began and await self._is_ours():
            await self.prune()

    async def prune(self) -> dict[str, int]:
        """Forget what is over for longer than it is to be kept; return how many rows of which table went."""
        now, retention = self._clock.now(), self._settings().retention
        gone = {
            "workflows": await self._work(now - retention.work),
            "starts": await self._drop(starts, starts.c.started_at < now - KEEP_WISHES),
            "webhook_events": await self._drop(seen, seen.c.received_at < now - KEEP_EVENTS),
            "slack_posts": await self._drop(posts, posts.c.posted_at < now - KEEP_CARDS),
            "alert_groups": await self._drop(groups, *_over(now - retention.alerts)),
        }
        if any(gone.values()):
            log.info("pruned", **gone)
        return gone

    async def _is_ours(self) -> bool:
        """Tell whether this time is this replica's: the first that writes it down has it."""
        now = self._clock.now()
        async with self._store.write() as tx:
            first = insert(tx.conn, kept).values(name=_NAME, value="")
            await tx.conn.execute(first.on_conflict_do_nothing(index_elements=[kept.c.name]))
            row = sa.select(kept.c.value).where(kept.c.name == _NAME).with_for_update()
            last = (await tx.conn.execute(row)).scalar_one()
            if last and now - datetime.fromisoformat(last) < timedelta(seconds=EVERY / 2):
                return False
            await tx.conn.execute(sa.update(kept).where(kept.c.name == _NAME).values(value=now.isoformat()))
        return True

    async def _drop(self, table: sa.Table, *which: sa.ColumnElement[bool]) -> int:
        key = list(table.primary_key)
        gone = 0
        for _ in range(MOST):
            async with self._store.write() as tx:
                rows = (await tx.conn.execute(sa.select(*key).where(*which).limit(BATCH))).all()
                if rows:
                    mine = key[0].in_([row[0] for row in rows]) if len(key) == 1 else sa.tuple_(*key).in_(rows)
                    await tx.conn.execute(sa.delete(table).where(mine))
            gone += len(rows)
            if len(rows) < BATCH:
                break
            await self._clock.sleep(_BREATH)
        return gone

    async def _work(self, before: datetime) -> int:
        """Forget the steps of workflows that were over before a moment: those in our tables, then the engine's."""
        from bot.store import engine_rows  # noqa: PLC0415 - a start does not need it

        gone = 0
        for _ in range(MOST):
            ids = await engine_rows.over(self._engine_url, before, limit=BATCH)
            if ids:
                async with self._store.write() as tx:
                    outputs = _outputs(self._store.engine)
                    await tx.conn.execute(sa.delete(outputs).where(outputs.c.workflow_id.in_(ids)))
                await engine_rows.forget(self._engine_url, ids)
            gone += len(ids)
            if len(ids) < BATCH:
                break
            await self._clock.sleep(_BREATH)
        return gone


def _over(before: datetime) -> Sequence[sa.ColumnElement[bool]]:
    """Return which alert groups are over for long, and are no part of one that is there."""
    whole = groups.alias("whole")
    inside = sa.exists().where(whole.c.id.in_([groups.c.part_of, groups.c.inside]), whole.c.state != _RESOLVED)
    return (groups.c.state == _RESOLVED, groups.c.state_since < before, ~inside)


def _outputs(engine: AsyncEngine) -> sa.TableClause:
    """Return the table of steps that commit with rows of ours; the engine empties it itself, but for a crash."""
    columns: list[sa.ColumnClause[Any]] = [sa.column("workflow_id", sa.Text)]
    schema = "shipmate_engine" if engine.dialect.name == "postgresql" else None
    return sa.table("datasource_outputs", *columns, schema=schema)


_RESOLVED = AlertState.RESOLVED.value

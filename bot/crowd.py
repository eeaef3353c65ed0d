"""`Crowd`: events that come many at a time are noted and handed over together, so that they share a commit.

One transaction after the other takes whatever has come meanwhile: the more come, the more share one.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import sqlalchemy as sa

from bot.clock import Clock
from bot.store import Store, Timestamp, Tx, insert, metadata
from integrations.contract import WebhookEvent

CROWD = 4
"""Requests under way at once from which on those that may are taken in together."""
_MOST = 200

seen = sa.Table(
    "webhook_events",
    metadata,
    sa.Column("instance", sa.String(255), primary_key=True),
    sa.Column("event_id", sa.String(255), primary_key=True),
    sa.Column("received_at", Timestamp, nullable=False, index=True),
)

CrowdHandler = Callable[[Tx, Sequence[WebhookEvent]], Awaitable[None]]
"""Takes events of one kind into a domain, in the transaction that also notes that they were seen."""


class Crowd:
    """Takes in events of the kinds of `handlers` together while many requests are under way."""

    def __init__(self, store: Store, clock: Clock, handlers: Mapping[str, CrowdHandler]) -> None:
        self._store = store
        self._clock = clock
        self._handlers = handlers
        self._under_way = 0
        self._waiting: deque[tuple[WebhookEvent, asyncio.Future[None]]] = deque()
        self._taking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """Count a request for the length of the block."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def takes(self, event: WebhookEvent) -> bool:
        """Tell whether an event is to be taken in with others."""
        return self._under_way >= CROWD and event.kind in self._handlers

    async def take_in(self, event: WebhookEvent) -> None:
        """Take in an event with those that wait; return once it is kept.

        Raises:
            StoreUnavailable: it is not.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, done))
        if self._taking is None or self._taking.done():
            self._taking = asyncio.create_task(self._take_all(), name="webhooks-crowd")
        await done

    async def _take_all(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
            failure: Exception | None = None
            try:
                await self._keep([event for event, _ in some])
            except Exception as error:  # noqa: BLE001 - told to each of who wait
                failure = error
            for _, done in some:
                if done.done():
                    continue  # who sent it has gone
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    async def _keep(self, events: Sequence[WebhookEvent]) -> None:
        now = self._clock.now()
        rows = [{"instance": one.instance, "event_id": one.id, "received_at": now} for one in events if one.id]
        async with self._store.write(urgent=True) as tx:  # the senders wait
            fresh: set[tuple[str, str]] = set()
            if rows:
                note = insert(tx.conn, seen).values(rows).on_conflict_do_nothing()
                told = await tx.conn.execute(note.returning(seen.c.instance, seen.c.event_id))
                fresh = {(row.instance, row.event_id) for row in told.all()}
            once = {(one.instance, one.id): one for one in events if (one.instance, one.id) in fresh}
            new = [*(one for one in events if not one.id), *once.values()]
            for kind, handler in self._handlers.items():
                mine = [one for one in new if one.kind == kind]
                if mine:
                    await handler(tx, mine)

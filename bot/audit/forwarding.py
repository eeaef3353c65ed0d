"""`Forwarder`: brings every entry to a sink, in order, at least once; how far it got is kept in the store."""

import asyncio
import contextlib
from datetime import timedelta

import sqlalchemy as sa
import structlog

from bot.audit.log import SIGNAL, Audit
from bot.audit.sinks import FileSink, Sink
from bot.audit.syslog import SyslogSink
from bot.audit.tables import cursors, head
from bot.endings import end
from bot.health import Health
from bot.settings.record import SinkSettings
from bot.store import StoreUnavailable, insert

BATCH = 200
LEASE = timedelta(seconds=60)
_LOOK_AGAIN = 5.0
_LONGEST_PAUSE = 30.0

log = structlog.get_logger()


def sink_of(settings: SinkSettings) -> Sink:
    """Return the sink that settings describe."""
    if settings.file is not None:
        return FileSink(settings.file, named=settings.people)
    return SyslogSink(settings.syslog, named=settings.people)


class Forwarder:
    """One sink's way through the log. Of several replicas the one that holds the lease delivers."""

    def __init__(self, name: str, sink: Sink, *, audit: Audit, owner: str) -> None:
        self.name = name
        self._sink = sink
        self._store = audit.store
        self._clock = audit.clock
        self._audit = audit
        self._owner = owner
        self._failing = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver, and go on until `stop`."""
        self._task = asyncio.create_task(self._run(), name=f"audit-sink-{self.name}")

    async def stop(self) -> None:
        """End; what is not delivered yet is delivered after the next start."""
        await end([self._task])
        self._task = None
        await self._sink.close()

    async def health(self) -> Health:
        """Return whether the sink takes entries, and how many wait for it."""
        async with self._store.read() as conn:
            last = (await conn.execute(sa.select(sa.func.coalesce(sa.func.max(head.c.number), 0)))).scalar_one()
            mine = sa.select(cursors.c.number).where(cursors.c.name == self.name)
            done = (await conn.execute(mine)).scalar_one_or_none() or 0
        waiting = f"{last - done} entries wait" if last > done else "has every entry"
        if self._task is not None and self._task.done():
            return Health(ok=False, detail=f"its delivery ended; {waiting}")
        if self._failing:
            return Health(ok=False, detail=f"{self._failing}; {waiting}, none is lost")
        return Health(ok=True, detail=waiting)

    async def deliver(self) -> bool:
        """Deliver the next entries, if there are any and it is our turn; answer whether there were.

        Raises:
            OSError: the sink did not take them.
            StoreUnavailable: the store cannot be used.
        """
        done = await self._claim()
        if done is None:
            return False
        batch = await self._audit.after(done, limit=BATCH)
        if not batch:
            return False
        await self._sink.deliver(batch)
        async with self._store.write() as tx:
            mine = sa.and_(cursors.c.name == self.name, cursors.c.owner == self._owner)
            await tx.conn.execute(sa.update(cursors).where(mine).values(number=batch[-1].number))
        return True

    async def _run(self) -> None:
        event, pause = self._store.signal(SIGNAL), 1.0
        while True:
            try:
                while await self.deliver():
                    self._failing, pause = "", 1.0
            except (OSError, StoreUnavailable) as error:
                if not self._failing:
                    log.warning("audit.sink_failing", sink=self.name, error=str(error))
                self._failing = str(error) or type(error).__name__
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            self._failing, pause = "", 1.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):  # wait_for of Python 3.11 may swallow being cancelled
                    await event.wait()
            event.clear()

    async def _claim(self) -> int | None:
        """Take or keep the lease and return how far the sink has got; None while another replica holds it."""
        now = self._clock.now()
        async with self._store.read() as conn:
            last = (await conn.execute(sa.select(sa.func.max(head.c.number)))).scalar_one_or_none() or 0
            row = (await conn.execute(sa.select(cursors).where(cursors.c.name == self.name))).one_or_none()
        if row is not None and row.number >= last:
            return None
        if row is not None and row.owner != self._owner and row.lease_until > now:
            return None
        values = {"owner": self._owner, "lease_until": now + LEASE}
        async with self._store.write() as tx:
            first = insert(tx.conn, cursors).values(name=self.name, number=0, **values)
            free = sa.or_(cursors.c.owner == self._owner, cursors.c.lease_until <= now)
            taken = first.on_conflict_do_update(index_elements=[cursors.c.name], set_=values, where=free)
            number: int | None = (await tx.conn.execute(taken.returning(cursors.c.number))).scalar_one_or_none()
        return number

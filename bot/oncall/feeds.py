"""`Feeds`: reads calendars again and again; the last good copy counts while one cannot be read."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Person
from bot.oncall.calendars import MOST_BYTES, Calendar, Event, Unreadable, events_of, spans_of
from bot.oncall.overrides import CHANGE
from bot.oncall.parts import Parts
from bot.repeating import Repeating
from bot.settings.oncall import CalendarSettings
from bot.store import Timestamp, insert, metadata
from bot.store.starts import want
from integrations.errors import IntegrationError

TICK = 15.0
PATIENCE = 30.0
"""Seconds that fetching and reading a calendar may take."""
BACK, AHEAD = timedelta(days=45), timedelta(days=120)
"""How far around now the events of a calendar are known."""

Fetch = Callable[[str], Awaitable[bytes]]

log = structlog.get_logger()

feeds = sa.Table(
    "oncall_feeds",
    metadata,
    sa.Column("schedule", sa.String(63), primary_key=True),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("tried_at", Timestamp, nullable=False),
    sa.Column("read_at", Timestamp, nullable=True),
    sa.Column("problem", sa.Text, nullable=False),
)


class Feeds:
    """Keeps a good copy of each calendar as a row; what its events are is worked out once for each copy and week."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: dict[tuple[str, str], tuple[tuple[str, str, str], tuple[Event, ...]]] = {}
        self._repeating = Repeating("oncall-feeds", self.read_due, parts.clock, pause=lambda: TICK)

    def start(self) -> None:
        """Begin, where a calendar is configured; after a reload of the configuration once more."""
        if any(one.calendars for one in self._parts.settings().oncall.schedules.values()):
            self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def read_due(self) -> None:
        """Read the calendars that are due; of several replicas one reads each."""
        for schedule, settings in self._parts.settings().oncall.schedules.items():
            for calendar in settings.calendars:
                if await self._claim(schedule, calendar):
                    await self.read(schedule, calendar)

    async def read(self, schedule: str, calendar: CalendarSettings) -> None:
        """Read one now; a copy that is no calendar is not kept, and what went wrong is."""
        now = self._parts.clock.now()
        zone = self._parts.settings().oncall.schedules[schedule].timezone
        body, problem = b"", ""
        try:
            async with asyncio.timeout(PATIENCE):
                body = await self._body(calendar)
                await asyncio.to_thread(events_of, body, zone, now - BACK, now + AHEAD)
        except TimeoutError:
            problem = f"it could not be read within {PATIENCE:g} s"
        except (IntegrationError, Unreadable, OSError, ImportError) as error:
            problem = str(error)[:300] if not isinstance(error, OSError) else f"the file: {error.strerror}"
        here = (feeds.c.schedule == schedule, feeds.c.name == calendar.name)
        async with self._parts.store.write() as tx:
            new = insert(tx.conn, feeds).values(
                schedule=schedule, name=calendar.name, digest="", body=b"", tried_at=now, problem=""
            )
            await tx.conn.execute(new.on_conflict_do_nothing())
            before = (await tx.conn.execute(sa.select(feeds.c.digest).where(*here))).scalar_one_or_none()
            if problem:
                await tx.conn.execute(sa.update(feeds).where(*here).values(problem=problem))
                log.warning("oncall.feed", schedule=schedule, calendar=calendar.name, reason=problem)
                return
            digest = hashlib.sha256(body).hexdigest()
            values = {"digest": digest, "body": body, "read_at": now, "problem": ""}
            await tx.conn.execute(sa.update(feeds).where(*here).values(values))
            if digest != before:
                await want(tx, f"oncall/{schedule}/{calendar.name}/{now:%Y%m%dT%H%M%S.%f}", CHANGE, schedule)

    async def calendars(self, conn: AsyncConnection, schedule: str) -> Sequence[Calendar]:
        """Return the calendars of a schedule as they were read last."""
        settings = self._parts.settings().oncall.schedules[schedule]
        return [await self._calendar(conn, schedule, one, settings.timezone) for one in settings.calendars]

    async def _calendar(self, conn: AsyncConnection, schedule: str, one: CalendarSettings, zone: str) -> Calendar:
        here = (feeds.c.schedule == schedule, feeds.c.name == one.name)
        known = sa.select(feeds.c.digest, feeds.c.read_at, feeds.c.problem).where(*here)
        row = (await conn.execute(known)).one_or_none()
        if row is None or row.read_at is None:
            return Calendar(name=one.name, problem=row.problem if row is not None and row.problem else "not read yet")
        now = self._parts.clock.now()
        mark = (row.digest, f"{now:%G-%V}", zone)
        if (found := self._known.get((schedule, one.name))) is None or found[0] != mark:
            body = (await conn.execute(sa.select(feeds.c.body).where(*here))).scalar_one()
            try:
                events = await asyncio.to_thread(events_of, body, zone, now - BACK, now + AHEAD)
            except (Unreadable, ImportError) as error:
                return Calendar(name=one.name, read_at=row.read_at, problem=str(error))
            found = self._known[schedule, one.name] = (mark, events)
        spans, strangers = spans_of(found[1], one.name, self._named)
        return Calendar(
            name=one.name, spans=tuple(spans), strangers=tuple(strangers), read_at=row.read_at, problem=row.problem
        )

    def _named(self, word: str) -> Person | None:
        permissions = self._parts.permissions
        name = word.strip().removeprefix("@")
        if "@" in name:
            return permissions.person_by_email(name)
        if (found := permissions.person(name.lower())) is not None:
            return found
        people = permissions.people().values()
        return next((one for one in people if permissions.name_of(one).casefold() == name.casefold()), None)

    async def _claim(self, schedule: str, calendar: CalendarSettings) -> bool:
        """Tell whether it is due and this call is the one to read it."""
        now = self._parts.clock.now()
        async with self._parts.store.write() as tx:
            new = insert(tx.conn, feeds).values(
                schedule=schedule, name=calendar.name, digest="", body=b"", tried_at=now, problem=""
            )
            if (await tx.conn.execute(new.on_conflict_do_nothing())).rowcount:
                return True
            due = sa.update(feeds).where(
                feeds.c.schedule == schedule, feeds.c.name == calendar.name, feeds.c.tried_at <= now - calendar.every
            )
            return (await tx.conn.execute(due.values(tried_at=now))).rowcount > 0

    async def _body(self, calendar: CalendarSettings) -> bytes:
        if calendar.file is None:
            return await self._parts.fetch(calendar.url.get_secret_value())
        path = calendar.file

        def read() -> bytes:
            with path.open("rb") as file:
                return file.read(MOST_BYTES + 1)

        body = await asyncio.to_thread(read)
        if len(body) > MOST_BYTES:
            raise Unreadable(f"the file is over {MOST_BYTES} bytes")
        return body

"""`Feeds`: reads calendars again and again; the last good copy counts while one cannot be read."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Person
from bot.oncall import messages
from bot.oncall.calendars import MOST_BYTES, Calendar, Copy, Event, Unreadable, events_of, spans_of
from bot.oncall.overrides import CHANGE
from bot.oncall.parts import Parts
from bot.repeating import Repeating
from bot.settings.oncall import CalendarSettings
from bot.store import Timestamp, Tx, insert, metadata
from bot.store.starts import want
from integrations.errors import IntegrationError

TICK = 15.0
PATIENCE = 30.0
"""Seconds that fetching and reading a calendar may take."""
BACK, AHEAD = timedelta(days=45), timedelta(days=120)
"""How far around now the events of a calendar are known."""
_AT_ONCE = 4

log = structlog.get_logger()

feeds = sa.Table(
    "oncall_feeds",
    metadata,
    sa.Column("schedule", sa.String(63), primary_key=True),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("etag", sa.String(255), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("tried_at", Timestamp, nullable=False),
    sa.Column("read_at", Timestamp, nullable=True),
    sa.Column("problem", sa.Text, nullable=False),
)


class NotParsed(Exception):
    """What the events of a calendar are was not worked out yet: `Feeds.prepare` does that."""


class _Known(Struct, frozen=True):
    """What was worked out of a copy: what it depends on, its events, why it could not be read."""

    mark: tuple[str, str, str]
    events: tuple[Event, ...]
    problem: str = ""


class Feeds:
    """Keeps a good copy of each calendar as a row; what its events are is worked out once for each copy and week."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: dict[tuple[str, str], _Known] = {}
        self._parsing = asyncio.Lock()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._repeating = Repeating("oncall-feeds", self.read_due, parts.clock, pause=lambda: TICK)

    def start(self) -> None:
        """Begin, where a calendar is configured; after a reload of the configuration once more."""
        if any(one.calendars for one in self._parts.settings().oncall.schedules.values()):
            self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def read_due(self) -> None:
        """Read the calendars that are due, at once; of several replicas one reads each."""
        await asyncio.gather(
            *(
                self._read_due(schedule, calendar)
                for schedule, settings in self._parts.settings().oncall.schedules.items()
                for calendar in settings.calendars
            )
        )

    async def _read_due(self, schedule: str, calendar: CalendarSettings) -> None:
        async with self._few:
            if await self._claim(schedule, calendar):
                await self.read(schedule, calendar)

    async def read(self, schedule: str, calendar: CalendarSettings) -> None:
        """Read one now; a copy that is no calendar is not kept, and what went wrong is."""
        settings = self._parts.settings().oncall.schedules.get(schedule)
        if settings is None:  # it went with a reload
            return
        now = self._parts.clock.now()
        here = _here(schedule, calendar.name)
        values: dict[str, Any] = {"read_at": now, "problem": ""}
        try:
            async with asyncio.timeout(PATIENCE):
                copy = await self._copy(schedule, calendar)
                if copy.body is not None:
                    digest = hashlib.sha256(copy.body).hexdigest()
                    await self._parse(schedule, calendar.name, self._mark(digest, settings.timezone), copy.body)
                    values |= {"digest": digest, "body": copy.body, "etag": copy.etag, "source": _source(calendar)}
        except TimeoutError:
            values = {"problem": f"it could not be read within {PATIENCE:g} s"}
        except (IntegrationError, Unreadable, OSError, ImportError) as error:
            problem = str(error)[:300] if not isinstance(error, OSError) else f"the file: {error.strerror}"
            values = {"problem": problem}
        async with self._parts.store.write() as tx:
            await tx.conn.execute(_new(tx, schedule, calendar, now))
            before = (await tx.conn.execute(sa.select(feeds.c.digest).where(*here))).scalar_one_or_none()
            await tx.conn.execute(sa.update(feeds).where(*here).values(values))
            if values["problem"]:
                log.warning("oncall.feed", schedule=schedule, calendar=calendar.name, reason=values["problem"])
            elif values.get("digest", before) != before:
                await want(tx, f"oncall/{schedule}/{calendar.name}/{now:%Y%m%dT%H%M%S.%f}", CHANGE, schedule)

    async def problems(self) -> Sequence[str]:
        """Return which calendars could not be read when that was tried last, and why."""
        async with self._parts.store.read() as conn:
            rows = (
                await conn.execute(sa.select(feeds.c.schedule, feeds.c.name, feeds.c.problem, feeds.c.read_at))
            ).all()
        configured = self._parts.settings().oncall.schedules
        return [
            f"{row.schedule}, {messages.calendar(Calendar(name=row.name, problem=row.problem, read_at=row.read_at))}"
            for row in rows
            if row.problem and row.schedule in configured
            if any(one.name == row.name for one in configured[row.schedule].calendars)
        ]

    async def prepare(self, schedule: str) -> None:
        """Work out what the events of a schedule's calendars are, as they were read last: outside of transactions."""
        settings = self._parts.settings().oncall.schedules.get(schedule)
        if settings is None:
            return
        for one in settings.calendars:
            here = _here(schedule, one.name)
            async with self._parts.store.read() as conn:
                digest = (await conn.execute(sa.select(feeds.c.digest).where(*here))).scalar_one_or_none()
                mark = self._mark(digest or "", settings.timezone)
                if not digest or self._is_known(schedule, one.name, mark):
                    continue
                row = (await conn.execute(sa.select(feeds.c.body, feeds.c.digest).where(*here))).one()
            mark = self._mark(row.digest, settings.timezone)
            try:
                await self._parse(schedule, one.name, mark, row.body)
            except (Unreadable, ImportError) as error:
                self._known[schedule, one.name] = _Known(mark, (), str(error))

    async def calendars(self, conn: AsyncConnection, schedule: str) -> Sequence[Calendar]:
        """Return the calendars of a schedule as they were read last. Raises: NotParsed."""
        settings = self._parts.settings().oncall.schedules[schedule]
        return [await self._calendar(conn, schedule, one, settings.timezone) for one in settings.calendars]

    async def _calendar(self, conn: AsyncConnection, schedule: str, one: CalendarSettings, zone: str) -> Calendar:
        known = sa.select(feeds.c.digest, feeds.c.read_at, feeds.c.problem).where(*_here(schedule, one.name))
        row = (await conn.execute(known)).one_or_none()
        if row is None or row.read_at is None:
            return Calendar(name=one.name, problem=row.problem if row is not None and row.problem else "not read yet")
        if not self._is_known(schedule, one.name, self._mark(row.digest, zone)):
            raise NotParsed(schedule, one.name)
        found = self._known[schedule, one.name]
        spans, strangers = spans_of(found.events, one.name, self._named)
        return Calendar(
            name=one.name,
            spans=tuple(spans),
            strangers=tuple(strangers),
            read_at=row.read_at,
            problem=row.problem or found.problem,
        )

    def _mark(self, digest: str, zone: str) -> tuple[str, str, str]:
        """Return what events depend on: the copy, the week, for how far ahead they are known, and the zone."""
        return digest, f"{self._parts.clock.now():%G-%V}", zone

    def _is_known(self, schedule: str, name: str, mark: tuple[str, str, str]) -> bool:
        return (found := self._known.get((schedule, name))) is not None and found.mark == mark

    async def _parse(self, schedule: str, name: str, mark: tuple[str, str, str], body: bytes) -> None:
        """Work out the events of a copy, if that was not done. Raises: Unreadable, ImportError."""
        async with self._parsing:  # one at a time: many may ask for the same
            if self._is_known(schedule, name, mark):
                return
            now = self._parts.clock.now()
            events = await asyncio.to_thread(events_of, body, mark[2], now - BACK, now + AHEAD)
            self._known[schedule, name] = _Known(mark, events)

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
            if (await tx.conn.execute(_new(tx, schedule, calendar, now))).rowcount:
                return True
            due = sa.update(feeds).where(
                *_here(schedule, calendar.name),
                sa.or_(feeds.c.tried_at <= now - calendar.every, feeds.c.source != _source(calendar)),
            )
            etag = sa.case(
                (feeds.c.source == _source(calendar), feeds.c.etag), else_=""
            )  # another server's says nothing
            claimed = due.values(tried_at=now, etag=etag, source=_source(calendar))
            return (await tx.conn.execute(claimed)).rowcount > 0

    async def _copy(self, schedule: str, calendar: CalendarSettings) -> Copy:
        """Return what is there; nothing new where the server says that it is what is kept. Raises: Unreadable."""
        if calendar.file is None:
            here = (*_here(schedule, calendar.name), feeds.c.source == _source(calendar))
            async with self._parts.store.read() as conn:
                etag = (await conn.execute(sa.select(feeds.c.etag).where(*here))).scalar_one_or_none()
            return await self._parts.fetch(calendar.url.get_secret_value(), etag or "")
        path = calendar.file

        def read() -> bytes:
            with path.open("rb") as file:
                return file.read(MOST_BYTES + 1)

        body = await asyncio.to_thread(read)
        if len(body) > MOST_BYTES:
            raise Unreadable(f"the file is over {MOST_BYTES} bytes")
        return Copy(body)


def _here(schedule: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (feeds.c.schedule == schedule, feeds.c.name == name)


def _source(calendar: CalendarSettings) -> str:
    """Return what tells one address from another, without giving it away."""
    return hashlib.sha256((calendar.url.get_secret_value() or str(calendar.file)).encode()).hexdigest()


def _new(tx: Tx, schedule: str, calendar: CalendarSettings, now: datetime) -> sa.Executable:
    values = {"digest": "", "body": b"", "tried_at": now, "problem": "", "etag": "", "source": _source(calendar)}
    return insert(tx.conn, feeds).values(schedule=schedule, name=calendar.name, **values).on_conflict_do_nothing()

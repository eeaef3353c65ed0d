"""`Reminders`: on a service's schedule, its channel is told of the reviews that wait longest."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.catalog import Catalog, Service
from bot.clock import Clock
from bot.errors import UserError
from bot.identity import Channel
from bot.reply import Reply
from bot.reviews.reviews import Reviews
from bot.slack.outbox import Outbox
from bot.store import Store, Tx
from bot.store.starts import want
from integrations.errors import IntegrationError

REMIND = "review.remind.v1"
STALE = timedelta(hours=1)
"""A reminder that comes later than this, because Shipmate was away, is left out."""

log = structlog.get_logger()


class Reminders:
    """Plans reminders and says them. `channel_of` finds a service's channel, None where there is none."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        catalog: Callable[[], Catalog],
        reviews: Reviews,
        outbox: Outbox,
        channel_of: Callable[[Service, Channel | None], Awaitable[Channel | None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._catalog = catalog
        self._reviews = reviews
        self._outbox = outbox
        self._channel_of = channel_of

    async def begin(self) -> None:
        """Plan the next reminder of every service that has a schedule."""
        for service in self._catalog().services():
            await self.plan(service.name)

    async def plan(self, name: str) -> None:
        """Plan the next reminder of a service, one for all replicas; nothing where it has no schedule."""
        service = self._service(name)
        if service is None:
            return
        due = following(service.review_reminders, service.review_timezone, self._clock.now())
        async with self._store.write() as tx:
            await want(tx, f"reviews/remind/{name}/{due:%Y%m%dT%H%M}", REMIND, name, due.isoformat(), at=due)

    async def look(self, name: str, due: str) -> Reply | None:
        """Return what is to be said, None when nothing waits, it is too late, or the tool does not answer."""
        service, at = self._service(name), datetime.fromisoformat(due)
        now = self._clock.now()
        if service is None or now - at > STALE:
            return None
        if following(service.review_reminders, service.review_timezone, at - timedelta(minutes=1)) != at:
            return None  # the schedule has changed: its own reminders come
        try:
            reply = await self._reviews.remind(name)
        except (IntegrationError, UserError) as error:
            log.warning("review.no_reminder", service=name, error=repr(error))
            return None
        return reply if reply.share else None

    async def where(self, name: str) -> Channel | None:
        """Return the channel of a service."""
        service = self._service(name)
        return None if service is None else await self._channel_of(service, None)

    async def say(self, tx: Tx, name: str, due: str, channel: Channel, reply: Reply) -> None:
        """Have the reminder posted, once."""
        await self._outbox.post(tx, f"review-reminder/{name}/{due}", channel, reply)

    def _service(self, name: str) -> Service | None:
        found = (one for one in self._catalog().services() if one.name == name and one.review_reminders)
        return next(found, None)


def following(schedule: str, timezone: str, now: datetime) -> datetime:
    """Return the first moment after `now` that a cron expression names, read in a time zone."""
    from croniter import croniter  # noqa: PLC0415 - costs only where there are schedules

    there = croniter(schedule, now.astimezone(ZoneInfo(timezone))).get_next(datetime)
    return datetime.fromtimestamp(there.timestamp(), UTC)

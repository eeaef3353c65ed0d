"""`Polling`: looks at branches now and then, for hosts that send no webhooks and for events that were lost."""

import asyncio

import structlog
from msgspec.structs import replace

from bot.catalog import Place
from bot.continuous import records
from bot.continuous.continuous import Continuous
from bot.continuous.parts import Parts, places_of
from bot.continuous.rules import Next, decide
from bot.errors import UserError
from bot.repeating import Repeating
from integrations.errors import IntegrationError

TICK = 5.0
"""Seconds between two looks at what is due."""
AT_ONCE = 4
"""Branches that are asked for at the same time."""

log = structlog.get_logger()


class Polling:
    """Looks at each place every `poll` of its environment, the first time when it starts: what was missed is found.

    A look here changes nothing; where something would go, it is wanted as after an event.
    """

    def __init__(self, parts: Parts, continuous: Continuous) -> None:
        self._parts = parts
        self._continuous = continuous
        self._due: dict[Place, float] = {}
        self._repeating = Repeating("continuous-polling", self._look_at_due, parts.clock, pause=lambda: TICK)

    def start(self) -> None:
        """Begin, where something is deployed by itself; after a reload of the configuration once more."""
        if self._places():
            self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def look(self, place: Place) -> Next | None:
        """Look at one place; return what would follow, None where that cannot be told now."""
        async with self._parts.store.read() as conn:
            head = await records.get(conn, place)
        try:
            found = await self._continuous.candidates.ready(place, tried=head.tried)
        except (IntegrationError, UserError) as error:
            log.info("continuous.unreadable", place=str(place), reason=str(error))
            return None
        async with self._parts.store.read() as conn:
            facts = await self._continuous.facts(conn, head, replace(found, seen=head.looked))
        following = decide(facts)
        if following is Next.BEGIN:
            async with self._parts.store.write() as tx:
                await self._continuous.want_look(tx, place, {"event": "poll"})
        return following

    async def _look_at_due(self) -> None:
        now = self._parts.clock.monotonic()
        places = self._places()
        due = [place for place in places if self._due.get(place, 0.0) <= now]
        self._due = {place: self._due[place] for place in places if place in self._due}
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(place: Place) -> None:
            async with slots:
                await self.look(place)

        for place in due:
            self._due[place] = now + places[place]
        await asyncio.gather(*(one(place) for place in due))

    def _places(self) -> dict[Place, float]:
        """Return the places to look at, each with the seconds between two looks."""
        found = places_of(self._parts.catalog())
        return {
            place: environment.continuous.poll.total_seconds()
            for place, environment in found.items()
            if environment.continuous is not None and self._continuous.is_on(place)
        }

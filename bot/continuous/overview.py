"""`Overview`: what is deployed by itself, paused by whom, what went last. Reads our own store only."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.continuous import messages, records
from bot.continuous.parts import Parts, places_of
from bot.continuous.pauses import is_paused
from bot.reply import Markup, Reply


class Overview:
    """Answers questions about continuous deployment."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, service: str = "") -> Reply:
        """Return how each place stands, of all services or of one. Raises: BadInput (`unknown_service`)."""
        name = self._parts.catalog().service(service).name if service else ""
        async with self._parts.store.read() as conn:
            found = await self.notes(conn, name)
        return messages.listed([(place, line) for place, lines in found.items() for line in lines], name)

    async def notes(self, conn: AsyncConnection, service: str) -> Mapping[Place, Sequence[Markup]]:
        """Return the line of each place; nothing is asked where nothing is deployed by itself."""
        places = places_of(self._parts.catalog(), service)
        if not places:
            return {}
        heads = {one.place: one for one in await records.of(conn, service)}
        pauses = await records.paused(conn, self._parts.clock.now(), service)
        deployments = await records.last(conn, list(heads.values()))
        found: dict[Place, Sequence[Markup]] = {}
        for place, environment in places.items():
            head, pause = heads.get(place), is_paused(pauses, place)
            on = environment.continuous
            if on is None:
                continue
            found[place] = [
                messages.standing(
                    on.branch or self._parts.catalog().service(place.service).repository.default_branch,
                    head,
                    pause,
                    deployments.get(head.deployment) if head is not None else None,
                    self._parts.permissions.name_of(pause.person) if pause is not None else "",
                    on=on.production or not environment.production_like,
                )
            ]
        return found

"""Meeting a place for the first time: what runs there already is asked of the place itself and written down.

Without it the first plan would have nothing to compare with, and the first rollback nowhere to go.
"""

import asyncio
from collections.abc import Iterator

import structlog

from bot.catalog import Environment, Place
from bot.deployments import places
from bot.deployments.parts import Parts
from bot.deployments.plan import Release
from bot.errors import UserError
from integrations.capabilities.deploys import Deployer, Running
from integrations.errors import IntegrationError

_AT_ONCE = 8

log = structlog.get_logger()


class Adoption:
    """Looks once at every place of the catalog that we know nothing of."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def adopt(self) -> int:
        """Note what runs on places that we never deployed to; return how many were taken over.

        A place whose tool does not answer is left for the next start.
        """
        async with self._parts.store.read() as conn:
            known = await places.known(conn)
        unknown = iter([place for place in self._parts.catalog().places() if place not in known])
        return sum(await asyncio.gather(*(self._take_over(unknown) for _ in range(_AT_ONCE))))

    async def _take_over(self, unknown: Iterator[Place]) -> int:
        """Look at places until there are no more; return how many run something. Several share one iterator."""
        taken = 0
        for place in unknown:
            running = await self._ask(place, self._parts.catalog().environment(place))
            if running is not None and running.sha:
                taken += await self._note(place, running)
        return taken

    async def _ask(self, place: Place, environment: Environment) -> Running | None:
        job = environment.deploy
        try:
            deployer = self._parts.toolbox.get(Deployer, job.instance)
            return await deployer.get_running(job.job, place.service, place.environment, place.target)
        except (IntegrationError, UserError) as error:
            log.info("place.unknown", place=str(place), reason=str(error))
            return None

    async def _note(self, place: Place, running: Running) -> bool:
        async with self._parts.store.write() as tx:
            if (await places.hold(tx, place)).running.sha:
                return False  # deployed meanwhile
            release = Release(sha=running.sha, version=running.version)
            await places.note_running(tx, place, release, at=running.since, by=None, added=[running.sha])
        log.info("place.adopted", place=str(place), version=running.version, sha=running.sha)
        return True

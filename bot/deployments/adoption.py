"""Meeting a place for the first time: what runs there already is asked of the place itself and written down.

Without it the first plan would have nothing to compare with, and the first rollback nowhere to go.
"""

import structlog

from bot.catalog import Environment, Place
from bot.deployments import places
from bot.deployments.parts import Parts
from bot.deployments.plan import Release
from bot.errors import UserError
from integrations.capabilities.deploys import Deployer, Running
from integrations.errors import IntegrationError

log = structlog.get_logger()


class Adoption:
    """Looks once at every place of the catalog that we know nothing of."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def adopt(self) -> int:
        """Note what runs on places that we never deployed to; return how many were taken over.

        A place whose tool does not answer is left for the next start.
        """
        catalog = self._parts.catalog()
        taken = 0
        for place in catalog.places():
            async with self._parts.store.read() as conn:
                if (await places.get(conn, place)).running.sha:
                    continue
            running = await self._ask(place, catalog.environment(place))
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

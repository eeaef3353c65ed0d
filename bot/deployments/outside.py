"""`Outside`: notices that something runs in production that Shipmate did not put there, and writes it down once."""

import asyncio
import hashlib
from collections.abc import Mapping

import structlog

from bot.audit import SHIPMATE
from bot.catalog import Place
from bot.changes import records as changes
from bot.command import Resource
from bot.deployments import places
from bot.deployments.parts import Parts
from bot.deployments.places import Standing
from bot.errors import UserError
from bot.repeating import Repeating
from bot.store import Tx
from integrations.capabilities.deploys import Deployer, Running
from integrations.errors import IntegrationError

NOTICED = "place.changed_outside"
"""The action of the audit entry."""

EVERY = 600.0
"""Seconds between two looks."""

_AT_ONCE = 4

log = structlog.get_logger()


class Outside:
    """Compares what the tools say with what was recorded, again and again, for production-like places."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._repeating = Repeating("deployments-outside", self.look, parts.clock, pause=lambda: EVERY)

    def start(self) -> None:
        """Begin to look."""
        self._repeating.start()

    async def stop(self) -> None:
        """End."""
        await self._repeating.stop()

    async def look(self) -> int:
        """Look at every production-like place once, and return how many changes were noticed that nobody knew of.

        A place whose tool does not answer is left for the next look, as is one where a deployment is under way.
        """
        catalog = self._parts.catalog()
        found = [place for place in catalog.places() if catalog.environment(place).production_like]
        return sum(await asyncio.gather(*(self._look_at(place) for place in found)))

    async def _look_at(self, place: Place) -> bool:
        job = self._parts.catalog().environment(place).deploy
        async with self._turns:
            async with self._parts.store.read() as conn:
                before = await places.get(conn, place)
            if before.holder:
                return False
            try:
                deployer = self._parts.toolbox.get(Deployer, job.instance)
                running = await deployer.get_running(job.job, place.service, place.environment, place.target)
            except (IntegrationError, UserError) as error:
                log.info("place.unknown", place=str(place), reason=str(error))
                return False
            if (running.sha if running else "") == before.running.sha:
                return False
            return await self._note(before, running, job.instance)

    async def _note(self, before: Standing, running: Running | None, instance: str) -> bool:
        """Write what was noticed, unless it was before, or a deployment came between."""
        parts, place, ours = self._parts, before.place, before.running
        now = parts.clock.now()
        sha, version = (running.sha, running.version) if running else ("", "")
        since = running.since if running and running.since else None
        known = f"{place}\n{sha}\n{ours.deployment}\n{ours.sha}\n{since.isoformat() if since else ''}"
        what = f"{instance} says that {version or sha[:7]} runs" if running else f"{instance} says that nothing runs"
        recorded = f"{ours.deployment} put {ours.name} there" if ours.deployment else "Shipmate never deployed there"
        facts = {"sha": sha, "version": version, "from": ours.sha, "instance": instance}
        change = changes.Change(
            kind=changes.Kind.OUTSIDE,
            subject=hashlib.sha256(known.encode()).hexdigest()[:40],
            summary=f"{what}; {recorded}",
            at=since or now,
            service=place.service,
            environment=place.environment,
            target=place.target,
            data={**facts, "noticed_at": now.isoformat(), "deployment": ours.deployment},
        )
        async with parts.store.write() as tx:
            standing = await places.hold(tx, place)
            if standing.holder or standing.running != ours or not await changes.record(tx, change):
                return False
            await self._enter(tx, place, change.summary, ours.deployment, facts)
        log.warning("place.changed_outside", place=str(place), sha=sha, version=version)
        return True

    async def _enter(self, tx: Tx, place: Place, words: str, subject: str, facts: Mapping[str, str]) -> None:
        await self._parts.audit.record(
            tx,
            actor=SHIPMATE,
            action=NOTICED,
            outcome="found",
            resource=Resource(place.service, place.environment, place.target),
            subject=subject,
            data={**facts, "words": words},
        )

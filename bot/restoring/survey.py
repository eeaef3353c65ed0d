"""Looks for what was in flight when the database was saved, and asks the tools how that stands now. Changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.amounts import count
from bot.builds import records as build_records
from bot.builds.records import Build
from bot.catalog import Place
from bot.deployments import places, records as deployment_records
from bot.deployments.places import Standing
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.errors import UserError
from bot.locks import records as lock_records
from bot.locks.records import Lock
from bot.paging import records as paging_records
from bot.paging.records import Run as Paging
from bot.releases import records as release_records
from bot.releases.records import Release
from bot.restoring.parts import Parts
from bot.restoring.records import Item
from bot.restoring.rules import Kind, answers
from bot.slack.records import State as Said, outbox
from integrations.capabilities.deploys import Deployer, Running
from integrations.capabilities.git import GitHost
from integrations.capabilities.runs import RunRef, RunTracker
from integrations.errors import IntegrationError, NotFound

DEADLINE = 10.0
"""Seconds that a tool may take to say how something stands."""
_AT_ONCE = 8
T = TypeVar("T")


class _Saved(Struct, frozen=True, kw_only=True):
    """What the rows say was in flight."""

    deployments: Sequence[Deployment]
    builds: Sequence[Build]
    releases: Sequence[Release]
    paging: Sequence[Paging]
    locks: Sequence[Lock]
    unsaid: int
    standings: Sequence[Standing]


class Survey:
    """Reads the rows, then asks the tools, a few at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def look(self) -> Sequence[Item]:
        """Return everything that was in flight, and every place that runs something else than the record says."""
        async with self._parts.store.read() as conn:
            saved = await self._saved(conn)
        found = await asyncio.gather(*self._asked(saved))
        return [item for item in found if item is not None]

    def _asked(self, saved: _Saved) -> Iterator[Awaitable[Item | None]]:
        yield from (self._deployment(one) for one in saved.deployments)
        yield from (self._build(one) for one in saved.builds)
        yield from (self._release(one) for one in saved.releases)
        busy = {one.place for one in saved.deployments if one.state.value not in {"planning", "awaiting_approval"}}
        yield from (self._place(one) for one in saved.standings if one.place not in busy)
        yield from (self._paging(one) for one in saved.paging)
        yield from (self._lock(one) for one in saved.locks)
        if saved.unsaid:
            yield self._messages(saved.unsaid)

    async def _saved(self, conn: AsyncConnection) -> _Saved:
        runs = paging_records.runs
        waiting = sa.select(sa.func.count()).where(outbox.c.state == Said.HELD)
        paged = (await conn.execute(sa.select(runs.c.subject).where(runs.c.running).distinct())).scalars().all()
        every = [run for subject in sorted(paged) for run in await paging_records.all_of(conn, subject)]
        return _Saved(
            deployments=await deployment_records.unfinished(conn),
            builds=await build_records.unfinished(conn),
            releases=await release_records.unfinished(conn),
            paging=[run for run in every if run.running],
            locks=await lock_records.held(conn, self._parts.clock.now()),
            unsaid=(await conn.execute(waiting)).scalar_one(),
            standings=[await places.get(conn, place) for place in self._parts.catalog().places()],
        )

    async def _deployment(self, one: Deployment) -> Item:
        running, says = await self._running(one.place)
        back = one.state is State.ROLLING_BACK
        wanted = one.previous_sha if back else one.sha
        reached = running is not None and bool(wanted) and running.sha == wanted
        run = one.rollback_run if back else one.deploy_run or one.build_run
        if run:
            says = f"{says}; {await self._run(run)}"
        elif one.state is State.DEPLOYING:
            says = f"{says}; {await self._deploy_of(one)}"
        return Item(
            id=one.id,
            kind=Kind.DEPLOYMENT,
            was=f"{one.id} was {one.state.value.replace('_', ' ')}: {one.title}",
            found=says,
            offered=answers(Kind.DEPLOYMENT, one.state.value, reached=reached),
            service=one.service,
            environment=one.environment,
            target=one.target,
        )

    async def _build(self, one: Build) -> Item:
        return Item(
            id=one.id,
            kind=Kind.BUILD,
            was=f"{one.id} was {one.state.value}: build of {one.name}",
            found=await self._run(one.run) if one.run else f"{one.instance} had not said yet that it runs",
            offered=answers(Kind.BUILD),
            service=one.service,
        )

    async def _release(self, one: Release) -> Item:
        return Item(
            id=one.id,
            kind=Kind.RELEASE,
            was=f"{one.id} was {one.state.value}: release {one.version} of {one.service}",
            found=await self._tag(one),
            offered=answers(Kind.RELEASE),
            service=one.service,
        )

    async def _place(self, standing: Standing) -> Item | None:
        """Return a place where something else runs than is recorded; None where it is as recorded, or not known.

        One of which nothing is recorded is met at the start, as every new place is.
        """
        if not standing.running.sha:
            return None
        running, says = await self._running(standing.place)
        if running is None or running.sha == standing.running.sha:
            return None
        recorded = standing.running.version or standing.running.sha[:12] or "nothing"
        place = standing.place
        return Item(
            id=str(place),
            kind=Kind.PLACE,
            was=f"{place} ran {recorded} by the record",
            found=says,
            offered=answers(Kind.PLACE),
            service=place.service,
            environment=place.environment,
            target=place.target,
        )

    async def _paging(self, run: Paging) -> Item:
        who = f"@{self._parts.name_of(run.person)}" if run.person is not None else f"by {run.chain}"
        return Item(
            id=run.id,
            kind=Kind.PAGING,
            was=f"{run.subject} was paging {who}, step {run.step + 1}: {run.title}",
            found="the source of the alert is asked anew once the hold ends",
            offered=answers(Kind.PAGING),
            service=run.service,
            environment=run.environment,
        )

    async def _lock(self, lock: Lock) -> Item:
        until = f", until {lock.expires_at:%Y-%m-%d %H:%M} UTC" if lock.expires_at else ""
        return Item(
            id=lock.id,
            kind=Kind.LOCK,
            was=f"{lock.scope} was locked by @{self._parts.name_of(lock.person)}{until}",
            found=lock.reason or "no reason was given",
            offered=answers(Kind.LOCK),
            service=lock.scope.service,
            environment=lock.scope.environment,
            target=lock.scope.target,
        )

    async def _messages(self, unsaid: int) -> Item:
        return Item(
            id="messages",
            kind=Kind.MESSAGES,
            was=f"{count(unsaid, 'message')} had not been sent",
            found="each is looked for in Slack before it is sent",
            offered=answers(Kind.MESSAGES),
        )

    # -------------------------------------------------------------------------------------------- what tools say

    async def _running(self, place: Place) -> tuple[Running | None, str]:
        async def ask() -> tuple[Running | None, str]:
            job = self._parts.catalog().environment(place).deploy
            deployer = self._parts.toolbox.get(Deployer, job.instance)
            running = await deployer.get_running(job.job, place.service, place.environment, place.target)
            if running is None:
                return None, f"nothing runs on {place} now"
            return running, f"{place} runs {running.version or running.sha[:12]} ({running.sha[:7]}) now"

        return await self._in_time(ask, lambda why: (None, f"what runs on {place} is not known: {why}"))

    async def _run(self, ref: str) -> str:
        async def ask() -> str:
            where = RunRef.parse(ref)
            try:
                run = await self._parts.toolbox.get(RunTracker, where.instance).get_run(where)
            except NotFound:
                return f"{where.instance} knows no run {where.id}"
            return f"its run at {where.instance} is {run.state.value}"

        return await self._in_time(ask, lambda why: f"its run is not known: {why}")

    async def _deploy_of(self, one: Deployment) -> str:
        async def ask() -> str:
            job = self._parts.catalog().environment(one.place).deploy
            deployer = self._parts.toolbox.get(Deployer, job.instance)
            found = await deployer.find_run(one.request_of("deploy"), job.job, one.created_at)
            return f"{job.instance} was never asked" if found is None else await self._run(str(found))

        return await self._in_time(ask, lambda why: f"whether it was sent is not known: {why}")

    async def _tag(self, release: Release) -> str:
        async def ask() -> str:
            repository = self._parts.catalog().service(release.service).repository
            host = self._parts.toolbox.get(GitHost, repository.instance)
            try:
                ref = await host.resolve_ref(repository.project, release.tag or release.version)
            except NotFound:
                return f"there is no tag {release.tag or release.version}"
            same = "at its commit" if ref.sha == release.sha else f"at another commit, {ref.sha[:12]}"
            return f"the tag {release.tag or release.version} is there, {same}"

        return await self._in_time(ask, lambda why: f"whether it is tagged is not known: {why}")

    async def _in_time(self, ask: Callable[[], Awaitable[T]], otherwise: Callable[[str], T]) -> T:
        """Ask a tool; where it does not answer, or not soon, say so in place of its answer."""
        try:
            async with self._turns, asyncio.timeout(DEADLINE):
                return await ask()
        except TimeoutError:
            return otherwise(f"no answer within {DEADLINE:g} s")
        except (IntegrationError, UserError, ValueError) as error:
            return otherwise(str(error))

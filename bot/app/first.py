"""Putting a first version on the places of this machine, before Shipmate runs: how the demo's world begins."""

import asyncio

from bot.app.tools import Tools
from bot.catalog import Catalog, Place
from bot.clock import SystemClock
from bot.health import HealthChecks
from bot.settings import Settings
from bot.toolbox import Toolbox
from integrations.capabilities.builds import BuildRequest, BuildServer
from integrations.capabilities.deploys import Deployer, DeployRequest
from integrations.capabilities.git import GitHost
from integrations.capabilities.runs import Run, RunRef, RunState, RunTracker


async def put_in_place(settings: Settings, version: str) -> None:
    """Build `version` of every service and deploy it to every place, without any bot.

    Raises:
        RuntimeError: a build or a deploy failed; says why.
        IntegrationError: a tool does not do as asked.
    """
    clock = SystemClock()
    toolbox = Toolbox()
    tools = Tools(settings, toolbox, HealthChecks(clock), clock)
    await tools.connect()
    try:
        catalog = Catalog(settings)
        await asyncio.gather(*(_put(toolbox, catalog, place, version) for place in catalog.places()))
    finally:
        await tools.close()


async def _put(toolbox: Toolbox, catalog: Catalog, place: Place, version: str) -> None:
    service = catalog.service(place.service)
    project = service.repository.project
    ref = await toolbox.get(GitHost, service.repository.instance).resolve_ref(project, version)
    artifact: dict[str, str] = {}
    if service.build is not None:
        builder = toolbox.get(BuildServer, service.build.instance)
        build = BuildRequest(
            request_id=f"first/{place.service}", job=service.build.job, project=project, sha=ref.sha, version=version
        )
        artifact = dict((await _over(builder, await builder.start_build(build))).result)
    job = catalog.environment(place).deploy
    deployer = toolbox.get(Deployer, job.instance)
    deploy = DeployRequest(
        request_id=f"first/{place}",
        job=job.job,
        service=place.service,
        environment=place.environment,
        target=place.target,
        project=project,
        sha=ref.sha,
        version=version,
        fence=0,
        artifact=artifact.get("artifact", ""),
        digest=artifact.get("digest", ""),
    )
    await _over(deployer, await deployer.start_deploy(deploy))


async def _over(tracker: RunTracker, ref: RunRef) -> Run:
    while True:
        run = await tracker.get_run(ref)
        if run.state is RunState.SUCCEEDED:
            return run
        if run.state.final:
            raise RuntimeError(f"{run.title or ref} {run.state.value}: {run.reason}")
        await asyncio.sleep(0.05)

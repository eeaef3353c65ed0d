"""The road with GitLab: it has the repository, builds and deploys; webhooks wake us; kills start nothing twice."""

import asyncio
import hashlib
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.demo.configuration import keep_secrets
from integrations.gitlab.hooks import EVENTS
from tests.road.crash_town import CrashTown
from tests.road.town import Json, words
from tests.servers.gitlab.faults import Fault
from tests.servers.gitlab.server import GitLabServer, running
from tests.servers.gitlab.state import Hook, JobSpec, Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DIGEST = f"sha256:{hashlib.sha256(b'checkout').hexdigest()}"
MADE = b'{"artifact": "registry.example.org/checkout:1", "digest": "%s"}' % DIGEST.encode()


def jobs(told: Mapping[str, str]) -> list[JobSpec]:
    """Return the jobs of a pipeline: one that deploys where it is told an environment, else one that builds."""
    environment = told.get("SHIPMATE_ENVIRONMENT")
    if environment:
        return [JobSpec(name="ship", stage="deploy", trace=b"shipped\n", environment=environment)]
    return [JobSpec(name="image", stage="build", trace=b"built\n", artifacts={"shipmate.json": MADE})]


def use_gitlab(server: GitLabServer, folder: Path, secret: str, settings: Json) -> None:
    """Change a town's configuration: GitLab has the repository, builds and deploys; nothing is verified."""
    settings["integrations"]["gitlab"] = {
        "type": "gitlab",
        "url": server.url,
        "group": "team",
        **keep_secrets(folder, token="glpat-shipmate", webhook_token=secret),
    }
    service = settings["services"]["checkout"]
    service["repository"] = {"with": "gitlab", "project": "checkout", "default_branch": "main"}
    service["build"] = {"with": "gitlab", "job": "checkout"}
    for environment in service["environments"]:
        environment["deploy"] = {"with": "gitlab", "job": "checkout"}
        environment.pop("verify", None)
        environment.pop("promote_from", None)


def only_show_at_gitlab(server: GitLabServer, folder: Path, settings: Json) -> None:
    """Change a town's configuration: GitLab has the repository and is told how deployments go; nothing is verified."""
    settings["integrations"]["gitlab"] = {
        "type": "gitlab",
        "url": server.url,
        "group": "team",
        "commit_status": "shipmate/{environment}",
        **keep_secrets(folder, token="glpat-shipmate"),
    }
    service = settings["services"]["checkout"]
    service["repository"] = {"with": "gitlab", "project": "checkout", "default_branch": "main"}
    for environment in service["environments"]:
        environment.pop("verify", None)


async def mirror(folder: Path, server: GitLabServer) -> None:
    """Let GitLab have what the town's repository has."""
    server.add_project("team/checkout", ci=jobs)
    copy = ["git", "clone", "-q", "--mirror", str(folder / "checkout"), str(server.repositories.folder("checkout"))]
    await asyncio.to_thread(subprocess.run, copy, check=True)


@pytest.fixture
async def gitlab(tmp_path):
    async with running(tmp_path / "repositories") as server:
        yield server


@pytest.fixture
async def town(tmp_path, gitlab):
    secret = secrets.token_hex(16)

    def change(settings: Json) -> None:
        use_gitlab(gitlab, tmp_path, secret, settings)

    async with CrashTown.build(tmp_path, change=change, start=False) as built:
        await mirror(tmp_path, gitlab)
        project = project_of(gitlab)
        url = f"http://127.0.0.1:{built.ports['shipmate']}/hooks/gitlab"
        project.hooks.append(Hook(1, url, secret, dict.fromkeys(EVENTS, True), gitlab.time.text()))
        yield built


def project_of(gitlab: GitLabServer) -> Project:
    return gitlab.project_at("team/checkout")


def requests(gitlab: GitLabServer) -> list[str]:
    return [pipeline.variables["SHIPMATE_REQUEST_ID"] for pipeline in project_of(gitlab).pipelines]


async def test_a_release_goes_from_the_channel_through_gitlab(town, gitlab):
    await town.start()
    await town.slash("mia", "/deploy checkout@1.4.2 to production")
    card = await town.see("1.4.2 → production", "waits for approval")
    (build,) = project_of(gitlab).pipelines
    assert build.sha == build.variables["SHIPMATE_SHA"] == await town.sha("1.4.2")
    await town.press("ana", card, "Approve")
    done = await town.see("1.4.2 → production: done")
    assert "production runs *1.4.2*" in words(done)
    _, deploy = project_of(gitlab).pipelines
    assert deploy.variables["SHIPMATE_DIGEST"] == DIGEST, "what was built is what was deployed"
    (deployment,) = project_of(gitlab).deployments
    assert (deployment.environment, deployment.sha, deployment.status) == ("production", build.sha, "success")

    async def told() -> bool:
        return [kind for kind, _ in gitlab.deliveries.sent].count("pipeline") >= 2

    await town.until(told, "a webhook of each pipeline")
    assert {status for _, status in gitlab.deliveries.sent} == {204}


async def test_a_build_that_fails_says_why(town, gitlab):
    project_of(gitlab).ci = [JobSpec(name="unit", trace=b"error: it broke\n", outcome="failed")]
    await town.start()
    await town.slash("mia", "/deploy checkout@1.4.2 to staging")
    await town.see("1.4.2 → staging: failed", "error: it broke")
    assert project_of(gitlab).deployments == []


async def test_killed_after_the_post_nothing_is_built_or_deployed_twice(town, gitlab):
    gitlab.faults.append(Fault(method="POST", part="/pipeline", kind="drop after"))
    await town.start_to_be_killed()
    town.arm("step.build.start:done", "step.deploy.start:done")
    card = await town.carried("/deploy checkout@1.4.2 to staging", "1.4.2 → staging")
    assert ": done" in card["text"]
    assert len(town.points("killed")) == 2
    deployment = card["text"].split()[0]
    assert requests(gitlab) == [f"{deployment}/build", f"{deployment}/deploy"]
    assert len(project_of(gitlab).deployments) == 1


async def test_killed_while_it_says_how_a_commit_fares_it_says_it_once(tmp_path, gitlab):
    """Killed after GitLab took it and before that was kept; then GitLab is away for a while."""

    def change(settings: Json) -> None:
        only_show_at_gitlab(gitlab, tmp_path, settings)

    async with CrashTown.build(tmp_path, change=change, start=False) as town:
        await mirror(tmp_path, gitlab)
        gitlab.faults.append(Fault(method="POST", part="/statuses/", status=503, text="{}", times=2))
        await town.start_to_be_killed()
        town.arm("step.board.check:done")
        card = await town.carried("/deploy checkout@1.4.2 to staging", "1.4.2 → staging")
        assert ": done" in card["text"]

        async def said() -> bool:
            return [one.status for one in project_of(gitlab).statuses] == ["success"]

        await town.until(said, "the commit says that it is deployed")
        (status,) = project_of(gitlab).statuses
        assert (status.name, status.sha) == ("shipmate/staging", await town.sha("1.4.2"))
        assert status.description == f"{card['text'].split()[0]}: 1.4.2 is deployed"
        assert card["ts"].replace(".", "") in str(status.target_url), "it leads to the card"
        assert len(town.points("killed")) == 1
        taken = [body["status"] for method, route, code, body in gitlab.recorded if "statuses" in route and code == 201]
        assert len(taken) == len(set(taken)), "nothing was said twice"

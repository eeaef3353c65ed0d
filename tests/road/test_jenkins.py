"""The road with Jenkins: build and deploy are jobs there, its webhooks wake us, and kills start nothing twice."""

import secrets
from pathlib import Path

import pytest

from bot.demo.configuration import keep_secrets
from tests.road.crash_town import CrashTown
from tests.road.town import Json, words
from tests.servers.jenkins import Build, JenkinsServer, choice, command, text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TAKEN = [text(f"SHIPMATE_{name}") for name in ("REQUEST_ID", "SHA", "VERSION")]
PUT = [*TAKEN, *(text(f"SHIPMATE_{name}") for name in ("ENVIRONMENT", "ARTIFACT", "DIGEST", "FENCE"))]
BUILD = """
git -C "$0" archive "$SHIPMATE_SHA" > checkout.tar
sha=$(sha256sum checkout.tar | cut -c1-64)
printf '{"artifact": "checkout.tar", "digest": "sha256:%s"}' "$sha" > shipmate.json
echo "built $SHIPMATE_VERSION as $sha"
"""
DEPLOY = """
echo "$SHIPMATE_VERSION $SHIPMATE_ARTIFACT $SHIPMATE_DIGEST" > "$0/$SHIPMATE_ENVIRONMENT"
echo "deployed $SHIPMATE_VERSION"
"""


def build_job(server: JenkinsServer, folder: Path) -> None:
    script = command("sh", "-ec", BUILD, str(folder / "checkout"))
    server.add_job("team/build", parameters=[*TAKEN, choice("RING", "all", "one")], script=script)


def deploy_job(server: JenkinsServer, folder: Path) -> None:
    (folder / "places").mkdir()
    server.add_job("team/deploy", parameters=PUT, script=command("sh", "-ec", DEPLOY, str(folder / "places")))


def use_jenkins(server: JenkinsServer, folder: Path, secret: str, settings: Json) -> None:
    """Change a town's configuration: Jenkins builds and deploys the service, nothing is verified."""
    settings["integrations"]["jenkins"] = {
        "type": "jenkins",
        "url": server.url,
        "username": server.username,
        **keep_secrets(folder, token=server.token, webhook_secret=secret),
    }
    settings["slack"]["aliases"].append("build")
    settings["permissions"] += [{"allow": ["build.*", "run.answer"], "to": ["developers"]}]
    service = settings["services"]["checkout"]
    service["build"] = {"with": "jenkins", "job": "team/build", "parameters": {"RING": "one"}}
    for environment in service["environments"]:
        environment["deploy"] = {"with": "jenkins", "job": "team/deploy"}
        environment.pop("verify", None)
        environment.pop("promote_from", None)


@pytest.fixture
async def jenkins():
    async with JenkinsServer() as server:
        yield server


@pytest.fixture
async def town(tmp_path, jenkins):
    secret = secrets.token_hex(16)
    build_job(jenkins, tmp_path)
    deploy_job(jenkins, tmp_path)

    def change(settings: Json) -> None:
        use_jenkins(jenkins, tmp_path, secret, settings)

    async with CrashTown.build(tmp_path, change=change, start=False) as built:
        port = built.ports["shipmate"]
        jenkins.notifier.endpoints.append(f"http://shipmate:{secret}@127.0.0.1:{port}/hooks/jenkins")
        yield built


def place(town: CrashTown, environment: str) -> list[str]:
    path = town.folder / "places" / environment
    return path.read_text().split() if path.exists() else []


def requests(jenkins: JenkinsServer, job: str) -> list[str]:
    return [build.values["SHIPMATE_REQUEST_ID"] for build in jenkins.job(job).builds.values()]


async def test_a_release_goes_from_the_channel_through_jenkins(town, jenkins):
    await town.start()
    await town.slash("mia", "/deploy checkout@1.4.2 to production")
    card = await town.see("1.4.2 → production", "waits for approval")
    (built,) = jenkins.job("team/build").builds.values()
    assert built.values["SHIPMATE_SHA"] == await town.sha("1.4.2")
    assert built.values["RING"] == "one"
    await town.press("ana", card, "Approve")
    done = await town.see("1.4.2 → production: done")
    assert "production runs *1.4.2*" in words(done)
    version, artifact, digest = place(town, "production")
    assert (version, artifact) == ("1.4.2", "checkout.tar")
    assert digest.removeprefix("sha256:") in built.console.text(), "what was built is what was deployed"

    async def told() -> bool:
        return len(jenkins.notifier.sent) == 6

    await town.until(told, "three webhooks of each build")
    assert {status for _, status in jenkins.notifier.sent} == {204}


async def test_a_build_that_fails_says_why_and_one_that_hangs_is_cancelled(town, jenkins):
    jenkins.job("team/build").script = command("sh", "-c", "echo error: it broke; exit 1")
    await town.start()
    await town.slash("mia", "/deploy checkout@1.4.2 to staging")
    await town.see("1.4.2 → staging: failed", "The build failed")
    await town.see("Log of", "error: it broke")
    jenkins.job("team/build").script = None
    await town.slash("mia", "/deploy checkout@1.4.1 to staging")

    async def runs() -> bool:
        return 2 in jenkins.job("team/build").builds

    await town.until(runs, "the second build")
    await town.press("mia", await town.see("1.4.1 → staging"), "Cancel")
    await town.see("1.4.1 → staging: cancelled")
    assert jenkins.job("team/build").builds[2].result == "ABORTED"
    assert place(town, "staging") == []


async def asks(build: Build) -> str:
    async with build.stage("Compile"):
        build.say("compiling")
    async with build.stage("Sign"):
        await build.ask("sign", "Sign it with the release key?", ok="Sign")
    build.say("main.c:7: no such thing")
    return "FAILURE"


async def test_a_pipeline_asks_in_the_channel_and_says_why_it_failed(town, jenkins):
    jenkins.job("team/build").kind = "pipeline"
    jenkins.job("team/build").script = asks
    await town.start()
    await town.slash("mia", "/build run checkout 1.4.2")
    card = await town.see("build of checkout", "Compile", "Sign it with the release key?")
    await town.press("mia", card, "Sign")
    await town.see("build of checkout", ": failed")
    await town.see("no such thing")
    assert len(jenkins.job("team/build").builds) == 1


@pytest.mark.parametrize("phase", ["done", "recorded"])
async def test_killed_after_the_post_nothing_is_built_or_deployed_twice(town, jenkins, phase):
    await town.start_to_be_killed()
    town.arm(f"step.build.start:{phase}", f"step.build.follow:{phase}", f"step.deploy.start:{phase}")
    card = await town.carried("/deploy checkout@1.4.2 to staging", "1.4.2 → staging")
    assert ": done" in card["text"]
    assert len(town.points("killed")) == 3
    deployment = card["text"].split()[0]
    assert requests(jenkins, "team/build") == [f"{deployment}/build"]
    assert requests(jenkins, "team/deploy") == [f"{deployment}/deploy"]
    assert place(town, "staging")[0] == "1.4.2"


async def test_an_answer_that_is_lost_and_a_restart_of_jenkins_cost_nothing(town, jenkins):
    await town.start()
    jenkins.job("team/deploy").script = None
    jenkins.job("team/deploy").kind = "pipeline"
    jenkins.faults.drop("POST .*/job/build/buildWithParameters", after=True)
    await town.slash("mia", "/deploy checkout@1.4.2 to staging")

    async def deploying() -> bool:
        return 1 in jenkins.job("team/deploy").builds

    await town.until(deploying, "the deploy at work")
    jenkins.begin_restart()
    asked = len(jenkins.requests)

    async def looked() -> bool:
        return len(jenkins.requests) > asked + 2

    await town.until(looked, "Shipmate looking in vain")
    jenkins.end_restart()
    jenkins.forget_queue_items()
    jenkins.job("team/deploy").builds[1].finish()
    card = await town.see("1.4.2 → staging: done")
    deployment = card["text"].split()[0]
    assert requests(jenkins, "team/build") == [f"{deployment}/build"]
    assert requests(jenkins, "team/deploy") == [f"{deployment}/deploy"]


async def test_a_forged_webhook_is_turned_away(town, jenkins):
    await town.start()
    url = f"http://127.0.0.1:{town.ports['shipmate']}/hooks/jenkins"
    body = {"build": {"number": 1, "phase": "FINALIZED", "full_url": f"{jenkins.url}/job/nobody/1/"}}
    for headers, status in (({}, 401), ({"Authorization": "Bearer wrong"}, 401)):
        async with town.http.post(url, json=body, headers=headers) as answer:
            assert answer.status == status
    secret = (town.folder / "secrets/webhook_secret").read_text()
    for _ in range(2):  # the second is a replay, for a job that nobody configured
        async with town.http.post(url, json=body, headers={"Authorization": f"Bearer {secret}"}) as answer:
            assert answer.status == 204

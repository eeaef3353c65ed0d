"""The story of a build and of a deploy in a real Jenkins.

`make test-live JENKINS_URL=… JENKINS_USER=… JENKINS_TOKEN=…` runs it there; live.py says what the user needs.
The same story runs on the stand-in, so that what drives it is known to work.
"""

import os

import pytest

from integrations.capabilities.runs import RunState
from integrations.contract import Resources
from integrations.errors import NotFound, Refused
from integrations.jenkins.client import Jenkins
from integrations.jenkins.settings import JenkinsSettings
from tests.integrations.jenkins.live import LiveWork
from tests.integrations.waiting import ended, log_of
from tests.servers.jenkins import Build


def connection(url: str, user: str, token: str) -> Jenkins:
    settings = JenkinsSettings.model_validate({"url": url, "username": user, "token": token, "timeout": 30})
    return Jenkins("jenkins", settings, Resources(state_dir=""))


async def follow_the_story(work: LiveWork) -> None:
    """Do what the contract suites do, in one go: a real Jenkins takes seconds for each build."""
    tracker = work.tracker
    assert (await tracker.ping()).version
    good = await work.start("r-1", "succeeds")
    assert good == await work.start("r-1", "succeeds")
    run = await ended(tracker, good)
    assert (run.state, run.reason, run.ref) == (RunState.SUCCEEDED, "", good)
    assert run.result["artifact"] == "shop.tar"
    assert "one\ntwo\n" in await log_of(tracker, good)
    assert await work.count("r-1") == 1
    bad = await ended(tracker, await work.start("r-2", "fails"))
    assert bad.state is RunState.FAILED
    assert "it broke" in bad.reason
    waits = await work.start("r-3", "waits")
    assert await tracker.find_run("r-3") == waits
    await work.release(waits)
    assert (await ended(tracker, waits)).state is RunState.SUCCEEDED
    cancelled = await work.start("r-4", "waits")
    await tracker.cancel_run(cancelled)
    assert (await ended(tracker, cancelled)).state is RunState.CANCELLED
    with pytest.raises(NotFound):
        await tracker.get_run(work.unknown)
    with pytest.raises(Refused):
        await tracker.answer(good, "promote", {})


async def story(kind: str, url: str, user: str, token: str) -> None:
    tracker = connection(url, user, token)
    async with LiveWork(tracker, kind, url, user, token) as work:
        await follow_the_story(work)
        job = f"{work.folder}/succeeds"
        if kind == "build":
            assert (await tracker.get_job(job)).name == job
            assert [run.number for run in await tracker.list_builds(job)] == ["#1"]
        else:
            running = await tracker.get_running(job, "shop", "staging", "")
            assert running is not None
            assert (running.sha, running.version) == (work.sha, "r-1")
            with pytest.raises(Refused, match="older than 1"):
                await work.start("r-5", "succeeds", fence=0)
    await tracker.close()


@pytest.mark.live
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["build", "deploy"])
async def test_a_real_jenkins(kind):
    wanted = ("JENKINS_URL", "JENKINS_USER", "JENKINS_TOKEN")
    given = [os.environ.get(name, "") for name in wanted]
    if not all(given):
        pytest.skip(f"needs {', '.join(wanted)}")
    await story(kind, *given)


async def succeeds(build: Build) -> None:
    build.say("one\ntwo")
    build.files["shipmate.json"] = b'{"artifact": "shop.tar"}'


async def fails(build: Build) -> None:
    build.say("ERROR: it broke")
    raise RuntimeError("it broke")


async def waits(build: Build) -> None:
    await build.ask("Go", "Go on?")


@pytest.mark.parametrize("kind", ["build", "deploy"])
async def test_the_stand_in(server, kind):
    server.scripts = {"succeeds": succeeds, "fails": fails, "waits": waits}
    await story(kind, server.url, server.username, server.token)

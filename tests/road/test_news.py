"""What a service's channel hears of its repository: failed pipelines, merges and pushes; links shown below messages."""

import asyncio
import secrets
import subprocess

import pytest
import pytest_asyncio

from integrations.gitlab.hooks import EVENTS
from tests.road.test_gitlab import use_gitlab
from tests.road.town import Town, words
from tests.servers.gitlab import pipelines
from tests.servers.gitlab.server import running
from tests.servers.gitlab.state import Hook, JobSpec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

FAILS = [JobSpec(name="unit", trace=b"error: it broke\n", outcome="failed"), JobSpec(name="lint", trace=b"fine\n")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory):
    """A town whose service lives in GitLab and wants to hear of all but what succeeds: (town, server, project)."""
    folder = tmp_path_factory.mktemp("town")
    secret = secrets.token_hex(16)
    async with running(folder / "repositories") as server:
        server_url = server.url.replace("127.0.0.1", "localhost")

        def change(settings):
            use_gitlab(server, folder, secret, settings)
            settings["services"]["checkout"]["news"] = {"merges": True, "pushes": True}
            settings["slack"]["unfurl"] = ["localhost"]
            settings["integrations"]["gitlab"]["url"] = server_url

        async with Town.build(folder, change=change, start=False) as town:
            project = server.add_project("team/checkout", ci=FAILS)
            for name in ("mia", "ana"):
                server.add_user(name)
            there = server.repositories.folder("checkout")
            copy = ["git", "clone", "-q", "--mirror", str(folder / "checkout"), str(there)]
            await asyncio.to_thread(subprocess.run, copy, check=True)
            for one in (project, server.add_project("team/other", ci=FAILS)):
                url = f"http://127.0.0.1:{town.ports['shipmate']}/hooks/gitlab"
                one.hooks.append(Hook(1, url, secret, dict.fromkeys(EVENTS, True), server.time.text()))
            await town.start()
            yield town, server, project


def ran(server, project, ref, *, ci=FAILS):
    """Let a person's push run a pipeline to its end, and GitLab tell of it."""
    project.ci = ci
    made = pipelines.create(server, project, ref, "a" * 40, {}, user=server.users["mia"], source="push")
    pipelines.advance(server, made)
    return made


async def test_a_failed_pipeline_of_the_default_branch_has_one_message_that_goes_on(place):
    town, server, project = place
    quiet = [ran(server, project, "feature"), ran(server, project, "main", ci=[JobSpec(name="unit")])]
    failed = ran(server, project, "main")
    message = await town.see(f"pipeline #{failed.id} failed", "it broke")
    assert "mia" in words(message)
    assert "unit" in words(message)

    async def explained():
        below = [m for m in await town.messages() if m.get("thread_ts") == message["ts"] and m["ts"] != message["ts"]]
        return any("error: it broke" in words(one) for one in below)

    await town.until(explained, "the log in the thread")
    for job in failed.jobs:
        job.status = job.outcome = "success"
    failed.finished_at = None
    pipelines.advance(server, failed)
    again = await town.see(f"pipeline #{failed.id} succeeded")
    assert again["ts"] == message["ts"], "one message for a pipeline"
    for other in quiet:
        assert not [m for m in await town.messages() if f"#{other.id} " in words(m)]


async def test_a_project_nobody_configured_is_nobodys_news(place):
    town, server, project = place
    elsewhere = ran(server, server.project_at("team/other"), "main")
    here = ran(server, project, "main")
    await town.see(f"pipeline #{here.id} failed")
    await server.deliveries.arrived()
    assert {status for _, status in server.deliveries.sent} == {204}
    assert not [m for m in await town.messages("") if f"#{elsewhere.id} " in words(m)]


async def test_pushes_and_merges_are_told_where_they_are_wanted(place):
    town, server, project = place
    refs = await server.repositories.refs("checkout", "heads")
    server.deliveries.push(project, server.users["mia"], "refs/heads/feature", refs["main"], refs["main"])
    server.deliveries.push(project, server.users["ana"], "refs/heads/main", refs["main"], refs["main"])
    await town.see("ana pushed", "to main")
    assert not [m for m in await town.messages() if "mia pushed" in words(m)]


async def test_a_link_to_a_pipeline_is_shown_below_the_message(place):
    town, server, project = place
    failed = ran(server, project, "main")
    url = f"{server.url.replace('127.0.0.1', 'localhost')}/team/checkout/-/pipelines/{failed.id}"
    await town.control("messages", user="mia", channel="checkout", text=f"who looks at {url} ?")

    async def shown():
        return [one for m in await town.messages() for one in m.get("attachments", ()) if one["from_url"] == url]

    (preview,) = await town.until(shown, "a preview")
    assert f"Pipeline #{failed.id} failed" in str(preview["blocks"])
    assert "checkout" in str(preview["blocks"])

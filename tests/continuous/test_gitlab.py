"""Continuous deployment with GitLab, from the webhook to the place: a push that is told twice is one deployment."""

import asyncio
import secrets

import pytest

from bot.demo.repository import behaviour
from integrations.gitlab.hooks import EVENTS
from tests.road.crash_town import CrashTown, release
from tests.road.shop import git
from tests.road.test_gitlab import mirror, project_of, use_gitlab
from tests.road.town import words
from tests.servers.gitlab.server import running
from tests.servers.gitlab.state import Hook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_a_push_is_deployed(tmp_path):
    secret = secrets.token_hex(16)
    async with running(tmp_path / "repositories") as server:

        def change(settings):
            use_gitlab(server, tmp_path, secret, settings)
            settings["services"]["checkout"]["environments"][0]["continuous"] = {"branch": "main"}
            grant = {"allow": ["deployment.start"], "to": ["account:continuous"], "environments": ["staging"]}
            settings["permissions"].append(grant)

        async with CrashTown.build(tmp_path, change=change, start=False) as town:
            await mirror(tmp_path, server)
            project, mine = project_of(server), tmp_path / "checkout"
            url = f"http://127.0.0.1:{town.ports['shipmate']}/hooks/gitlab"
            project.hooks.append(Hook(1, url, secret, dict.fromkeys(EVENTS, True), server.time.text()))
            before = await town.sha("main")
            await town.start()
            await town.until(lambda: town.cards("→ staging: done"), "what was there is deployed at the start")
            await asyncio.to_thread(release, mine, "2.0.0", behaviour())
            after = await town.sha("main")
            await asyncio.to_thread(git, mine, "push", "--quiet", str(server.repositories.folder("checkout")), "main")
            for _ in range(2):
                server.deliveries.push(project, server.users["shipmate"], "refs/heads/main", before, after)
            done = await town.see(f"{after[:7]} → staging: done", "push to main by shipmate")
            assert "continuous" in words(done)
            await town.slash("mia", "/shipmate cd show")
            await town.see(f"continuous from main · last `{after[:7]}`", viewer="mia")
            shas = [deployment.sha for deployment in project.deployments]
            assert shas == [before, after]

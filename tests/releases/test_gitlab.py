"""A release in GitLab (the stand-in): merge requests in its notes, a real tag, one release, also over lost answers."""

import functools
from pathlib import Path

import pytest

from bot.releases.rules import State
from integrations.capabilities.git import Author
from integrations.contract import Resources
from integrations.gitlab.client import GitLab, connect
from integrations.gitlab.settings import GitLabSettings
from tests.deployments.rig import MIA
from tests.integrations.repository import RealHistory
from tests.releases.rig import Rig, up
from tests.servers.gitlab.faults import Fault
from tests.servers.gitlab.server import GitLabServer, running
from tests.servers.gitlab.state import MergeRequest

TOM = Author(name="Tom", email="tom@example.org")


def hosted(adapter: GitLab, rig: Rig) -> None:
    """Let GitLab be the Git host."""
    rig.toolbox.add(adapter)


def shop(server: GitLabServer, history: RealHistory) -> str:
    """Make a project with a release and a merged change; return its head."""
    bob = server.add_user("bob")
    project = server.add_project("team/checkout", {"shipmate": 40, "bob": 40})
    base = history.commit("checkout", "Open", files={"a": b"1"})
    history.tag("checkout", "v1.4.2", base)
    change = history.commit("checkout", "feat(cart): pay by card", files={"a": b"2"}, parents=[base], author=TOM)
    history.branch("checkout", "card", change)
    text = "Merge branch 'card' into 'main'\n\nPay by card\n\nSee merge request team/checkout!1"
    head = history.commit("checkout", text, files={"a": b"2"}, parents=[base, change])
    history.branch("checkout", "main", head)
    now = server.time.text()
    merged = MergeRequest(1, 1, "Pay by card", "card", "main", bob, now, now)
    merged.state, merged.merge_commit_sha = "merged", head
    project.merge_requests.append(merged)
    return head


@pytest.mark.parametrize("lost", ["", "/repository/tags", "/releases"])
async def test_a_release_in_gitlab(tmp_path: Path, lost: str):
    history = RealHistory(tmp_path)
    async with running(tmp_path) as server:
        head = shop(server, history)
        settings = {"url": server.url, "token": "glpat-shipmate", "group": "team", "timeout": 45}
        adapter = await connect("git", GitLabSettings.model_validate(settings), Resources(state_dir=str(tmp_path)))
        try:
            async with up(tmp_path, change=functools.partial(hosted, adapter)) as rig:
                if lost:
                    server.faults.append(Fault(method="POST", part=lost, kind="drop after"))
                release = await rig.gets((await rig.run(MIA, "release cut checkout --yes")).subject, State.CUT)
        finally:
            await adapter.close()
        assert (release.version, release.sha) == ("1.5.0", head)
        assert history.git("checkout", "rev-parse", "v1.5.0^{commit}").decode().strip() == head
        (made,) = server.project_at("team/checkout").releases
        assert (made.tag, made.sha) == ("v1.5.0", head)
        assert "### Features\n\n- **cart:** pay by card" in made.description
        assert "/merge_requests/1) Pay by card by bob" in made.description
        assert release.url.endswith("/-/releases/v1.5.0")
        posts = [path for method, path, _ in server.requests if method == "POST"]
        assert len(posts) == 2

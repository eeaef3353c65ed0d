"""Addresses of GitLab's own pages: which are recognised, and what is said of what is there."""

import pytest

from tests.servers.gitlab import pipelines
from tests.servers.gitlab.state import DEVELOPER, Deployment, Issue, JobSpec, MergeRequest, Release


@pytest.fixture
async def there(server, adapter, real_history):
    """A project with a merge request, a failed pipeline and two issues: (adapter, project, sha)."""
    project = server.add_project("team/shop", {"shipmate": DEVELOPER})
    base = real_history.commit("shop", "Start", files={"a": b"1"})
    real_history.branch("shop", "main", base)
    sha = real_history.commit("shop", "Add a discount", files={"a": b"2"}, parents=[base])
    real_history.branch("shop", "discount", sha)
    mia, now = server.add_user("mia"), server.time.text()
    project.merge_requests.append(MergeRequest(server.new_id(), 7, "Add a discount", "discount", "main", mia, now, now))
    project.ci = [JobSpec(name="unit", trace=b"error: it broke\n", outcome="failed")]
    pipeline = pipelines.create(server, project, "main", base, {}, user=mia)
    pipelines.advance(server, pipeline)
    for number, hidden in ((1, False), (2, True)):
        issue = Issue(server.new_id(), number, f"Broken {number}", "", mia, now, now)
        issue.confidential = hidden
        project.issues.append(issue)
    return await adapter(), project, pipeline, base


async def seen(adapter, path):
    link = adapter.recognise(f"{adapter._api.settings.url}/{path}")
    assert link is not None, path
    assert link.project == "team/shop"
    return await adapter.preview(link)


async def test_what_is_behind_each_page(there):
    adapter, _, pipeline, base = there
    request = await seen(adapter, "team/shop/-/merge_requests/7/diffs#note_3")
    assert request.title == "!7 Add a discount"
    assert {"open", "by mia", "discount → main"} <= set(request.facts)
    run = await seen(adapter, f"team/shop/-/pipelines/{pipeline.id}")
    assert run.title == f"Pipeline #{pipeline.id} failed"
    assert "failed: unit" in run.facts
    assert "main" in run.facts
    commit = await seen(adapter, f"team/shop/-/commit/{base}")
    assert (commit.title, commit.facts[0][:3]) == (f"{base[:7]} Start", "by ")
    issue = await seen(adapter, "team/shop/-/issues/1")
    assert (issue.title, issue.facts[0]) == ("#1 Broken 1", "open")


async def test_jobs_releases_and_environments(there, server):
    adapter, project, pipeline, base = there
    job = await seen(adapter, f"team/shop/-/jobs/{pipeline.jobs[0].id}#L3")
    assert (job.title, job.text) == ("Job unit failed", "script failure")
    assert {"test", f"#{pipeline.id}", "main"} <= set(job.facts)
    now, mia = server.time.text(), server.users["mia"]
    project.releases.append(Release("v1.4/rc1", "Spring", "## Discounts\n\n* faster", base, mia, now))
    release = await seen(adapter, "team/shop/-/releases/v1.4%2Frc1")
    assert (release.title, release.text) == ("Release Spring", "Discounts")
    assert release.facts[:2] == ("v1.4/rc1", base[:7])
    project.deployments.append(Deployment(9, 1, "production", base, "v1.4", True, "success", mia, now, now))
    place = await seen(adapter, "team/shop/-/environments/1")
    assert place.title == "Environment production"
    assert place.facts[:3] == (f"v1.4 {base[:7]}", "success", "by mia")
    for gone in ("jobs/999999", "releases/v9", "environments/7"):
        assert await seen(adapter, f"team/shop/-/{gone}") is None


async def test_what_is_not_there_or_not_for_all_is_not_shown(there):
    adapter, *_ = there
    assert await seen(adapter, "team/shop/-/issues/2") is None, "it is confidential"
    assert await seen(adapter, "team/shop/-/merge_requests/8") is None
    assert await seen(adapter, "team/shop/-/pipelines/999999") is None


async def test_other_addresses_are_not_recognised(there):
    adapter, *_ = there
    url = adapter._api.settings.url
    for other in (
        "https://elsewhere.example/team/shop/-/issues/1",
        f"{url}/team/shop",
        f"{url}/team/shop/-/issues",
        f"{url}/team/shop/-/issues/abc",
        f"{url}/team/shop/-/releases",
        f"{url}/team/shop/-/environments/folders/review",
        f"{url}/team/shop/-/commit/12",
        f"{url}.example/team/shop/-/issues/1",
        "not an address",
        "http://[",
    ):
        assert adapter.recognise(other) is None, other

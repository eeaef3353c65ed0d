"""Against a real GitLab: `make test-live GITLAB_URL=… GITLAB_TOKEN=… GITLAB_PROJECT=group/project`.

It reads a project that has a tag and a branch. Where GITLAB_BUILD is set too, it runs the project's pipeline once, on
its default branch.
"""

import os
import uuid

import pytest

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.git import RefKind
from integrations.contract import Resources
from integrations.errors import NotFound
from integrations.gitlab.client import connect
from integrations.gitlab.settings import GitLabSettings
from tests.integrations.waiting import ended, log_of

NEEDED = ("GITLAB_URL", "GITLAB_TOKEN", "GITLAB_PROJECT")
pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(900),
    pytest.mark.skipif(any(not os.environ.get(name) for name in NEEDED), reason=f"needs {', '.join(NEEDED)}"),
]


@pytest.fixture
def project():
    return os.environ["GITLAB_PROJECT"]


@pytest.fixture
async def gitlab(tmp_path):
    settings = GitLabSettings.model_validate({"url": os.environ["GITLAB_URL"], "token": os.environ["GITLAB_TOKEN"]})
    adapter = await connect("gitlab", settings, Resources(state_dir=str(tmp_path)))
    yield adapter
    await adapter.close()


async def test_it_answers_and_knows_who_we_are(gitlab):
    pong = await gitlab.ping()
    assert pong.version
    assert pong.identity


async def test_a_project_is_read(gitlab, project):
    refs = await gitlab.list_refs(project, limit=200)
    assert {RefKind.TAG, RefKind.BRANCH} <= {ref.kind for ref in refs}
    for ref in (refs[0], refs[-1]):
        assert await gitlab.resolve_ref(project, ref.name) == ref
        assert (await gitlab.get_commit(project, ref.sha)).sha == ref.sha
        assert (await gitlab.resolve_ref(project, ref.sha[:12])).sha == ref.sha
        await gitlab.list_checks(project, ref.sha)
    between = await gitlab.compare(project, refs[0].sha, refs[-1].sha)
    assert between.total >= len(between.commits)
    assert await gitlab.read_file(project, refs[-1].sha, "no/such/file") is None
    with pytest.raises(NotFound):
        await gitlab.resolve_ref(project, f"no-such-{uuid.uuid4()}")
    with pytest.raises(NotFound):
        await gitlab.get_job(f"{project}-{uuid.uuid4()}")


async def test_work_is_listed(gitlab, project):
    for run in await gitlab.list_builds(project, limit=3):
        assert (await gitlab.get_run(run.ref)).sha == run.sha
        await gitlab.read_log(run.ref)
        await gitlab.get_report(run.ref)
    for one in await gitlab.list_merge_requests(project, limit=3):
        assert (await gitlab.get_merge_request(project, one.number)).sha == one.sha
    for issue in await gitlab.list_issues(project, limit=3):
        assert await gitlab.get_issue(project, issue.key) == issue


@pytest.mark.skipif(not os.environ.get("GITLAB_BUILD"), reason="runs a pipeline only where GITLAB_BUILD is set")
async def test_a_pipeline_is_run_once(gitlab, project):
    request = BuildRequest(request_id=f"live-{uuid.uuid4()}", job=project, project=project, sha="", version="live")
    ref = await gitlab.start_build(request)
    assert await gitlab.start_build(request) == ref
    gitlab._known.clear()
    assert await gitlab.find_run(request.request_id) == ref
    run = await ended(gitlab, ref)
    assert run.number in run.url.replace("/pipelines/", "/pipelines/#")
    assert await log_of(gitlab, ref)

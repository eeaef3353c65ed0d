"""The adapter, over the stand-in and real Git, keeps the contracts of its capabilities."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.delivery import Delivered
from integrations.capabilities.deploys import DeployRequest
from integrations.capabilities.git import Check, CheckState
from integrations.capabilities.persons import Grant
from integrations.capabilities.runs import RunRef
from integrations.errors import BadReply, NotPermitted, OutcomeUnknown, Refused
from integrations.gitlab.client import GitLab
from tests.integrations.contract.delivery import DeliveryBoardContract
from tests.integrations.contract.git import GitHostContract
from tests.integrations.contract.issues import IssueTrackerContract, PersonalIssuesContract, request
from tests.integrations.contract.merge_requests import MergeRequestsContract
from tests.integrations.contract.persons import CHALLENGE, REDIRECT, VERIFIER, PersonalAccessContract
from tests.integrations.contract.releases import DRAFT, ReleaseHostContract
from tests.integrations.contract.reports import Case, ReportsContract
from tests.integrations.contract.runs import BuildServerContract, DeployerContract, Work
from tests.integrations.gitlab.conftest import TOKEN
from tests.integrations.repository import RealHistory
from tests.servers.gitlab import pipelines
from tests.servers.gitlab.faults import Fault
from tests.servers.gitlab.server import GitLabServer
from tests.servers.gitlab.state import MAINTAINER, JobSpec, MergeRequest, Project, Status

STATUS = {CheckState.PENDING: "running", CheckState.PASSED: "success", CheckState.FAILED: "failed"}
DIGEST = f"sha256:{'ab' * 32}"
RESULT = b'{"artifact": "registry.example.org/shop:1", "digest": "%s"}' % DIGEST.encode()


class ServedHistory:
    """Commits written by real git into repositories that the stand-in serves."""

    def __init__(self, real: RealHistory, server: GitLabServer, host: GitLab) -> None:
        self.host = host
        self._real = real
        self._server = server
        self.tag = real.tag
        self.branch = real.branch

    def commit(self, project: str, *arguments: Any, **options: Any) -> str:
        sha = self._real.commit(project, *arguments, **options)
        self._real.git(project, "update-ref", f"refs/keep-around/{sha}", sha)  # as GitLab does
        return sha

    def check(self, project: str, sha: str, *checks: Check) -> None:
        at = self._server.project_at(f"team/{project}")
        author = self._server.users["shipmate"]
        at.statuses += [
            Status(
                self._server.new_id(), sha, check.name, STATUS[check.state], author, self._server.time.text(),
                target_url=check.url or None,
            )
            for check in checks
        ]  # fmt: skip


class TestGitHost(GitHostContract):
    numbers = (139, 180)  # what a search finds first: both begin with f370

    @pytest.fixture
    async def history(self, server, adapter, real_history):
        server.add_project("team/shop")
        return ServedHistory(real_history, server, await adapter())


class ServedReleasing:
    """A project of two commits, with a host of releases."""

    def __init__(self, real: RealHistory, host: GitLab) -> None:
        self.host = host
        self.first = real.commit("shop", "First", files={"a": b"1"})
        self.second = real.commit("shop", "Second", files={"a": b"2"}, parents=[self.first])
        real.branch("shop", "main", self.second)


class TestReleaseHost(ReleaseHostContract):
    @pytest.fixture
    async def releasing(self, server, adapter, real_history):
        server.add_project("team/shop")
        return ServedReleasing(real_history, await adapter())

    async def test_a_protected_tag_is_refused_in_words(self, server, releasing):
        server.project_at("team/shop").protected_tags.add("v1.4.2")
        with pytest.raises(NotPermitted, match="protected"):
            await releasing.host.create_tag("shop", "v1.4.2", releasing.first, "x")

    async def test_the_lost_answer_to_a_tag_is_looked_up(self, server, releasing):
        server.faults.append(Fault(method="POST", part="/repository/tags", kind="drop after"))
        with pytest.raises(OutcomeUnknown):
            await releasing.host.create_tag("shop", "v1.4.2", releasing.first, "x")
        assert (await releasing.host.create_tag("shop", "v1.4.2", releasing.first, "x")).message == "x"
        assert len([path for method, path, _ in server.requests if method == "POST"]) == 1

    async def test_the_lost_answer_to_a_release_is_looked_up(self, server, releasing):
        await releasing.host.create_tag("shop", "v1.4.2", releasing.first, "x")
        server.faults.append(Fault(method="POST", part="/releases", kind="drop after"))
        with pytest.raises(OutcomeUnknown):
            await releasing.host.create_release("shop", DRAFT)
        assert (await releasing.host.create_release("shop", DRAFT)).notes == DRAFT.notes
        assert len([path for method, path, _ in server.requests if method == "POST" and "releases" in path]) == 1


class ServedWork(Work):
    """Projects whose pipelines have one job each."""

    def __init__(self, tracker: GitLab, server: GitLabServer, kind: str, sha: str) -> None:
        self.tracker = tracker
        self.unknown = RunRef(tracker.instance, "1/999")
        self.sha = sha
        self._server = server
        self._kind = kind

    async def start(self, request: str, job: str, *, fence: int = 1) -> RunRef:
        if self._kind == "build":
            return await self.tracker.start_build(
                BuildRequest(request_id=request, job=job, project="shop", sha=self.sha, version=request)
            )
        return await self.tracker.start_deploy(
            DeployRequest(
                request_id=request, job=job, service="shop", environment="staging", target="", project="shop",
                sha=self.sha, version=request, fence=fence,
            )
        )  # fmt: skip

    async def release(self, ref: RunRef) -> None:
        for pipeline in self._pipelines():
            if ref.id.endswith(f"/{pipeline.id}"):
                pipeline.jobs[0].outcome = "success"
                pipelines.advance(self._server, pipeline)

    async def effects(self, request: str) -> int:
        return sum(one.variables.get("SHIPMATE_REQUEST_ID") == request for one in self._pipelines())

    def _pipelines(self):
        return [pipeline for project in self._server.projects.values() for pipeline in project.pipelines]


def jobs() -> Mapping[str, JobSpec]:
    return {
        "succeeds": JobSpec(
            name="make", trace=b"one\ntwo\n", environment="staging", artifacts={"shipmate.json": RESULT}
        ),
        "fails": JobSpec(
            name="make", trace=b"it broke\n\x1b[31;1mERROR: Job failed: exit code 3\n", outcome="failed"
        ),
        "waits": JobSpec(name="make", trace=b"waiting\n", outcome=None),
    }  # fmt: skip


@pytest.fixture
def sha(server, real_history):
    """Return the commit that the projects of all three jobs have at their main branch."""
    shas = set()
    for name, spec in jobs().items():
        server.add_project(f"team/{name}", ci=[spec])
        shas.add(real_history.commit(name, "First", files={"a.txt": b"1"}))
        real_history.branch(name, "main", max(shas))
    (only,) = shas
    return only


class TestBuilds(BuildServerContract):
    @pytest.fixture
    async def work(self, server, adapter, sha):
        return ServedWork(await adapter(), server, "build", sha)


class TestDeploys(DeployerContract):
    @pytest.fixture
    async def work(self, server, adapter, sha):
        return ServedWork(await adapter(), server, "deploy", sha)


async def test_fences_are_read_again_after_a_restart(server, adapter, sha):
    work = ServedWork(await adapter(), server, "deploy", sha)
    await work.start("r-1", "succeeds", fence=7)
    work.tracker = await adapter()
    with pytest.raises(Exception, match="newer claim"):
        await work.start("r-2", "succeeds", fence=6)
    assert TOKEN not in repr(work.tracker)


OAUTH = {"oauth_client_id": "shipmate-app", "oauth_client_secret": "s3cret"}
PEOPLE = ("ada", "bob", "eve")


@pytest.fixture
def people(server):
    """Let there be people, and an OAuth application that they can sign in to."""
    server.applications["shipmate-app"] = {"secret": "s3cret", "redirect_uris": {REDIRECT, f"{REDIRECT}/2"}}
    for name in PEOPLE:
        server.add_user(name, public_email=f"{name}@example.org" if name == "ada" else "")


class ServedSigningIn:
    """Browsers in which the people are signed in."""

    def __init__(self, server: GitLabServer, tool: GitLab) -> None:
        self.tool = tool
        self._server = server

    async def sign_in(self, url: str, username: str) -> str:
        cookies = SimpleCookie({"user": username})
        async with (
            aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return answer.headers["Location"]

    async def grant(self, username: str) -> Grant:
        back = await self.sign_in(self.tool.sign_in_url(REDIRECT, "state", CHALLENGE), username)
        return await self.tool.redeem(parse_qs(urlsplit(back).query)["code"][0], REDIRECT, VERIFIER)

    def end_all(self, username: str) -> None:
        for token in self._server.tokens.values():
            token.revoked = token.revoked or token.user.username == username


class TestPersonalAccess(PersonalAccessContract):
    @pytest.fixture
    async def signing(self, server, adapter, people):
        return ServedSigningIn(server, await adapter(**OAUTH))


class ServedReview(ServedSigningIn):
    """Merge requests of branches that real git merges."""

    def __init__(self, server: GitLabServer, host: GitLab, project: Project, real: RealHistory) -> None:
        super().__init__(server, host)
        self.host = host
        self._project = project
        self._real = real
        self._base = real.commit("shop", "Base", files={"a.txt": b"1"})
        real.branch("shop", "main", self._base)

    async def open(self, author: str, *, approvals: int = 0) -> int:
        number = len(self._project.merge_requests) + 1
        now = self._server.time.text()
        one = MergeRequest(
            self._server.new_id(), number, f"Change {number}", f"change-{number}", "main", self._server.users[author],
            now, now, approvals_required=approvals, mergers=["ada", "bob"],
        )  # fmt: skip
        self._project.merge_requests.append(one)
        await self.push(number)
        return number

    async def push(self, number: int) -> None:
        branch = f"change-{number}"
        heads = await self._server.repositories.refs("shop", "heads")
        files = {"a.txt": b"1", branch: heads.get(branch, "first").encode()}
        sha = self._real.commit("shop", f"Work on {branch}", files=files, parents=[heads.get(branch, self._base)])
        self._real.branch("shop", branch, sha)

    async def close(self, number: int) -> None:
        one = self._project.merge_requests[number - 1]
        one.state, one.updated_at = "closed", self._server.time.text()


class TestMergeRequests(MergeRequestsContract):
    @pytest.fixture
    async def review(self, server, adapter, people, real_history):
        project = server.add_project("team/shop", dict.fromkeys(("shipmate", *PEOPLE), MAINTAINER))
        return ServedReview(server, await adapter(**OAUTH), project, real_history)


class TestIssues(IssueTrackerContract):
    @pytest.fixture
    async def tracker(self, server, adapter, people):
        server.add_project("team/shop")
        return await adapter()


class TestPersonalIssues(PersonalIssuesContract):
    @pytest.fixture
    async def keeping(self, server, adapter, people):
        server.add_project("team/shop", dict.fromkeys(("shipmate", *PEOPLE), MAINTAINER))
        return ServedSigningIn(server, await adapter(**OAUTH))

    async def test_who_is_no_member_is_refused_and_nothing_is_done(self, keeping, server):
        server.project_at("team/shop").members.pop("eve")
        eve = await keeping.grant("eve")
        with pytest.raises(Refused, match="does not show shop to this person"):
            await keeping.tool.create_issue_as(request("r-1"), eve)
        server.project_at("team/shop").members["eve"] = 10
        with pytest.raises(Refused, match="this person may not do that"):
            await keeping.tool.create_issue_as(request("r-1"), eve)
        assert list(await keeping.tool.list_issues("shop")) == []


class ServedBoard:
    """What people see at the stand-in."""

    def __init__(self, board: GitLab, project: Project, sha: str) -> None:
        self.board = board
        self.sha = sha
        self._project = project

    async def entries(self):
        states = {"running": Delivered.RUNNING, "success": Delivered.SUCCEEDED}
        states |= {"failed": Delivered.FAILED, "canceled": Delivered.CANCELLED}
        return [(one.environment, one.sha, states[one.status]) for one in self._project.deployments]

    def statuses(self):
        return self._project.statuses

    async def checks(self):
        return await self.board.list_checks("shop", self.sha)


class TestDeliveryBoard(DeliveryBoardContract):
    @pytest.fixture
    async def world(self, server, adapter, real_history):
        project = server.add_project("team/shop")
        sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
        real_history.branch("shop", "main", sha)
        return ServedBoard(await adapter(), project, sha)

    async def test_a_status_that_is_over_is_not_said_twice_but_another_one_is(self, world):
        """GitLab makes another entry each time it is told of a status that is over."""
        for state in (CheckState.PENDING, CheckState.FAILED, CheckState.FAILED, CheckState.PENDING, CheckState.FAILED):
            await world.board.set_check("shop", world.sha, "shipmate/staging", state, url="https://x.example.org/1")
        assert [one.status for one in world.statuses()] == ["failed", "failed"]
        await world.board.set_check(
            "shop", world.sha, "shipmate/staging", CheckState.FAILED, url="https://x.example.org/2"
        )
        assert [one.target_url for one in world.statuses()][2:] == ["https://x.example.org/2"]

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            (403, '{"message": "403 Forbidden"}'),
            (404, '{"message": "404 Not found"}'),
            (410, '{"message": "410 Gone"}'),
        ],
    )
    async def test_a_status_that_gitlab_does_not_take_is_an_error_of_ours(self, world, server, status, text):
        server.faults.append(Fault(method="POST", part="/statuses/", status=status, text=text))
        with pytest.raises((NotPermitted, Refused, BadReply)):
            await world.board.set_check("shop", world.sha, "shipmate/staging", CheckState.PASSED)

    async def test_a_status_in_an_archived_project_says_that_it_is_archived(self, world, server):
        server.project_at("team/shop").archived = True
        with pytest.raises(Refused, match="archived"):
            await world.board.set_check("shop", world.sha, "shipmate/staging", CheckState.PASSED)

    async def test_after_a_restart_the_entry_that_goes_on_is_the_one(self, world, adapter):
        await world.board.show_deployment(self.note(world, Delivered.RUNNING))
        for _ in range(2):
            world.board = await adapter()
            await world.board.show_deployment(self.note(world, Delivered.SUCCEEDED))
        assert await world.entries() == [("staging", world.sha, Delivered.SUCCEEDED)]


class ServedTests:
    """A project whose pipelines have one job that reports the tests it is told."""

    def __init__(self, source: GitLab, project: Project, sha: str) -> None:
        self.source = source
        self.unknown = RunRef(source.instance, "1/999")
        self._project = project
        self._sha = sha

    async def run(self, request_id: str, *cases: Case) -> RunRef:
        self._project.ci = [JobSpec(name="unit", report=[_case(*one) for one in cases])]
        ref = await self.source.start_build(
            BuildRequest(request_id=request_id, job="shop", project="shop", sha=self._sha, version=request_id)
        )
        await self.source.get_run(ref)
        return ref


def _case(suite: str, name: str, state: str, message: str) -> dict[str, object]:
    return {
        "status": {"passed": "success"}.get(state, state), "name": name, "classname": suite, "file": None,
        "execution_time": 0.5, "system_output": message or None, "stack_trace": None, "recent_failures": None,
    }  # fmt: skip


class TestReportsOfPipelines(ReportsContract):
    @pytest.fixture
    async def tested(self, server, adapter, real_history):
        project = server.add_project("team/shop", {"shipmate": MAINTAINER})
        sha = real_history.commit("shop", "First")
        real_history.branch("shop", "main", sha)
        return ServedTests(await adapter(), project, sha)

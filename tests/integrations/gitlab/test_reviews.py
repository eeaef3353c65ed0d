"""Merge requests beside the contract: what stands in their way, and what happens meanwhile."""

import pytest

from integrations.capabilities.merge_requests import MergeState
from integrations.capabilities.runs import RunState
from integrations.errors import OutcomeUnknown, Refused
from tests.integrations.gitlab.test_contract import OAUTH, PEOPLE, ServedReview, people
from tests.servers.gitlab import pipelines, reviews
from tests.servers.gitlab.faults import Fault
from tests.servers.gitlab.state import MAINTAINER, JobSpec

__all__ = ["people"]


@pytest.fixture
async def review(server, adapter, people, real_history):
    project = server.add_project("team/shop", dict.fromkeys(("shipmate", *PEOPLE), MAINTAINER))
    return ServedReview(server, await adapter(**OAUTH), project, real_history)


async def merged_by(review, number: int, username: str):
    sha = (await review.host.get_merge_request("shop", number)).sha
    return await review.host.merge("shop", number, sha, await review.grant(username))


async def test_what_stands_in_the_way_is_said(review, server):
    number = await review.open("ada")
    one = review._project.merge_requests[0]
    one.draft = True
    found = await review.host.get_merge_request("shop", number)
    assert (found.draft, found.obstacles) == (True, ("it is a draft",))
    with pytest.raises(Refused, match="cannot be merged now: it is a draft"):
        await merged_by(review, number, "bob")
    one.draft, one.checking = False, True
    found = await review.host.get_merge_request("shop", number)
    assert (found.obstacles, found.conflicts) == (None, None)
    one.checking, one.pipeline_must_pass = False, True
    review._project.ci = [JobSpec(name="unit", outcome=None)]
    pipeline = pipelines.create(server, review._project, one.source, one.head, {}, user=one.author)
    pipelines.advance(server, pipeline)
    found = await review.host.get_merge_request("shop", number)
    assert (found.pipeline, found.obstacles) == (RunState.RUNNING, ("its pipeline is still running",))
    pipeline.jobs[0].outcome = "success"
    pipelines.advance(server, pipeline)
    assert (await merged_by(review, number, "bob")).state is MergeState.MERGED


async def test_a_conflict_that_real_git_has(review, real_history):
    number = await review.open("ada")
    other = real_history.commit("shop", "Other", files={"a.txt": b"1", "change-1": b"other"}, parents=[review._base])
    real_history.branch("shop", "main", other)
    found = await review.host.get_merge_request("shop", number)
    assert (found.conflicts, found.obstacles) == (True, ("it conflicts with its target branch",))
    with pytest.raises(Refused, match="conflicts with its target"):
        await merged_by(review, number, "bob")


async def test_what_somebody_else_merges_meanwhile_is_merged(review, server):
    number = await review.open("ada")
    sha = (await review.host.get_merge_request("shop", number)).sha
    bob = await review.grant("bob")
    one = review._project.merge_requests[0]

    class Meanwhile(Fault):
        def fits(self, request):
            if super().fits(request):
                one.state = "merged"
                one.merge_commit_sha = "f" * 40
                self.met += 1
            return False

    server.faults.append(Meanwhile(method="PUT", part="/merge"))
    assert (await review.host.merge("shop", number, sha, bob)).merge_sha == "f" * 40


async def test_a_merge_whose_answer_is_lost_is_not_made_twice(review, server):
    number = await review.open("ada")
    server.faults.append(Fault(method="PUT", part="/merge", kind="drop after"))
    with pytest.raises(OutcomeUnknown):
        await merged_by(review, number, "bob")
    heads = await server.repositories.refs("shop", "heads")
    assert (await merged_by(review, number, "bob")).merge_sha == heads["main"]
    assert await server.repositories.refs("shop", "heads") == heads


async def test_who_is_no_approver_is_told_so_and_is_not_signed_out(review):
    number = await review.open("ada", approvals=1)
    review._project.merge_requests[0].approvers = ["ada"]
    sha = (await review.host.get_merge_request("shop", number)).sha
    with pytest.raises(Refused, match="not an eligible approver"):
        await review.host.approve_merge_request("shop", number, sha, await review.grant("bob"))


async def test_a_decision_is_the_persons_and_never_ours(review, server):
    number = await review.open("ada", approvals=1)
    sha = (await review.host.get_merge_request("shop", number)).sha
    bob = await review.grant("bob")
    server.requests.clear()
    await review.host.approve_merge_request("shop", number, sha, bob)
    await review.host.merge("shop", number, sha, bob)
    assert server.requests
    for method, path, headers in server.requests:
        assert "PRIVATE-TOKEN" not in headers, (method, path)
        assert headers["Authorization"] == f"Bearer {bob.access_token.get_secret_value()}"
        assert not {"Sudo", "sudo"} & set(headers)
    assert review._project.merge_requests[0].approved_by == [server.users["bob"]]


async def test_without_an_application_nobody_signs_in(adapter):
    with pytest.raises(Refused, match="no OAuth application is configured"):
        (await adapter()).sign_in_url("https://x.example.org", "s", "c")


async def test_a_merge_in_gitlab_itself_is_seen(review, server):
    number = await review.open("ada")
    await review.host.get_merge_request("shop", number)
    await reviews.perform(server, review._project, review._project.merge_requests[0])
    assert (await review.host.get_merge_request("shop", number)).state is MergeState.MERGED

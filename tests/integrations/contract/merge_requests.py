"""The contract of MergeRequests."""

from typing import Protocol

import pytest

from integrations.capabilities.merge_requests import MergeRequests, MergeState
from integrations.capabilities.persons import Grant
from integrations.errors import NotAuthenticated, NotFound, Refused

PROJECT = "shop"
UNKNOWN = "0123456789" * 4


class Review(Protocol):
    """What the suite needs: a tool with people ada and bob, who may merge, and eve, who may not, and their grants."""

    host: MergeRequests

    async def grant(self, username: str) -> Grant: ...

    async def open(self, author: str, *, approvals: int = 0) -> int:
        """Open a merge request in PROJECT that can be merged once so many have approved; return its number."""
        ...

    async def push(self, number: int) -> None:
        """Let its head move."""
        ...

    async def close(self, number: int) -> None: ...

    def end_all(self, username: str) -> None: ...


class MergeRequestsContract:
    """Derive from it and override `review`."""

    @pytest.fixture
    def review(self) -> Review:
        raise NotImplementedError

    async def test_is_a_host_of_merge_requests(self, review):
        assert isinstance(review.host, MergeRequests)

    async def test_one_is_shown(self, review):
        number = await review.open("ada")
        found = await review.host.get_merge_request(PROJECT, number)
        assert (found.project, found.number, found.author, found.target) == (PROJECT, number, "ada", "main")
        assert (found.state, found.obstacles, list(found.approved_by)) == (MergeState.OPEN, (), [])
        assert len(found.sha) == 40
        with pytest.raises(NotFound):
            await review.host.get_merge_request(PROJECT, number + 1)

    async def test_they_are_listed_by_state_newest_change_first(self, review):
        numbers = [await review.open("ada") for _ in range(3)]
        await review.close(numbers[1])
        listed = await review.host.list_merge_requests(PROJECT)
        assert [one.number for one in listed] == [numbers[2], numbers[0]]
        assert len(await review.host.list_merge_requests(PROJECT, limit=1)) == 1
        closed = await review.host.list_merge_requests(PROJECT, MergeState.CLOSED)
        assert [one.number for one in closed] == [numbers[1]]
        assert list(await review.host.list_merge_requests(PROJECT, MergeState.MERGED)) == []

    async def test_a_person_approves_at_the_head_they_saw_once(self, review):
        number = await review.open("ada", approvals=1)
        sha = (await review.host.get_merge_request(PROJECT, number)).sha
        bob = await review.grant("bob")
        for _ in range(2):
            approved = await review.host.approve_merge_request(PROJECT, number, sha, bob)
            assert (list(approved.approved_by), approved.approvals_left) == (["bob"], 0)

    async def test_what_moved_meanwhile_is_neither_approved_nor_merged(self, review):
        number = await review.open("ada")
        sha = (await review.host.get_merge_request(PROJECT, number)).sha
        await review.push(number)
        bob = await review.grant("bob")
        for decide in (review.host.approve_merge_request, review.host.merge):
            with pytest.raises(Refused):
                await decide(PROJECT, number, sha, bob)
        found = await review.host.get_merge_request(PROJECT, number)
        assert (found.state, list(found.approved_by)) == (MergeState.OPEN, [])

    async def test_a_person_merges_once(self, review):
        number = await review.open("ada")
        sha = (await review.host.get_merge_request(PROJECT, number)).sha
        bob = await review.grant("bob")
        merged = await review.host.merge(PROJECT, number, sha, bob)
        assert (merged.state, len(merged.merge_sha)) == (MergeState.MERGED, 40)
        again = await review.host.merge(PROJECT, number, sha, bob)
        assert again.merge_sha == merged.merge_sha

    async def test_what_lacks_an_approval_is_not_merged_and_the_reason_says_so(self, review):
        number = await review.open("ada", approvals=1)
        found = await review.host.get_merge_request(PROJECT, number)
        assert found.obstacles
        with pytest.raises(Refused, match="approval"):
            await review.host.merge(PROJECT, number, found.sha, await review.grant("bob"))

    async def test_who_may_not_merge_does_not(self, review):
        number = await review.open("ada")
        sha = (await review.host.get_merge_request(PROJECT, number)).sha
        with pytest.raises(Refused):
            await review.host.merge(PROJECT, number, sha, await review.grant("eve"))
        assert (await review.host.get_merge_request(PROJECT, number)).state is MergeState.OPEN

    async def test_what_is_closed_takes_no_decision(self, review):
        number = await review.open("ada")
        sha = (await review.host.get_merge_request(PROJECT, number)).sha
        await review.close(number)
        bob = await review.grant("bob")
        for decide in (review.host.approve_merge_request, review.host.merge):
            with pytest.raises(Refused):
                await decide(PROJECT, number, sha, bob)

    async def test_a_grant_that_has_ended_decides_nothing(self, review):
        number = await review.open("ada")
        sha = (await review.host.get_merge_request(PROJECT, number)).sha
        bob = await review.grant("bob")
        review.end_all("bob")
        for decide in (review.host.approve_merge_request, review.host.merge):
            with pytest.raises(NotAuthenticated):
                await decide(PROJECT, number, sha, bob)

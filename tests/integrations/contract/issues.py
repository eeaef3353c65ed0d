"""The contract of IssueTracker."""

import pytest

from integrations.capabilities.issues import IssueRequest, IssueTracker
from integrations.errors import NotFound, Refused

PROJECT = "shop"


def request(ident: str, title: str = "It broke", **about: object) -> IssueRequest:
    return IssueRequest(request_id=ident, project=PROJECT, title=title, **about)  # type: ignore[arg-type]


class IssueTrackerContract:
    """Derive from it and override `tracker`: a tracker with an empty project PROJECT and the users ada and bob."""

    @pytest.fixture
    def tracker(self) -> IssueTracker:
        raise NotImplementedError

    async def test_is_an_issue_tracker(self, tracker):
        assert isinstance(tracker, IssueTracker)

    async def test_an_issue_is_created_once_for_a_request(self, tracker):
        asked = request("D-1042/issue", body="Since **14:05**", labels=("bug", "checkout"), assignee="ada")
        issue = await tracker.create_issue(asked)
        assert (issue.title, issue.is_open, list(issue.assignees)) == ("It broke", True, ["ada"])
        assert (set(issue.labels), issue.project) == ({"bug", "checkout"}, PROJECT)
        assert issue.url.startswith("http")
        assert await tracker.create_issue(asked) == issue
        assert (await tracker.create_issue(request("D-10420/issue"))).key != issue.key
        assert await tracker.get_issue(PROJECT, issue.key) == issue

    async def test_an_unknown_assignee_is_refused_and_nothing_is_created(self, tracker):
        with pytest.raises(Refused, match="nobody-here"):
            await tracker.create_issue(request("r-1", assignee="nobody-here"))
        assert list(await tracker.list_issues(PROJECT)) == []

    async def test_open_ones_are_listed_newest_change_first(self, tracker):
        keys = [(await tracker.create_issue(request(f"r-{number}"))).key for number in (1, 2, 3)]
        await tracker.close_issue(PROJECT, keys[1])
        await tracker.assign_issue(PROJECT, keys[0], "ada")
        assert [one.key for one in await tracker.list_issues(PROJECT)] == [keys[0], keys[2]]
        assert [one.key for one in await tracker.list_issues(PROJECT, "ada")] == [keys[0]]
        assert [one.key for one in await tracker.list_issues(PROJECT, limit=1)] == [keys[0]]

    async def test_it_is_made_somebody_elses(self, tracker):
        key = (await tracker.create_issue(request("r-1", assignee="ada"))).key
        assert list((await tracker.assign_issue(PROJECT, key, "bob")).assignees) == ["bob"]
        with pytest.raises(Refused, match="nobody-here"):
            await tracker.assign_issue(PROJECT, key, "nobody-here")
        assert list((await tracker.get_issue(PROJECT, key)).assignees) == ["bob"]

    async def test_it_is_closed_and_that_again_is_no_error(self, tracker):
        key = (await tracker.create_issue(request("r-1"))).key
        assert not (await tracker.close_issue(PROJECT, key)).is_open
        assert not (await tracker.close_issue(PROJECT, key)).is_open

    @pytest.mark.parametrize("key", ["99", "x", "", "../1"])
    async def test_an_unknown_one_is_not_found(self, tracker, key):
        for call in (tracker.get_issue, tracker.close_issue):
            with pytest.raises(NotFound):
                await call(PROJECT, key)
        with pytest.raises(NotFound):
            await tracker.assign_issue(PROJECT, key, "ada")

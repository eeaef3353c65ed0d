"""The contract of IssueTracker."""

import pytest

from integrations.capabilities.issues import IssueRequest, IssueTracker
from integrations.capabilities.personal_issues import PersonalIssues
from integrations.errors import NotAuthenticated, NotFound, Refused

PROJECT = "shop"


def request(ident: str, title: str = "It broke", **about: object) -> IssueRequest:
    return IssueRequest(request_id=ident, project=PROJECT, title=title, **about)  # type: ignore[arg-type]


class IssueTrackerContract:
    """Derive from it and override `tracker`: a tracker with an empty project PROJECT and the users ada and bob."""

    @pytest.fixture
    def tracker(self) -> IssueTracker:
        raise NotImplementedError

    @pytest.fixture
    def ada(self) -> str:
        """Return the user name of somebody who may be given issues."""
        return "ada"

    @pytest.fixture
    def bob(self) -> str:
        """Return that of somebody else."""
        return "bob"

    async def test_is_an_issue_tracker(self, tracker):
        assert isinstance(tracker, IssueTracker)

    async def test_an_issue_is_created_once_for_a_request(self, tracker, ada):
        asked = request("D-1042/issue", body="Since **14:05**", labels=("bug", "checkout"), assignee=ada)
        issue = await tracker.create_issue(asked)
        assert (issue.title, issue.is_open, list(issue.assignees)) == ("It broke", True, [ada])
        assert (set(issue.labels), issue.project) == ({"bug", "checkout"}, PROJECT)
        assert issue.url.startswith("http")
        assert await tracker.create_issue(asked) == issue
        assert (await tracker.create_issue(request("D-10420/issue"))).key != issue.key
        assert await tracker.get_issue(PROJECT, issue.key) == issue

    async def test_an_unknown_assignee_is_refused_and_nothing_is_created(self, tracker):
        with pytest.raises(Refused, match="nobody-here"):
            await tracker.create_issue(request("r-1", assignee="nobody-here"))
        assert list(await tracker.list_issues(PROJECT)) == []

    async def test_open_ones_are_listed_newest_change_first(self, tracker, ada):
        keys = [(await tracker.create_issue(request(f"r-{number}"))).key for number in (1, 2, 3)]
        await tracker.close_issue(PROJECT, keys[1])
        await tracker.assign_issue(PROJECT, keys[0], ada)
        assert [one.key for one in await tracker.list_issues(PROJECT)] == [keys[0], keys[2]]
        assert [one.key for one in await tracker.list_issues(PROJECT, ada)] == [keys[0]]
        assert [one.key for one in await tracker.list_issues(PROJECT, limit=1)] == [keys[0]]

    async def test_it_is_made_somebody_elses(self, tracker, ada, bob):
        key = (await tracker.create_issue(request("r-1", assignee=ada))).key
        assert list((await tracker.assign_issue(PROJECT, key, bob)).assignees) == [bob]
        with pytest.raises(Refused, match="nobody-here"):
            await tracker.assign_issue(PROJECT, key, "nobody-here")
        assert list((await tracker.get_issue(PROJECT, key)).assignees) == [bob]

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


class PersonalIssuesContract:
    """Derive from it and override `keeping`: the tracker as `tool`, with users ada and bob, and `grant(username)`."""

    @pytest.fixture
    def keeping(self):
        raise NotImplementedError

    async def test_is_personal(self, keeping):
        assert isinstance(keeping.tool, PersonalIssues)

    async def test_an_issue_is_created_once_for_a_request_by_the_person(self, keeping):
        asked = request("r-1", body="Since **14:05**", assignee="bob")
        issue = await keeping.tool.create_issue_as(asked, await keeping.grant("ada"))
        assert (issue.author, list(issue.assignees)) == ("ada", ["bob"])
        assert await keeping.tool.create_issue_as(asked, await keeping.grant("ada")) == issue
        assert await keeping.tool.create_issue(asked) == issue, "whoever created it"

    async def test_it_is_assigned_and_closed_by_the_person(self, keeping):
        key = (await keeping.tool.create_issue(request("r-1"))).key
        ada = await keeping.grant("ada")
        assert list((await keeping.tool.assign_issue_as(PROJECT, key, "bob", ada)).assignees) == ["bob"]
        for _ in range(2):
            assert not (await keeping.tool.close_issue_as(PROJECT, key, ada)).is_open
        with pytest.raises(NotFound):
            await keeping.tool.close_issue_as(PROJECT, "99", ada)

    async def test_a_grant_that_has_ended_changes_nothing(self, keeping):
        key = (await keeping.tool.create_issue(request("r-1"))).key
        ada = await keeping.grant("ada")
        keeping.end_all("ada")
        for call in (
            keeping.tool.create_issue_as(request("r-2"), ada),
            keeping.tool.assign_issue_as(PROJECT, key, "bob", ada),
            keeping.tool.close_issue_as(PROJECT, key, ada),
        ):
            with pytest.raises(NotAuthenticated):
                await call
        (issue,) = await keeping.tool.list_issues(PROJECT)
        assert (issue.key, list(issue.assignees)) == (key, [])

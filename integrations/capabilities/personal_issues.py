"""PersonalIssues: issues that people create and change as themselves, by their own grant."""

from typing import Protocol, runtime_checkable

from integrations.capabilities.issues import Issue, IssueRequest
from integrations.capabilities.persons import Grant


@runtime_checkable
class PersonalIssues(Protocol):
    """The changes of `IssueTracker`, made by a person's own grant and never with rights of our own.

    Beside what `IssueTracker` raises: Refused when the person may not, NotAuthenticated when the grant has ended.
    """

    async def create_issue_as(self, request: IssueRequest, grant: Grant) -> Issue:
        """Create an issue; the same `request_id` again returns the same one, whoever created it."""
        ...

    async def assign_issue_as(self, project: str, key: str, user: str, grant: Grant) -> Issue:
        """Make it somebody's; `user` is a user name of the tracker."""
        ...

    async def close_issue_as(self, project: str, key: str, grant: Grant) -> Issue:
        """Close it; one that is closed already is returned as it is."""
        ...

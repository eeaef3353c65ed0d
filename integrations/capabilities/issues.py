"""IssueTracker: work that somebody is to do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Issue(Struct, frozen=True, kw_only=True):
    """One issue. `key` is what people call it within its project ("12", "PAY-311"); `assignees` are user names."""

    project: str
    key: str
    title: str
    url: str
    is_open: bool
    assignees: Sequence[str] = ()
    labels: Sequence[str] = ()
    author: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class IssueRequest(Struct, frozen=True, kw_only=True):
    """What to create. `request_id` finds the issue again after a crash; `body` is Markdown."""

    request_id: str
    project: str
    title: str
    body: str = ""
    labels: Sequence[str] = ()
    assignee: str = ""


@runtime_checkable
class IssueTracker(Protocol):
    """Keeps issues. `project` is the tracker's name for a collection of them."""

    async def create_issue(self, request: IssueRequest) -> Issue:
        """Create an issue; the same `request_id` again returns the same one.

        Raises:
            OutcomeUnknown: it was sent and no answer came; the same call looks before it creates.
            Refused: the tracker said no, such as an unknown assignee or an archived project.
        """
        ...

    async def list_issues(self, project: str, assignee: str = "", limit: int = 20) -> Sequence[Issue]:
        """Return open issues, newest change first."""
        ...

    async def get_issue(self, project: str, key: str) -> Issue:
        """Return one issue. Raises: NotFound."""
        ...

    async def assign_issue(self, project: str, key: str, user: str) -> Issue:
        """Make it somebody's; `user` is a user name of the tracker. Raises: Refused when there is no such user."""
        ...

    async def close_issue(self, project: str, key: str) -> Issue:
        """Close it; one that is closed already is returned as it is."""
        ...

"""MergeRequests: changes that wait for review. GitHub's word for them is pull request."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from integrations.capabilities.persons import Grant
from integrations.capabilities.runs import RunState


class MergeState(StrEnum):
    """Where a merge request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class MergeRequest(Struct, frozen=True, kw_only=True):
    """One merge request. `sha` is the head of its source branch; who did what are user names.

    `obstacles` say in the host's terms why it cannot be merged now (conflicts, a draft, approvals missing, a pipeline
    that failed), empty when it can; None while the host is still finding out.
    """

    project: str
    number: int
    title: str
    url: str
    state: MergeState
    author: str
    source: str
    target: str
    sha: str
    draft: bool = False
    conflicts: bool | None = None
    pipeline: RunState | None = None
    obstacles: Sequence[str] | None = ()
    reviewers: Sequence[str] = ()
    approved_by: Sequence[str] = ()
    approvals_left: int | None = None
    labels: Sequence[str] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    merge_sha: str = ""
    merged_by: str = ""


@runtime_checkable
class MergeRequests(Protocol):
    """Lists merge requests, and decides them as the person whose grant is given: never with rights of our own."""

    async def list_merge_requests(
        self, project: str, state: MergeState = MergeState.OPEN, limit: int = 20
    ) -> Sequence[MergeRequest]:
        """Return merge requests, newest change first; approvals and obstacles may be missing here."""
        ...

    async def get_merge_request(self, project: str, number: int) -> MergeRequest:
        """Return one. Raises: NotFound."""
        ...

    async def approve_merge_request(self, project: str, number: int, sha: str, grant: Grant) -> MergeRequest:
        """Approve it as the person, at this head. Approved by them already is no error.

        Raises:
            Refused: the head moved, it is not open any more, or the person may not; the reason is the host's own.
            NotAuthenticated: the grant has ended.
        """
        ...

    async def merge(self, project: str, number: int, sha: str, grant: Grant) -> MergeRequest:
        """Merge it as the person, at this head. Merged already at this head is no error.

        Raises:
            Refused: as above, and for what `obstacles` say.
            NotAuthenticated: the grant has ended.
            OutcomeUnknown: it was sent and no answer came: look at its state.
        """
        ...

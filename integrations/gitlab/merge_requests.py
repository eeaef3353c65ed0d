"""MergeRequests: read with our token, decided as a person and never with rights of our own.

https://docs.gitlab.com/api/merge_requests/, https://docs.gitlab.com/api/merge_request_approvals/
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

import gitlab

from integrations.capabilities.merge_requests import MergeRequest, MergeState
from integrations.capabilities.persons import Grant
from integrations.errors import NotAuthenticated, NotFound, NotPermitted, Refused
from integrations.gitlab.part import Part
from integrations.gitlab.values import merge_request_of

_LISTED: Final = {MergeState.OPEN: "opened", MergeState.MERGED: "merged", MergeState.CLOSED: "closed"}


class Reviews(Part):
    """Lists, shows, approves and merges merge requests."""

    async def list_merge_requests(
        self, project: str, state: MergeState = MergeState.OPEN, limit: int = 20
    ) -> Sequence[MergeRequest]:
        """Return merge requests, newest change first, without approvals."""

        def ask(library: gitlab.Gitlab) -> Sequence[MergeRequest]:
            found, _ = self._project(library, project)
            listed = found.mergerequests.list(
                iterator=True,
                per_page=min(max(limit, 1), 100),
                state=_LISTED[state],
                order_by="updated_at",
                sort="desc",
            )
            return [merge_request_of(project, one.attributes) for one in itertools.islice(listed, max(limit, 0))]

        return await self._api.read(ask)

    async def get_merge_request(self, project: str, number: int) -> MergeRequest:
        """Return one, with approvals and what stands in the way of a merge. Raises: NotFound."""
        return await self._api.read(self._shown(project, number))

    async def approve_merge_request(self, project: str, number: int, sha: str, grant: Grant) -> MergeRequest:
        """Approve it as the person, at this head. Approved by them already is no error.

        Raises:
            Refused: the head moved, it is not open any more, or the person may not; the reason is GitLab's own.
            NotAuthenticated: the grant has ended.
        """
        token = grant.access_token.get_secret_value()

        def look(library: gitlab.Gitlab) -> tuple[MergeRequest, bool]:
            place = self._api.locate(library, project)
            path = f"/projects/{place.id}/merge_requests/{number}/approvals"
            approvals: Any = library.http_get(path)
            return self._shown(project, number)(library), bool(approvals["user_has_approved"])

        before, approved = await self._api.read_as(token, look)
        self._must_be_at(before, sha)
        if approved:
            return before
        if before.state is not MergeState.OPEN:
            raise Refused(self.instance, f"!{number} is {before.state}: it takes no approvals")

        def approve(library: gitlab.Gitlab) -> None:
            place = self._api.locate(library, project)
            library.http_post(f"/projects/{place.id}/merge_requests/{number}/approve", post_data={"sha": sha})

        try:
            await self._api.change_as(token, approve, f"{project}!{number}@{sha}")
        except NotAuthenticated as error:
            await self._still_signed_in(token)  # GitLab answers 401 to who is no eligible approver, too
            raise Refused(
                self.instance, f"GitLab does not let this person approve !{number}: not an eligible approver"
            ) from error
        except NotPermitted as error:
            raise Refused(self.instance, f"this person may not approve !{number}: {error.message}") from error
        return await self._api.read_as(token, self._shown(project, number))

    async def merge(self, project: str, number: int, sha: str, grant: Grant) -> MergeRequest:
        """Merge it as the person, at this head. Merged already at this head is no error.

        Raises:
            Refused: the head moved, it is closed, the person may not, or for what `obstacles` say.
            NotAuthenticated: the grant has ended.
            OutcomeUnknown: it was sent and no answer came: look at its state.
        """
        token = grant.access_token.get_secret_value()
        before = await self._api.read_as(token, self._shown(project, number))
        self._must_be_at(before, sha)
        if before.state is MergeState.MERGED:
            return before
        if before.state is not MergeState.OPEN:
            raise Refused(self.instance, f"!{number} is {before.state}: it cannot be merged")

        def merge(library: gitlab.Gitlab) -> None:
            place = self._api.locate(library, project)
            library.http_put(f"/projects/{place.id}/merge_requests/{number}/merge", post_data={"sha": sha})

        try:
            await self._api.change_as(token, merge, f"{project}!{number}@{sha}")
        except NotAuthenticated as error:
            await self._still_signed_in(token)
            raise Refused(self.instance, f"GitLab does not let this person merge !{number}") from error
        except NotPermitted as error:
            raise Refused(self.instance, f"this person may not merge !{number}: {error.message}") from error
        except Refused as error:
            after = await self._api.read_as(token, self._shown(project, number))
            if after.state is MergeState.MERGED and after.sha == sha:  # by somebody else meanwhile
                return after
            self._say_why(after, sha, error)
        return await self._api.read_as(token, self._shown(project, number))

    def _shown(self, project: str, number: int) -> Callable[[gitlab.Gitlab], MergeRequest]:
        def ask(library: gitlab.Gitlab) -> MergeRequest:
            place = self._api.locate(library, project)
            path = f"/projects/{place.id}/merge_requests/{number}"
            try:
                about: Any = library.http_get(path)
            except NotFound as error:
                raise NotFound(self.instance, f"{project} has no merge request !{number}") from error
            approvals: Mapping[str, Any] | None = None
            with suppress(NotFound, NotPermitted):  # approvals are off, or not for us to see
                answer = library.http_get(f"{path}/approvals")
                approvals = answer if isinstance(answer, dict) else None
            return merge_request_of(project, about, approvals)

        return ask

    async def _still_signed_in(self, token: str) -> None:
        """Make sure that a grant still holds. Raises: NotAuthenticated."""
        await self._api.read_as(token, lambda library: library.http_get("/user"))

    def _must_be_at(self, now: MergeRequest, sha: str) -> None:
        self._must_be_full(sha)
        if now.sha != sha:
            raise Refused(
                self.instance,
                f"!{now.number} has moved from {sha[:12]} to {now.sha[:12]} meanwhile: look at it again",
            )

    def _say_why(self, now: MergeRequest, sha: str, error: Refused) -> NoReturn:
        """Raise why GitLab refused a merge, which its own words seldom tell (405, 406, 409, 422)."""
        self._must_be_at(now, sha)
        why = "; ".join(now.obstacles or ()) or error.reason
        raise Refused(self.instance, f"!{now.number} cannot be merged now: {why}") from error

"""IssueTracker: GitLab's issues. https://docs.gitlab.com/api/issues/."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import gitlab

from integrations.capabilities.issues import Issue, IssueRequest
from integrations.errors import NotFound, NotPermitted, Refused
from integrations.gitlab.part import Part
from integrations.gitlab.values import issue_of


def marker_of(request_id: str) -> str:
    """Return what an issue's text carries to be found again: a comment that GitLab does not show."""
    return f"<!-- shipmate request {request_id.replace('--', '- -')} -->"


class Issues(Part):
    """Creates, lists and changes issues."""

    async def create_issue(self, request: IssueRequest) -> Issue:
        """Create an issue; the same `request_id` again returns the same one.

        Raises:
            OutcomeUnknown: it was sent and no answer came; the same call looks before it creates.
            Refused: GitLab said no, such as an unknown assignee or an archived project.
        """
        found = await self._api.read(functools.partial(self._find_issue, request))
        if found is not None:
            return found
        body: dict[str, Any] = {
            "title": request.title,
            "description": f"{request.body}\n\n{marker_of(request.request_id)}".lstrip("\n"),
            "labels": ",".join(request.labels),
        }
        if request.assignee:
            body["assignee_ids"] = [await self._user_id(request.assignee)]

        def create(library: gitlab.Gitlab) -> Issue:
            return issue_of(request.project, self._project(library, request.project)[0].issues.create(body).attributes)

        try:
            return await self._api.change(create, request.request_id)
        except NotPermitted as error:
            raise await self._why_not(request.project, error) from error

    async def list_issues(self, project: str, assignee: str = "", limit: int = 20) -> Sequence[Issue]:
        """Return open issues, newest change first."""

        def ask(library: gitlab.Gitlab) -> Sequence[Issue]:
            found, _ = self._project(library, project)
            narrowed = {"assignee_username": assignee} if assignee else {}
            listed = found.issues.list(
                iterator=True,
                per_page=min(max(limit, 1), 100),
                state="opened",
                order_by="updated_at",
                sort="desc",
                **narrowed,
            )
            return [issue_of(project, one.attributes) for one in itertools.islice(listed, max(limit, 0))]

        return await self._api.read(ask)

    async def get_issue(self, project: str, key: str) -> Issue:
        """Return one issue. Raises: NotFound."""
        number = self._number(key)

        def ask(library: gitlab.Gitlab) -> Issue:
            return issue_of(project, self._project(library, project)[0].issues.get(number).attributes)

        return await self._api.read(ask)

    async def assign_issue(self, project: str, key: str, user: str) -> Issue:
        """Make it somebody's. Raises: NotFound; Refused when there is no such user."""
        await self.get_issue(project, key)
        return await self._update(project, key, {"assignee_ids": [await self._user_id(user)]})

    async def close_issue(self, project: str, key: str) -> Issue:
        """Close it; one that is closed already is returned as it is."""
        issue = await self.get_issue(project, key)
        return await self._update(project, key, {"state_event": "close"}) if issue.is_open else issue

    async def _update(self, project: str, key: str, change: Mapping[str, Any]) -> Issue:
        number = self._number(key)

        def update(library: gitlab.Gitlab) -> Issue:
            found, _ = self._project(library, project)
            return issue_of(project, found.issues.update(number, dict(change)))

        try:
            return await self._api.change(update, f"{project}#{key}")
        except NotPermitted as error:
            raise await self._why_not(project, error) from error

    async def _user_id(self, username: str) -> int:
        def ask(library: gitlab.Gitlab) -> int:
            for one in library.users.list(username=username, get_all=False):
                if str(one.username).lower() == username.lower():
                    return int(one.id)
            raise Refused(self.instance, f"no user of GitLab is called {username}")

        return await self._api.read(ask)

    def _find_issue(self, request: IssueRequest, library: gitlab.Gitlab) -> Issue | None:
        project, _ = self._project(library, request.project)
        marker = marker_of(request.request_id)
        narrowed: dict[str, Any] = {"search": request.request_id, "in": "description", "scope": "created_by_me"}
        listed = project.issues.list(iterator=True, per_page=100, **narrowed)
        for one in itertools.islice(listed, 100):
            if marker in str(one.description or ""):
                return issue_of(request.project, one.attributes)
        return None

    def _number(self, key: str) -> int:
        text = key.removeprefix("#")
        if not text.isascii() or not text.isdecimal():
            raise NotFound(self.instance, f"{key[:40]!r} is no issue of GitLab: a number such as 12 is expected")
        return int(text)

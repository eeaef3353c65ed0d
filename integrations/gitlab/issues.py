"""IssueTracker: GitLab's issues. https://docs.gitlab.com/api/issues/."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gitlab

from integrations.capabilities.issues import Issue, IssueRequest
from integrations.capabilities.persons import Grant
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
        return await self._create_issue(request, None)

    async def create_issue_as(self, request: IssueRequest, grant: Grant) -> Issue:
        """Create an issue as the person; the same `request_id` again returns the same one, whoever created it.

        Raises:
            OutcomeUnknown, Refused: as for `create_issue`; the person may not.
            NotAuthenticated: the grant has ended.
        """
        return await self._create_issue(request, grant)

    async def _create_issue(self, request: IssueRequest, grant: Grant | None) -> Issue:
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

        return await self._changed_issue(create, request.project, request.request_id, grant)

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
        return await self._assign_issue(project, key, user, None)

    async def assign_issue_as(self, project: str, key: str, user: str, grant: Grant) -> Issue:
        """Make it somebody's, as the person. Raises: as `assign_issue`; NotAuthenticated."""
        return await self._assign_issue(project, key, user, grant)

    async def _assign_issue(self, project: str, key: str, user: str, grant: Grant | None) -> Issue:
        await self.get_issue(project, key)
        return await self._update_issue(project, key, {"assignee_ids": [await self._user_id(user)]}, grant)

    async def close_issue(self, project: str, key: str) -> Issue:
        """Close it; one that is closed already is returned as it is."""
        return await self._close_issue(project, key, None)

    async def close_issue_as(self, project: str, key: str, grant: Grant) -> Issue:
        """Close it as the person; one that is closed already is returned as it is. Raises: NotAuthenticated."""
        return await self._close_issue(project, key, grant)

    async def _close_issue(self, project: str, key: str, grant: Grant | None) -> Issue:
        issue = await self.get_issue(project, key)
        return await self._update_issue(project, key, {"state_event": "close"}, grant) if issue.is_open else issue

    async def _update_issue(self, project: str, key: str, change: Mapping[str, Any], grant: Grant | None) -> Issue:
        number = self._number(key)

        def update(library: gitlab.Gitlab) -> Issue:
            found, _ = self._project(library, project)
            return issue_of(project, found.issues.update(number, dict(change)))

        return await self._changed_issue(update, project, f"{project}#{key}", grant)

    async def _changed_issue(
        self, change: Callable[[gitlab.Gitlab], Issue], project: str, request_id: str, grant: Grant | None
    ) -> Issue:
        try:
            return await self._change(change, request_id, grant)
        except NotPermitted as error:
            raise await self._why_not(project, error, grant) from error
        except NotFound as error:
            raise self._hidden(project, error, grant) from error

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
        narrowed: dict[str, Any] = {"search": request.request_id, "in": "description", "scope": "all"}
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

"""GitLab's own pages, recognised by their addresses: merge requests, pipelines, jobs, commits, issues."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import gitlab

from integrations.capabilities.links import Link, Preview
from integrations.capabilities.runs import RunState
from integrations.errors import NotFound
from integrations.gitlab.issues import Issues
from integrations.gitlab.merge_requests import Reviews
from integrations.gitlab.pipelines import Pipelines
from integrations.gitlab.repository import Repository

_PAGE = re.compile(
    r"/(?P<project>[^?#]+?)/-/(?P<page>merge_requests|pipelines|commit|issues|work_items)/(?P<key>[0-9a-f]+)(?:[/?#].*)?"
)
_KINDS = {"merge_requests": "merge request", "pipelines": "pipeline", "commit": "commit"}
_STANDS = {
    RunState.QUEUED: "queued",
    RunState.RUNNING: "running",
    RunState.SUCCEEDED: "passed",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "cancelled",
}
_SHA_LENGTHS = {40, 64}


class Links(Repository, Pipelines, Reviews, Issues):
    """Says what is behind an address."""

    def recognise(self, url: str) -> Link | None:
        """Return what a page of this GitLab is about, None for every other address. Asks nobody."""
        try:
            base, asked = urlsplit(self._api.settings.url), urlsplit(url)
        except ValueError:
            return None
        if (asked.scheme, asked.netloc.lower()) != (base.scheme, base.netloc.lower()):
            return None
        if not asked.path.startswith(base.path):
            return None
        found = _PAGE.fullmatch(unquote(asked.path[len(base.path.rstrip("/")) :]))
        if found is None:
            return None
        kind, key = _KINDS.get(found["page"], "issue"), found["key"]
        if not (len(key) in _SHA_LENGTHS if kind == "commit" else key.isdigit()):
            return None
        return Link(kind=kind, project=found["project"], key=key, url=url)

    async def preview(self, link: Link) -> Preview | None:
        """Return what is there, None when it is gone or not ours to see."""
        readers: Mapping[str, Callable[[Link], Awaitable[Preview | None]]] = {
            "merge request": self._merge_request,
            "pipeline": self._pipeline,
            "commit": self._commit,
            "issue": self._issue,
        }
        try:
            return await readers[link.kind](link)
        except NotFound:
            return None

    async def _merge_request(self, link: Link) -> Preview:
        found = await self.get_merge_request(link.project, int(link.key))
        draft = "draft" if found.draft else ""
        pipeline = f"pipeline {_STANDS[found.pipeline]}" if found.pipeline else ""
        approved = f"approved by {', '.join(found.approved_by)}" if found.approved_by else ""
        facts = [found.state.value, draft, f"by {found.author}", f"{found.source} → {found.target}", pipeline, approved]
        return Preview(title=f"!{found.number} {found.title}", facts=_said(facts))

    async def _pipeline(self, link: Link) -> Preview:
        project_id = await self._project_id(link.project)
        run = await self.get_run(self._ref(project_id, int(link.key)))
        took = ""
        if run.started_at and run.ended_at:
            took = f"in {timedelta(seconds=round((run.ended_at - run.started_at).total_seconds()))}"
        failed = [stage.name for stage in run.stages if stage.state is RunState.FAILED]
        return Preview(
            title=f"Pipeline {run.number} {_STANDS[run.state]}",
            text=run.reason if run.state is RunState.FAILED else "",
            facts=_said([run.branch, run.sha[:7], took, f"failed: {', '.join(failed)}" if failed else ""]),
        )

    async def _commit(self, link: Link) -> Preview:
        found = await self.get_commit(link.project, link.key)
        return Preview(title=f"{found.sha[:7]} {found.title}", facts=_said([f"by {found.author.name}"]))

    async def _issue(self, link: Link) -> Preview | None:
        """Return an issue that everybody of the project may read: our token sees confidential ones, too."""

        def confidential(library: gitlab.Gitlab) -> bool:
            project, _ = self._project(library, link.project)
            return bool(project.issues.get(int(link.key)).attributes.get("confidential"))

        if await self._api.read(confidential):
            return None
        found = await self.get_issue(link.project, link.key)
        assigned = f"for {', '.join(found.assignees)}" if found.assignees else ""
        facts = ["open" if found.is_open else "closed", assigned, ", ".join(found.labels)]
        return Preview(title=f"#{found.key} {found.title}", facts=_said(facts))

    async def _project_id(self, project: str) -> int:
        return await self._api.read(lambda library: self._api.locate(library, project).id)


def _said(facts: Sequence[str]) -> Sequence[str]:
    return tuple(fact for fact in facts if fact)

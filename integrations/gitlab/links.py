"""GitLab's own pages, recognised by their addresses: merge requests, pipelines, commits, issues and others.

https://docs.gitlab.com/api/releases/, https://docs.gitlab.com/api/environments/
"""

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
from integrations.gitlab.values import state_of

_PAGE = re.compile(
    r"/(?P<project>[^?#]+?)/-/(?:"
    r"(?P<page>merge_requests|pipelines|jobs|commit|issues|work_items|environments)/(?P<key>[0-9a-f]+)(?:[/?#].*)?"
    r"|releases/(?P<tag>[^?#]+?))"
)
_KINDS = {
    "merge_requests": "merge request",
    "pipelines": "pipeline",
    "jobs": "job",
    "commit": "commit",
    "environments": "environment",
}
_LINE = 200
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
        here = (asked.scheme, asked.netloc.lower()) == (base.scheme, base.netloc.lower())
        if not here or not asked.path.startswith(base.path):
            return None
        found = _PAGE.fullmatch(unquote(asked.path[len(base.path.rstrip("/")) :]))
        if found is None:
            return None
        kind, key = _KINDS.get(str(found["page"]), "issue"), str(found["key"])
        if found["tag"]:
            kind, key = "release", found["tag"]
        elif not (len(key) in _SHA_LENGTHS if kind == "commit" else key.isdigit()):
            return None
        return Link(kind=kind, project=found["project"], key=key, url=url)

    async def preview(self, link: Link) -> Preview | None:
        """Return what is there, None when it is gone or not ours to see."""
        readers: Mapping[str, Callable[[Link], Awaitable[Preview | None]]] = {
            "merge request": self._merge_request,
            "pipeline": self._pipeline,
            "job": self._job,
            "release": self._release,
            "environment": self._environment,
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

    async def _job(self, link: Link) -> Preview:
        def ask(library: gitlab.Gitlab) -> Preview:
            job = self._project(library, link.project)[0].jobs.get(int(link.key)).attributes
            took = f"in {timedelta(seconds=round(float(job['duration'])))}" if job.get("duration") else ""
            why = str(job.get("failure_reason") or "").replace("_", " ")
            return Preview(
                title=f"Job {job['name']} {_STANDS[state_of(job['status'])]}",
                text=why,
                facts=_said([str(job["stage"]), f"#{job['pipeline']['id']}", str(job.get("ref") or ""), took]),
            )

        return await self._api.read(ask)

    async def _release(self, link: Link) -> Preview:
        def ask(library: gitlab.Gitlab) -> Preview:
            release = self._project(library, link.project)[0].releases.get(link.key).attributes
            text = next((line for line in str(release.get("description") or "").splitlines() if line.strip(" #")), "")
            sha = str((release.get("commit") or {}).get("id") or "")
            day = str(release.get("released_at") or "")[:10]
            coming = "not released yet" if release.get("upcoming_release") else ""
            named = release["name"] if release.get("name") else release["tag_name"]
            return Preview(
                title=f"Release {named}",
                text=text.strip(" #")[:_LINE],
                facts=_said([str(release["tag_name"]), sha[:7], day, coming]),
            )

        return await self._api.read(ask)

    async def _environment(self, link: Link) -> Preview:
        """Return what GitLab says runs on an environment."""

        def ask(library: gitlab.Gitlab) -> Preview:
            place = self._project(library, link.project)[0].environments.get(int(link.key)).attributes
            last = place.get("last_deployment") or {}
            runs = f"{last['ref']} {str(last['sha'])[:7]}" if last else "nothing deployed yet"
            by = str((last.get("user") or {}).get("username") or "")
            when = str(last.get("updated_at") or last.get("created_at") or "")[:10]
            state = "stopped" if place.get("state") == "stopped" else ""
            status = str(last.get("status") or "")
            facts = [state, runs, status, f"by {by}" if by else "", when]
            return Preview(title=f"Environment {place['name']}", facts=_said(facts))

        return await self._api.read(ask)

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

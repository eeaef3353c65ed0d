"""BuildServer: a pipeline is a run, its jobs are its stages, its manual jobs wait for a person.

https://docs.gitlab.com/api/pipelines/, https://docs.gitlab.com/api/jobs/
"""

import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gitlab
import requests

from integrations.capabilities.builds import BuildJob, BuildRequest
from integrations.capabilities.runs import Artifact, LogChunk, Parameter, Run, RunRef, RunState
from integrations.errors import IntegrationError, NotFound
from integrations.gitlab.api import Api
from integrations.gitlab.logs import last_words, read_log
from integrations.gitlab.starts import Start
from integrations.gitlab.steering import PLAYABLE, Steering
from integrations.gitlab.values import Json, action_of, downstream_of, moment, stage_of, state_of
from integrations.http import read_json

_MOST_JOBS = 500
_MOST_RESULTS = 10  # jobs whose artifacts are looked through for the result file
_RESULT_BYTES = 64 * 1024
_KEPT = 200


class Pipelines(Steering):
    """Starts, follows and ends pipelines."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._over: OrderedDict[RunRef, tuple[str, Run]] = OrderedDict()

    async def start_build(self, request: BuildRequest) -> RunRef:
        """Start a pipeline; `job` is a configured pipeline or a project. The same request id returns the same one.

        Raises:
            OutcomeUnknown: it was sent and no answer came; ask `find_run`.
            Refused: GitLab said no, the branch moved meanwhile, or no branch or tag points at the commit.
        """
        recipe = self.recipe_of(request.job)
        names = self._api.settings.variables
        ours = {
            names.request_id: request.request_id,
            names.job: request.job,
            names.sha: request.sha,
            names.version: request.version,
        }
        return await self._start(
            Start(
                request_id=request.request_id,
                project=recipe.project,
                sha=request.sha,
                ref=request.branch or recipe.ref,
                variables={**recipe.variables, **request.parameters, **ours},
                exact=not recipe.any_commit,
            )
        )

    async def get_job(self, job: str) -> BuildJob:
        """Return a configured pipeline, or the plain one of a project.

        Raises:
            NotFound: there is no such project, or it is not ours to see.
            Refused: the name fits several projects; the reason names them.
        """
        recipe = self.recipe_of(job)

        def ask(library: gitlab.Gitlab) -> BuildJob:
            project = library.projects.get(self._api.locate(library, recipe.project).id).attributes
            disabled = ""
            if project.get("archived"):
                disabled = f"{recipe.project} is archived"
            elif project.get("jobs_enabled") is False or project.get("builds_access_level") == "disabled":
                disabled = f"CI/CD is switched off in {recipe.project}"
            parameters = tuple(Parameter(name=name, default=value) for name, value in recipe.variables.items())
            url = f"{project['web_url']}/-/pipelines"
            return BuildJob(name=job, url=url, parameters=parameters, disabled=disabled)

        return await self._api.read(ask)

    async def list_jobs(self, part: str = "", limit: int = 100) -> Sequence[str]:
        """Return configured pipelines, then projects that we are a member of, whose names hold `part`."""

        def ask(library: gitlab.Gitlab) -> Sequence[str]:
            search = {"search": part.rsplit("/", 1)[-1]} if part else {}
            listed = library.projects.list(
                iterator=True,
                per_page=100,
                membership=True,
                archived=False,
                simple=True,
                pagination="keyset",
                order_by="id",
                **search,
            )
            paths = (str(one.path_with_namespace) for one in itertools.islice(listed, 10 * max(limit, 0)))
            group = f"{self._api.settings.group}/"
            projects = (path.removeprefix(group) if path.count("/") == group.count("/") else path for path in paths)
            names = dict.fromkeys(itertools.chain(self._api.settings.pipelines, projects))
            return [name for name in names if part in name][: max(limit, 0)]

        return await self._api.read(ask)

    async def list_builds(self, job: str, branch: str = "", limit: int = 20) -> Sequence[Run]:
        """Return pipelines of a project, newest first, however they began; of a configured pipeline, its own."""
        recipe = self.recipe_of(job)
        configured = job in self._api.settings.pipelines

        def ask(library: gitlab.Gitlab) -> Sequence[Run]:
            project, _ = self._project(library, recipe.project)
            narrowed = {"ref": branch} if branch else {}
            if configured:
                name = self._api.settings.variables.job
                own = self._own(project, narrowed, most=100)
                found = (one for one in own if self._variables(one).get(name) == job)
            else:
                listed = project.pipelines.list(iterator=True, per_page=min(max(limit, 1), 100), **narrowed)
                found = (one for one in listed)
            return [self._brief(one.attributes) for one in itertools.islice(found, max(limit, 0))]

        return await self._api.read(ask, deadline=self._long)

    async def get_run(self, ref: RunRef) -> Run:
        """Return the pipeline as it stands: its jobs, manual jobs, artifacts, downstream pipelines and result."""
        return await self._api.read(functools.partial(self._look, ref))

    async def read_log(self, ref: RunRef, offset: int = 0) -> LogChunk:
        """Return the pipeline's log from `offset` on, at most 256 KiB; see `logs` for what an offset names."""
        project_id, pipeline_id = self._ids(ref)

        def ask(library: gitlab.Gitlab) -> LogChunk:
            pipeline = library.projects.get(project_id, lazy=True).pipelines.get(pipeline_id)
            over = state_of(pipeline.status).final
            listed = pipeline.jobs.list(iterator=True, per_page=100, include_retried=True)
            jobs = [job.attributes for job in itertools.islice(listed, _MOST_JOBS)]
            return read_log(self._api, library, project_id, jobs, offset, over=over)

        return await self._api.read(ask, deadline=self._long)

    def _look(self, ref: RunRef, library: gitlab.Gitlab) -> Run:
        project_id, pipeline_id = self._ids(ref)
        pipeline = library.projects.get(project_id, lazy=True).pipelines.get(pipeline_id)
        about = pipeline.attributes
        state = state_of(about["status"])
        known = self._over.get(ref)
        if known is not None and known[0] == str(about["updated_at"]):
            return known[1]
        listed = pipeline.jobs.list(iterator=True, per_page=100)
        jobs = sorted((job.attributes for job in itertools.islice(listed, _MOST_JOBS)), key=lambda job: int(job["id"]))
        bridges = [bridge.attributes for bridge in pipeline.bridges.list(get_all=False, per_page=100)]
        run = Run(
            ref=ref,
            state=state,
            title=str(about.get("name") or f"Pipeline on {about['ref']}"),
            url=str(about.get("web_url") or ""),
            reason=self._reason(library, project_id, about, jobs),
            queued_at=moment(about.get("created_at")),
            started_at=moment(about.get("started_at")),
            ended_at=moment(about.get("finished_at")) if state.final else None,
            stages=tuple(map(stage_of, jobs)),
            actions=tuple(action_of(job) for job in jobs if job["status"] in PLAYABLE),
            result=self._result(library, project_id, jobs) if state is RunState.SUCCEEDED else {},
            number=f"#{pipeline_id}",
            branch=str(about["ref"]),
            sha=str(about["sha"]),
            artifacts=tuple(one for job in jobs for one in _artifacts(job)),
            downstream=tuple(downstream_of(self.instance, bridge) for bridge in bridges),
        )
        if state.final and not run.actions:  # a manual job may still change it
            self._over[ref] = (str(about["updated_at"]), run)
            while len(self._over) > _KEPT:
                self._over.popitem(last=False)
        return run

    def _brief(self, about: Json) -> Run:
        return Run(
            ref=self._ref(int(about["project_id"]), int(about["id"])),
            state=state_of(about["status"]),
            title=str(about.get("name") or f"Pipeline on {about['ref']}"),
            url=str(about.get("web_url") or ""),
            queued_at=moment(about.get("created_at")),
            number=f"#{about['id']}",
            branch=str(about["ref"]),
            sha=str(about["sha"]),
        )

    def _reason(self, library: gitlab.Gitlab, project_id: int, about: Json, jobs: Sequence[Json]) -> str:
        """Return why a pipeline waits or failed, in GitLab's words and those of the job."""
        state = state_of(about["status"])
        if about.get("yaml_errors"):
            return f".gitlab-ci.yml: {about['yaml_errors']}"
        if state is RunState.FAILED:
            failed = [job for job in jobs if job["status"] == "failed" and not job.get("allow_failure")]
            if not failed:
                return str((about.get("detailed_status") or {}).get("label") or "failed")
            words = _attempt(functools.partial(last_words, self._api, library, project_id, int(failed[0]["id"])))
            cause = str(failed[0].get("failure_reason") or "failed").replace("_", " ")
            return f"{failed[0]['name']}: {cause}{': ' if words else ''}{words}"
        if state.final:
            return ""
        return next(filter(None, map(_waits_for, jobs)), "")

    def _result(self, library: gitlab.Gitlab, project_id: int, jobs: Sequence[Json]) -> Mapping[str, str]:
        """Return what the result file says that the last job which has one left in its artifacts."""
        holding = [job for job in jobs if any(one.get("file_type") == "archive" for one in job.get("artifacts") or ())]
        for job in itertools.islice(reversed(holding), _MOST_RESULTS):
            path = f"/projects/{project_id}/jobs/{job['id']}/artifacts/{self._api.settings.result_file}"
            try:
                answer = library.http_get(path, streamed=True, raw=True)
            except NotFound:
                continue
            if not isinstance(answer, requests.Response):
                continue
            content = bytearray()
            with answer:
                for piece in answer.iter_content(_RESULT_BYTES):
                    content += piece
                    if len(content) > _RESULT_BYTES:
                        break
            said = _attempt(functools.partial(read_json, bytes(content)))
            if isinstance(said, dict):
                return {str(name): str(value) for name, value in said.items() if isinstance(value, str | int | float)}
        return {}


def _waits_for(job: Json) -> str:
    """Return what a job waits for, "" when it does not wait for anything that should be known."""
    status = job["status"]
    if status == "manual" and not job.get("allow_failure"):
        return f"{job['name']} waits to be started by a person"
    if status == "waiting_for_resource":
        return f"{job['name']} waits for its resource group: another job holds it"
    if status == "pending" and not job.get("runner"):
        tags = ", ".join(job.get("tag_list") or ())
        return f"{job['name']} waits for a runner{f' with the tags {tags}' if tags else ''}"
    return ""


def _artifacts(job: Json) -> Sequence[Artifact]:
    archive = job.get("artifacts_file")
    if not archive:
        return ()
    return (
        Artifact(
            name=f"{job['name']}/{archive['filename']}",
            url=f"{job['web_url']}/artifacts/download",
            size=archive.get("size"),
        ),
    )


def _attempt(call: Callable[[], Any]) -> Any:  # noqa: ANN401 -- what the call returns
    """Return what a call returns, "" when what is only good to have cannot be had."""
    try:
        return call()
    except (IntegrationError, ValueError):
        return ""

"""Start pipelines, once for each request id, and find them again by it.

A pipeline has no name that a caller may choose, so the request id is one of its variables; GitLab shows the variables
of a pipeline to who started it. https://docs.gitlab.com/api/pipelines/
"""

import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gitlab
from gitlab.v4.objects import Project, ProjectPipeline

from integrations.capabilities.persons import Grant
from integrations.capabilities.runs import RunRef
from integrations.errors import NotFound, NotPermitted, OutcomeUnknown, Refused
from integrations.gitlab.api import Api
from integrations.gitlab.part import Part
from integrations.gitlab.settings import Recipe

_REMEMBERED = 1000
_NO_VARIABLES = "Insufficient permissions to set pipeline variables"
_ALLOW_VARIABLES = "let the token's role use pipeline variables (Settings, CI/CD, Variables)"
_MOST_PROJECTS = 20  # looked through for a request id of which nothing more is known
_MOST_PIPELINES = 30  # of each
_MOST_REFS = 20  # tried for one that points at a commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A pipeline to be started. `sha` may be "" for what the ref points at; `exact` wants it to be of `sha`."""

    request_id: str
    project: str
    sha: str
    ref: str
    variables: Mapping[str, str]
    exact: bool = True


class Starts(Part):
    """Starts pipelines and knows which one a request id started."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._known: OrderedDict[str, RunRef] = OrderedDict()

    async def find_run(
        self,
        request_id: str,
        job: str = "",
        since: datetime | None = None,  # noqa: ARG002 -- the newest pipelines of a project are looked through
    ) -> RunRef | None:
        """Return the pipeline that was started with this request id, None if none is found. Never starts anything.

        Looked through are the newest 30 pipelines of our own of the job's project; without a job those of the projects
        of the configured pipelines, then of the 20 that we are a member of in which something happened last. (A start
        looks in its own project again.)
        """
        if request_id in self._known:
            return self._known[request_id]
        if job:
            found = await self._api.read(functools.partial(self._find_in, self.recipe_of(job).project, request_id, ""))
            return None if found is None else self._remember(request_id, found)
        return await self._api.read(functools.partial(self._search, request_id), deadline=self._long)

    def recipe_of(self, job: str) -> Recipe:
        """Return the configured pipeline of this name, or the plain one of the project of this name."""
        return self._api.settings.pipelines.get(job) or Recipe.model_construct(
            project=job, ref="", variables={}, any_commit=False
        )

    async def _start(self, start: Start, grant: Grant | None = None) -> RunRef:
        """Start a pipeline, as the person whose grant this is, or return the one that this request id has started.

        Raises:
            OutcomeUnknown: it was sent and no answer came; with a grant it was looked for as the person, too.
            Refused: GitLab said no; the ref moved meanwhile; or no branch or tag points at the commit.
        """
        find = functools.partial(self._find_in, start.project, start.request_id, start.sha if start.exact else "")
        found = self._known.get(start.request_id) or await self._api.read(find) or await self._as(grant, find)
        if found is not None:
            return self._remember(start.request_id, found)
        ref = await self._api.read(functools.partial(self._choose_ref, start))
        variables = [{"key": key, "value": value} for key, value in start.variables.items()]

        def create(library: gitlab.Gitlab) -> Mapping[str, Any]:
            project, _ = self._project(library, start.project)
            return project.pipelines.create({"ref": ref, "variables": variables}).attributes

        try:
            made = await self._change(create, start.request_id, grant)
        except OutcomeUnknown:
            found = await self._as(grant, find)
            if found is None:
                raise
            return self._remember(start.request_id, found)
        except NotPermitted as error:
            raise await self._why_not(start.project, error, grant) from error
        except NotFound as error:
            raise self._hidden(start.project, error, grant) from error
        except Refused as error:
            if _NO_VARIABLES not in error.reason:
                raise
            raise Refused(self.instance, f"{error.reason} in {start.project}: {_ALLOW_VARIABLES}") from error
        run = self._ref(int(made["project_id"]), int(made["id"]))
        if start.exact and start.sha and made["sha"] != start.sha:
            await self._end(run)
            raise Refused(
                self.instance, f"{ref} moved from {start.sha[:12]} to {made['sha'][:12]} meanwhile; ask again"
            )
        return self._remember(start.request_id, run)

    async def _as(self, grant: Grant | None, find: Callable[[gitlab.Gitlab], RunRef | None]) -> RunRef | None:
        """Look as a person, too: GitLab shows a pipeline's variables to who started it."""
        if grant is None:
            return None
        try:
            return await self._api.read_as(grant.access_token.get_secret_value(), find)
        except NotFound:  # they do not see the project
            return None

    async def _end(self, ref: RunRef, grant: Grant | None = None) -> None:
        """Ask for a pipeline's end, as the person whose grant this is."""
        project_id, pipeline_id = self._ids(ref)

        def cancel(library: gitlab.Gitlab) -> None:
            library.projects.get(project_id, lazy=True).pipelines.get(pipeline_id, lazy=True).cancel()

        await self._change(cancel, str(ref), grant)

    def _remember(self, request_id: str, ref: RunRef) -> RunRef:
        self._known[request_id] = ref
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return ref

    @property
    def _long(self) -> float:
        """Seconds that a search through several projects may take."""
        return self._api.settings.timeout * 4

    def _search(self, request_id: str, library: gitlab.Gitlab) -> RunRef | None:
        configured = dict.fromkeys(recipe.project for recipe in self._api.settings.pipelines.values())
        active = library.projects.list(
            iterator=True, per_page=_MOST_PROJECTS, membership=True, archived=False, order_by="last_activity_at"
        )
        paths = (str(one.path_with_namespace) for one in itertools.islice(active, _MOST_PROJECTS))
        for path in dict.fromkeys(itertools.chain(configured, paths)):
            found = self._find_in(path, request_id, "", library)
            if found is not None:
                return self._remember(request_id, found)
        return None

    def _find_in(self, path: str, request_id: str, sha: str, library: gitlab.Gitlab) -> RunRef | None:
        """Return the pipeline of this project that carries a request id; `sha` narrows the search, "" does not."""
        project, place = self._project(library, path)
        for pipeline in self._own(project, {"sha": sha} if sha else {}):
            if self._variables(pipeline).get(self._api.settings.variables.request_id) == request_id:
                return self._ref(place.id, pipeline.id)
        return None

    def _own(
        self, project: Project, narrowed: Mapping[str, str], most: int = _MOST_PIPELINES
    ) -> Iterable[ProjectPipeline]:
        """Return the newest pipelines that came in by the API."""
        try:
            listed = project.pipelines.list(
                iterator=True, per_page=most, source="api", order_by="id", sort="desc", **narrowed
            )
        except NotPermitted:  # a project whose pipelines are off, or are not for us to see
            return ()
        return itertools.islice(listed, most)

    def _variables(self, pipeline: ProjectPipeline) -> Mapping[str, str]:
        """Return a pipeline's variables; none where somebody else started it and they are not for us to see."""
        try:
            return self._all_variables(pipeline)
        except (NotPermitted, NotFound):
            return {}

    def _all_variables(self, pipeline: ProjectPipeline) -> Mapping[str, str]:
        """Return a pipeline's variables. Raises: NotPermitted when they are not for us to see."""
        return {one.key: one.value for one in pipeline.variables.list(get_all=False, per_page=100)}

    def _choose_ref(self, start: Start, library: gitlab.Gitlab) -> str:
        """Return the branch or tag to run on: GitLab starts no pipeline on a bare commit."""
        project, place = self._project(library, start.project)
        default = start.ref or str(library.projects.get(place.id).default_branch or "")
        if not start.sha or not start.exact:
            if not default:
                raise Refused(self.instance, f"{start.project} has no branch yet: push to it first")
            return default
        for kind, name in self._refs_at(project, start.sha, default):
            refs = project.tags if kind == "tag" else project.branches
            try:
                if refs.get(name).commit["id"] == start.sha:
                    return name
            except NotFound:
                continue
        raise Refused(
            self.instance,
            f"no branch or tag of {start.project} points at {start.sha[:12]}, and GitLab runs pipelines on those only: "
            "tag the commit; or let .gitlab-ci.yml check out the commit it is told, and set `any_commit`",
        )

    def _refs_at(self, project: Project, sha: str, default: str) -> Sequence[tuple[str, str]]:
        first = [("branch", default), ("tag", default)] if default else []
        listed = project.commits.get(sha, lazy=True).refs(type="all", per_page=100)
        if not isinstance(listed, list):
            return first
        tags_first = sorted(listed, key=lambda one: one["type"] != "tag")
        holding = [(str(one["type"]), str(one["name"])) for one in tags_first[:_MOST_REFS]]
        return [*first, *holding]

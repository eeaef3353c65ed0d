"""Deployer: a pipeline that puts an artifact on an environment, and what GitLab's environment says runs there.

https://docs.gitlab.com/api/deployments/
"""

import functools
import itertools
from collections.abc import Mapping

import gitlab
from gitlab.v4.objects import Project

from integrations.capabilities.deploys import DeployRequest, Running
from integrations.capabilities.runs import RunRef
from integrations.errors import NotFound, Refused
from integrations.gitlab.api import Api
from integrations.gitlab.part import Part
from integrations.gitlab.settings import Recipe
from integrations.gitlab.starts import Start, Starts
from integrations.gitlab.values import moment

_PlaceKey = tuple[str, str, str, str]


def environment_name(pattern: str, service: str, environment: str, target: str) -> str:
    """Return what GitLab calls a place: the pattern filled in, and the target after a slash unless it is in there."""
    name = pattern.replace("{service}", service).replace("{environment}", environment).replace("{target}", target)
    return f"{name}/{target}" if target and "{target}" not in pattern else name.rstrip("/")


class Deploys(Starts, Part):
    """Starts deploying pipelines.

    GitLab keeps no fences. The highest one is read from the newest pipelines of the project once, and counted on in
    memory from there.
    """

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._fences: dict[_PlaceKey, int] = {}

    async def start_deploy(self, request: DeployRequest) -> RunRef:
        """Start a deploying pipeline; `job` is a configured pipeline or a project.

        Raises:
            OutcomeUnknown: it was sent and no answer came; ask `find_run`.
            Refused: the fence is older than one already seen, or GitLab said no.
        """
        recipe = self.recipe_of(request.job)
        key = (recipe.project, request.service, request.environment, request.target)
        exact = not recipe.any_commit
        found = await self._api.read(
            functools.partial(self._find_in, recipe.project, request.request_id, request.sha if exact else "")
        )
        if found is not None:
            return self._remember(request.request_id, found)
        if key not in self._fences:
            highest = await self._api.read(functools.partial(self._highest_fence, recipe, request))
            self._fences[key] = max(highest, self._fences.get(key, 0))
        if request.fence < self._fences[key]:
            raise Refused(
                self.instance, f"a newer claim ({self._fences[key]}) has the place; this one is {request.fence}"
            )
        self._fences[key] = request.fence
        return await self._start(
            Start(
                request_id=request.request_id,
                project=recipe.project,
                sha=request.sha,
                ref=recipe.ref,
                variables={**recipe.variables, **request.parameters, **self._told(request)},
                exact=exact,
            )
        )

    async def get_running(self, job: str, service: str, environment: str, target: str) -> Running | None:
        """Return what GitLab's newest successful deployment to the environment put there, None when there is none.

        GitLab knows what was deployed, not whether it runs still: `healthy` is None. The version is the one that our
        pipeline was told, else the tag.
        """
        recipe = self.recipe_of(job)
        name = environment_name(self._api.settings.environment, service, environment, target)

        def ask(library: gitlab.Gitlab) -> Running | None:
            project, _ = self._project(library, recipe.project)
            listed = project.deployments.list(
                environment=name, status="success", order_by="id", sort="desc", per_page=1, get_all=False
            )
            for one in listed:
                about = one.attributes
                deployable = about.get("deployable") or {}
                variables = self._of_pipeline(project, (deployable.get("pipeline") or {}).get("id"))
                return Running(
                    sha=str(about["sha"]),
                    version=variables.get(self._api.settings.variables.version) or str(about["ref"]),
                    since=moment(deployable.get("finished_at") or about.get("updated_at") or about["created_at"]),
                    url=str((about.get("environment") or {}).get("external_url") or ""),
                )
            return None

        return await self._api.read(ask)

    def _told(self, request: DeployRequest) -> Mapping[str, str]:
        names = self._api.settings.variables
        told = {
            names.request_id: request.request_id,
            names.job: request.job,
            names.sha: request.sha,
            names.version: request.version,
            names.service: request.service,
            names.environment: request.environment,
            names.target: request.target,
            names.artifact: request.artifact,
            names.digest: request.digest,
            names.fence: str(request.fence),
        }
        return {name: value for name, value in told.items() if value}

    def _highest_fence(self, recipe: Recipe, request: DeployRequest, library: gitlab.Gitlab) -> int:
        project, _ = self._project(library, recipe.project)
        names = self._api.settings.variables
        place = (request.service, request.environment, request.target)
        highest = 0
        for pipeline in itertools.islice(self._own(project, {}), 20):
            told = self._variables(pipeline)
            if (told.get(names.service, ""), told.get(names.environment, ""), told.get(names.target, "")) == place:
                fence = told.get(names.fence, "")
                highest = max(highest, int(fence) if fence.isdecimal() else 0)
        return highest

    def _of_pipeline(self, project: Project, pipeline_id: int | None) -> Mapping[str, str]:
        if pipeline_id is None:  # written there by somebody else, or by us
            return {}
        try:
            return self._variables(project.pipelines.get(pipeline_id, lazy=True))
        except NotFound:
            return {}

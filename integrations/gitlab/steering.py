"""What is done with pipelines that are there: their manual jobs started, they retried and cancelled.

By our own token, or as a person by their grant (PersonalRuns). https://docs.gitlab.com/api/jobs/#run-a-job
"""

from collections.abc import Mapping
from typing import Any, Final

import gitlab
from gitlab.v4.objects import ProjectPipeline

from integrations.capabilities.personal_runs import RunRight
from integrations.capabilities.persons import Grant
from integrations.capabilities.runs import RunRef, RunState
from integrations.errors import IntegrationError, NotFound, NotPermitted, Refused
from integrations.gitlab.starts import Start, Starts
from integrations.gitlab.values import Json, state_of

PLAYABLE: Final = frozenset({"manual", "scheduled"})


class Steering(Starts):
    """Answers, retries and cancels."""

    @property
    def own_token_may(self) -> frozenset[RunRight]:
        """What the configuration lets our own token do for people who have lent no grant."""
        return frozenset(self._api.settings.own_token_may)

    async def answer(self, ref: RunRef, action: str, parameters: Mapping[str, str]) -> None:
        """Start a manual job with these variables, with our token.

        Raises:
            Refused: no such job of the pipeline waits.
            NotPermitted: GitLab does not let our token start it, such as for a protected environment.
        """
        await self._play(ref, action, parameters, None)

    async def answer_as(self, ref: RunRef, action: str, parameters: Mapping[str, str], grant: Grant) -> None:
        """Start a manual job with these variables, as the person.

        Raises:
            Refused: no such job of the pipeline waits, or GitLab does not let this person start it.
            NotAuthenticated: the grant has ended.
        """
        await self._play(ref, action, parameters, grant)

    async def _play(self, ref: RunRef, action: str, parameters: Mapping[str, str], grant: Grant | None) -> None:
        project_id, pipeline_id = self._ids(ref)
        nothing = Refused(self.instance, f"no job {action[:40]!r} of the pipeline #{pipeline_id} waits to be started")
        if not action.isascii() or not action.isdigit():
            raise nothing

        def look(library: gitlab.Gitlab) -> Json:
            return library.projects.get(project_id, lazy=True).jobs.get(int(action)).attributes

        try:
            job = await self._api.read(look)
        except NotFound as error:
            raise nothing from error
        if job["pipeline"]["id"] != pipeline_id or job["status"] not in PLAYABLE:
            raise nothing
        variables = [{"key": key, "value": value} for key, value in parameters.items()]

        def play(library: gitlab.Gitlab) -> None:
            body = {"job_variables_attributes": variables} if variables else {}
            library.http_post(f"/projects/{project_id}/jobs/{action}/play", post_data=body)

        try:
            await self._change(play, f"{ref}/{action}", grant)
        except (NotPermitted, NotFound) as error:
            raise self._no_right(error, f"start {job['name']}", grant) from error

    async def cancel_run(self, ref: RunRef) -> None:
        """Ask for the pipeline's end; one that is over is left alone."""
        await self._cancel(ref, None)

    async def cancel_run_as(self, ref: RunRef, grant: Grant) -> None:
        """Ask for the pipeline's end as the person; one that is over is left alone.

        Raises:
            Refused: GitLab does not let this person cancel it.
            NotAuthenticated: the grant has ended.
        """
        await self._cancel(ref, grant)

    async def _cancel(self, ref: RunRef, grant: Grant | None) -> None:
        project_id, pipeline_id = self._ids(ref)

        def look(library: gitlab.Gitlab) -> RunState:
            pipeline = library.projects.get(project_id, lazy=True).pipelines.get(pipeline_id)
            return state_of(pipeline.status)

        if (await self._api.read(look)).final:
            return
        try:
            await self._end(ref, grant)
        except (NotPermitted, NotFound) as error:
            raise self._no_right(error, f"cancel #{pipeline_id}", grant) from error

    async def retry_build(self, ref: RunRef, request_id: str) -> RunRef:
        """Start a pipeline with the ref, the commit and the variables of one that is over.

        Raises:
            OutcomeUnknown: as for `start_build`.
            Refused: as for `start_build`; it still goes on, or its variables are not for us to see.
        """
        return await self._retry(ref, request_id, None)

    async def retry_build_as(self, ref: RunRef, request_id: str, grant: Grant) -> RunRef:
        """Start a pipeline as the person with what one that is over had.

        Raises:
            OutcomeUnknown: no answer, and as the person no such pipeline is seen yet; the same call looks first.
            Refused: as for `retry_build`, or GitLab does not let this person start one.
            NotAuthenticated: the grant has ended.
        """
        return await self._retry(ref, request_id, grant)

    async def _retry(self, ref: RunRef, request_id: str, grant: Grant | None) -> RunRef:
        project_id, pipeline_id = self._ids(ref)

        def look(library: gitlab.Gitlab) -> ProjectPipeline:
            return library.projects.get(project_id, lazy=True).pipelines.get(pipeline_id)

        old: Any = await self._api.read(look)
        if not state_of(old.status).final:
            raise Refused(self.instance, f"the pipeline #{pipeline_id} still goes on: cancel it first, or wait")
        names = self._api.settings.variables
        start = Start(
            request_id=request_id,
            project=str(project_id),
            sha=str(old.sha),
            ref=str(old.ref),
            variables={**await self._variables_of(old, look_as=grant), names.request_id: request_id},
        )
        return await self._start(start, grant)

    async def _variables_of(self, pipeline: ProjectPipeline, *, look_as: Grant | None) -> Mapping[str, str]:
        """Return the variables of a pipeline, which GitLab shows to who started it and to maintainers.

        Raises:
            Refused: they are neither for us nor for the person to see: it would run without them.
        """
        project_id, pipeline_id = int(pipeline.project_id), int(pipeline.id)

        def ask(library: gitlab.Gitlab) -> Mapping[str, str]:
            found = library.projects.get(project_id, lazy=True).pipelines.get(pipeline_id, lazy=True)
            return self._all_variables(found)

        try:
            return await self._api.read(ask)
        except (NotPermitted, NotFound) as error:
            hidden = error
        if look_as is not None:
            try:
                return await self._api.read_as(look_as.access_token.get_secret_value(), ask)
            except (NotPermitted, NotFound) as error:
                hidden = error
        raise Refused(
            self.instance,
            f"the variables of #{pipeline_id} are for who started it to see, and without them it would be another "
            "pipeline: retry it in GitLab",
        ) from hidden

    def _no_right(self, error: NotPermitted | NotFound, what: str, grant: Grant | None) -> IntegrationError:
        """Return what a refusal means: that this person may not, or that our token may not."""
        if grant is not None:
            return Refused(self.instance, f"this person may not {what} ({error.message})")
        return error

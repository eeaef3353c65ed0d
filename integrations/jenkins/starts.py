"""Starting runs: looked up before they are sent, checked before they are sent, sent once. Everything here blocks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.deploys import DeployRequest, Running
from integrations.capabilities.runs import ParameterKind, RunRef, RunState
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from integrations.jenkins import builds
from integrations.jenkins.connection import Answer, Connection, Lost
from integrations.jenkins.failures import error_of
from integrations.jenkins.jobs import Job, Jobs
from integrations.jenkins.names import RunName, job_path, queue_id
from integrations.jenkins.parameters import fitting
from integrations.jenkins.places import ANY, NEWEST, Bounds, Places
from integrations.jenkins.runs import Runs
from integrations.jenkins.settings import JenkinsSettings

_CREATED = 201
_LOOKS = 3
_BETWEEN_LOOKS = 0.2  # seconds: an item that leaves the queue is a moment in neither list


@dataclass
class Attempt:
    """One attempt to start something. Whoever gives it up sets `withdrawn`; `posted` says that it is, or may be, sent.

    `failure` is what was raised by sending it: whoever gets another error has given it up before it ended.
    """

    withdrawn: bool = False
    posted: bool = False
    failure: Exception | None = None


class Starts:
    """Starts builds and deploys. The same request id never starts a second one, as far as Jenkins can tell."""

    def __init__(
        self, connection: Connection, settings: JenkinsSettings, jobs: Jobs, runs: Runs, places: Places
    ) -> None:
        self._connection = connection
        self._instance = connection.instance
        self._settings = settings
        self._names = settings.parameters
        self._jobs = jobs
        self._runs = runs
        self._places = places

    def build(self, request: BuildRequest, attempt: Attempt) -> RunRef:
        """Start a build, or return the one that this request started."""
        job = self._jobs.get(request.job, request.branch)
        name = self._name(job, request.request_id)
        if self._places.find(name, Bounds(request.asked_at)) is not None:
            return self._ref(name)
        of_branch = job.name.endswith(f"/{request.branch.replace('/', '%2F')}") if request.branch else True
        needed = {self._names.sha: request.sha, self._names.branch: "" if of_branch else request.branch}
        filled = {self._names.project: request.project, self._names.version: request.version}
        filled |= {self._names.branch: request.branch}
        return self._send(attempt, name, self._values(job, {**filled, **needed}, request.parameters, needed))

    def deploy(self, request: DeployRequest, attempt: Attempt) -> RunRef:
        """Start a deploy, or return the one that this request started. Refuses a fence older than one seen."""
        job = self._jobs.get(request.job)
        name = self._name(job, request.request_id)
        if self._places.find(name, Bounds(request.asked_at)) is not None:
            return self._ref(name)
        place = self._place(request.service, request.environment, request.target)
        newest = max([0, *(int(f) for f in self._fences(job, place) if f.isdigit())])
        if request.fence < newest:
            raise Refused(
                self._instance, f"the claim {request.fence} is older than {newest}, which {job.name} has seen"
            )
        names = self._names
        what = {names.sha: request.sha, names.version: request.version}
        what |= {names.artifact: request.artifact, names.digest: request.digest}
        if not any(parameter.name in what for parameter in job.parameters):
            raise Refused(self._instance, f"{job.name} takes none of {', '.join(what)}: it cannot know what to deploy")
        needed = {names.fence: str(request.fence), names.target: request.target}
        filled = {names.project: request.project, **place, **what, **needed}
        return self._send(attempt, name, self._values(job, filled, request.parameters, needed))

    def retry(self, ref: RunRef, request_id: str, attempt: Attempt) -> RunRef:
        """Run a build that is over once more, with its parameters; passwords cannot be seen and fall to defaults."""
        known = self._runs.name_of(ref)
        job = self._jobs.get(known.job)
        name = self._name(job, request_id)
        found = self._places.find(known, ANY)
        if self._places.find(name, Bounds(after=found.number) if found else NEWEST) is not None:
            return self._ref(name)
        if found is None:
            raise NotFound(self._instance, f"no run {ref}")
        if found.item is not None and not found.item.get("cancelled"):
            raise Refused(self._instance, f"{known} still waits in the queue")
        subject = found.item or self._connection.get(f"{job_path(job.name)}/{found.number}", builds.LISTED)
        if found.item is None and builds.state_of(subject) is RunState.RUNNING:
            raise Refused(self._instance, f"{known} still goes on: wait for its end or cancel it")
        secret = [p.name for p in job.parameters if p.kind is ParameterKind.SECRET and not p.default]
        if secret:
            hidden = ", ".join(secret)
            raise Refused(self._instance, f"{job.name} takes {hidden}, which Jenkins does not show: start it anew")
        declared = {parameter.name for parameter in job.parameters}
        given = {key: value for key, value in builds.parameters_of(subject).items() if key in declared}
        given.pop(self._names.request_id, None)
        return self._send(attempt, name, self._values(job, {}, given, {}))

    def running(self, job_name: str, service: str, environment: str, target: str) -> Running | None:
        """Return what the newest successful deploy to a place put there, None if there is none in sight."""
        job = self._jobs.get(job_name)
        place = self._place(service, environment, target)
        for build in self._builds(job):
            if builds.state_of(build) is RunState.SUCCEEDED and self._is_of(build, place):
                given = builds.parameters_of(build)
                run = builds.run_of(build, self._runs.ref_of(job.name, build), self._names)
                version = given.get(self._names.version, "")
                return Running(sha=run.sha, version=version, since=run.ended_at, url=run.url)
        return None

    # ------------------------------------------------------------------------------------------------------ sending

    def _values(
        self, job: Job, filled: Mapping[str, str], given: Mapping[str, str], needed: Mapping[str, str]
    ) -> dict[str, str]:
        """Return what the job declares of `filled`, and all that is `given`. Refuses if it lacks what is `needed`."""
        if job.disabled:
            raise Refused(self._instance, f"{job.name}: {job.disabled}")
        declared = {parameter.name for parameter in job.parameters}
        lacking = [key for key in (self._names.request_id, *(k for k, v in needed.items() if v)) if key not in declared]
        if lacking:
            how = "declare it as a string parameter (a Jenkinsfile's count from the job's first build on)"
            raise Refused(self._instance, f"{job.name} has no parameter {', '.join(lacking)}: {how}")
        values = {key: value for key, value in filled.items() if key in declared and value}
        return fitting(self._instance, job.name, {**values, **given}, job.parameters)

    def _send(self, attempt: Attempt, name: RunName, values: Mapping[str, str]) -> RunRef:
        """Send it once. Who gave the attempt up meanwhile was told that nothing was sent, so nothing is."""
        attempt.posted = True
        if attempt.withdrawn:
            raise Unavailable(self._instance, "was given up before anything was sent")
        self._places.expect(name)
        try:
            return self._post(name, values)
        except IntegrationError as error:
            attempt.failure = error
            raise

    def _post(self, name: RunName, values: Mapping[str, str]) -> RunRef:
        data = {**values, self._names.request_id: name.request_id}
        try:
            reply = self._connection.post(f"{job_path(name.job)}/buildWithParameters", data)
        except Lost as error:
            return self._look_for(name, str(error), error)
        return self._taken(name, reply)

    def _taken(self, name: RunName, reply: Answer) -> RunRef:
        item = queue_id(reply.headers.get("location", ""))
        if reply.status == _CREATED and item is not None:
            self._places.note(name, queue_id=item)
            return self._ref(name)
        failure = error_of(self._instance, reply.status, reply.headers, reply.body)
        if failure is None or isinstance(failure, BadReply) or _may_have_worked(failure, reply):
            return self._look_for(name, failure.message if failure else "the answer names no queue item", failure)
        if isinstance(failure, NotFound):
            raise NotFound(self._instance, f"{name.job} is gone, or these credentials may not build it")
        if isinstance(failure, Refused) and "not buildable" in failure.reason:
            raise Refused(self._instance, f"{name.job} takes no builds: {failure.reason}")
        raise failure

    def _look_for(self, name: RunName, words: str, error: Exception | None) -> RunRef:
        """Find what may have been started though the answer did not say so."""
        for look in range(_LOOKS):
            if look:
                time.sleep(_BETWEEN_LOOKS)
            try:
                found = self._places.search(name)
            except IntegrationError:  # whatever keeps us from looking, what was sent stays unknown
                found = None
            if found is not None:
                return self._ref(name)
        message = f"the build was asked for, and {words}"
        raise OutcomeUnknown(self._instance, message, request_id=name.request_id) from error

    # ---------------------------------------------------------------------------------------------- what was before

    def _place(self, service: str, environment: str, target: str) -> dict[str, str]:
        names = self._names
        return {names.service: service, names.environment: environment, names.target: target}

    def _fences(self, job: Job, place: Mapping[str, str]) -> list[str]:
        queue = self._connection.get("/queue", f"items[{builds.ITEM}]").get("items") or ()
        waiting = [one for one in queue if job_path(job.name) in str((one.get("task") or {}).get("url"))]
        seen = [*waiting, *self._builds(job)]
        return [builds.parameters_of(one).get(self._names.fence, "") for one in seen if self._is_of(one, place)]

    def _builds(self, job: Job) -> Sequence[Mapping[str, Any]]:
        answer = self._connection.get(job.path, f"builds[{builds.LISTED}]{{0,{self._settings.history}}}")
        return list(answer.get("builds") or ())

    @staticmethod
    def _is_of(subject: Mapping[str, Any], place: Mapping[str, str]) -> bool:
        """Tell whether a build was for a place; what its job does not take, it is for all of."""
        given = builds.parameters_of(subject)
        return all(given.get(key, value) == value for key, value in place.items())

    def _name(self, job: Job, request_id: str) -> RunName:
        return RunName(job.name, request_id=request_id)

    def _ref(self, name: RunName) -> RunRef:
        return RunRef(self._instance, str(name))


def _may_have_worked(failure: Exception, reply: Answer) -> bool:
    """Tell a server error that says nothing about the build from one that came before it was looked at."""
    early = isinstance(failure, RateLimited) or b"Please wait while Jenkins" in reply.body
    return isinstance(failure, Unavailable) and not early

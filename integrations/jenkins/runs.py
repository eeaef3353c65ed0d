"""Runs: read, ended, answered and listed. Everything here blocks."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from integrations.capabilities.runs import LogChunk, Run, RunRef, RunState
from integrations.errors import NotFound, Refused, Unavailable
from integrations.jenkins import builds
from integrations.jenkins.connection import Answer, Connection, LogPart, Lost
from integrations.jenkins.console import read_chunk
from integrations.jenkins.endings import Ending, Endings
from integrations.jenkins.failures import error_of
from integrations.jenkins.jobs import Job
from integrations.jenkins.names import RunName, job_and_number, job_path
from integrations.jenkins.parameters import fitting
from integrations.jenkins.places import ANY, Found, Places
from integrations.jenkins.settings import JenkinsSettings

_DONE = {200, 201, 204, 302, 303}
_KEPT = 512
_FEWEST_LOOKED_THROUGH = 100


@dataclass
class _Ends:
    """What is known of builds that are over, by job and number."""

    kept: "OrderedDict[tuple[str, int], Ending]" = field(default_factory=OrderedDict)

    def keep(self, key: tuple[str, int], ending: Ending) -> None:
        self.kept[key] = ending
        while len(self.kept) > _KEPT:
            self.kept.popitem(last=False)


class Runs:
    """The runs of one Jenkins. `secrets` are masked in what is read of consoles."""

    def __init__(
        self, connection: Connection, settings: JenkinsSettings, places: Places, secrets: Sequence[str]
    ) -> None:
        self._connection = connection
        self._instance = connection.instance
        self._settings = settings
        self._places = places
        self._secrets = secrets
        self._endings = Endings(connection, settings, secrets)
        self._ends = _Ends()
        self._has_stages = True

    def get(self, ref: RunRef) -> Run:
        """Return a run as it stands. Raises: NotFound; otherwise as `Connection.get`."""
        name = self.name_of(ref)
        found = self._found(name)
        if found.item is not None:
            return self._with_nodes(builds.queued_run(found.item, ref))
        path = f"{job_path(name.job)}/{found.number}"
        build = self._connection.find(path, builds.BUILD)
        if build is None:
            raise NotFound(self._instance, f"the build #{found.number} of {name.job} is gone: deleted or discarded")
        run = builds.run_of(build, ref, self._settings.parameters)
        since = self._places.since(name)
        if since and run.started_at is not None:
            run = replace(run, queued_at=min(datetime.fromtimestamp(since / 1000, UTC), run.started_at))
        described = self._described(build, path)
        run = replace(run, stages=builds.stages_of(described, run.url))
        if described.get("status") == "PAUSED_PENDING_INPUT":
            run = replace(run, actions=self._waiting(path, run.url))
        return self._ended(run, (name.job, found.number), build, described) if run.state.final else run

    def cancel(self, ref: RunRef) -> None:
        """Ask for a run's end, in the queue or at work; one that is over stays as it is."""
        name = self.name_of(ref)
        found = self._found(name)
        if found.item is not None:
            if found.item.get("cancelled"):
                return
            self._done(self._post("/queue/cancelItem", params={"id": str(found.item["id"])}), also=(404,))
            found = self._places.find(name) or found  # it may have begun in the meantime
        if found.item is None:
            path = f"{job_path(name.job)}/{found.number}"
            if self._connection.get(path, "building").get("building"):
                self._done(self._post(f"{path}/stop"))

    def read_log(self, ref: RunRef, offset: int) -> LogChunk:
        """Return a piece of a run's console; nothing as long as it waits in the queue."""
        name = self.name_of(ref)
        found = self._found(name)
        if found.item is not None:
            return LogChunk(text="", next_offset=offset, more=not found.item.get("cancelled"))
        path = f"{job_path(name.job)}/{found.number}"

        def read(start: int, limit: int) -> LogPart:
            return self._connection.read_log(path, start, limit)

        url = f"{self._settings.url}{path}/consoleText"
        return read_chunk(read, max(offset, 0), secrets=self._secrets, url=url)

    def answer(self, ref: RunRef, action: str, given: Mapping[str, str]) -> None:
        """Let a waiting input step go on. Raises: Refused when none of that id waits, or a parameter is wrong."""
        name = self.name_of(ref)
        found = self._found(name)
        path = f"{job_path(name.job)}/{found.number}"
        waiting = self._pending(path) if found.item is None else []
        step = next((one for one in waiting if str(one["id"]) == action), None)
        if step is None:
            raise Refused(self._instance, f"nothing called {action!r} waits for an answer in {name}")
        asked = builds.actions_of([step], "")[0]
        values = {one.name: one.default for one in asked.parameters}
        values |= fitting(self._instance, asked.text or action, given, asked.parameters)
        try:
            reply = self._connection.post(f"{path}/input/{action}/submit", builds.submission(values, asked.label))
        except Lost as error:
            if not any(str(one["id"]) == action for one in self._pending(path)):
                return
            raise Unavailable(self._instance, f"{error}; the step {action!r} still waits") from error
        if reply.status == 404:  # noqa: PLR2004 -- Not Found: somebody was quicker
            raise Refused(self._instance, f"{action!r} waits no more: somebody has answered it")
        self._done(reply)

    def newest(self, job: Job, branch: str, limit: int) -> list[Run]:
        """Return a job's builds, newest first; with a branch, those of it among the newest."""
        many = max(limit * 5, _FEWEST_LOOKED_THROUGH) if branch else limit
        answer = self._connection.get(job.path, f"builds[{builds.LISTED}]{{0,{many}}}")
        found = [self._listed(job.name, one) for one in answer.get("builds") or ()]
        if branch and not job.name.endswith(f"/{branch.replace('/', '%2F')}"):
            found = [run for run in found if run.branch == branch]
        return found[:limit]

    def name_of(self, ref: RunRef) -> RunName:
        """Return what a reference names. Raises: NotFound."""
        name = RunName.parse(ref.id) if ref.instance == self._instance else None
        if name is None:
            raise NotFound(self._instance, f"no run {ref}")
        return name

    def ref_of(self, job: str, build: Mapping[str, Any]) -> RunRef:
        """Return the reference of a build: by request id if it has one, else by number."""
        request_id = builds.parameters_of(build).get(self._settings.parameters.request_id, "")
        number = int(build["number"])
        if request_id:
            name = RunName(job, request_id=request_id)
            self._places.note(name, number=number)
            return RunRef(self._instance, str(name))
        return RunRef(self._instance, str(RunName(job, number=number)))

    def _listed(self, job: str, build: Mapping[str, Any]) -> Run:
        run = builds.run_of(build, self.ref_of(job, build), self._settings.parameters)
        if run.state is RunState.CANCELLED:
            return replace(run, reason=builds.cancelled_by(build))
        return run

    def _found(self, name: RunName) -> Found:
        found = self._places.find(name, ANY)
        if found is None:
            raise NotFound(self._instance, f"{name} is neither in the queue nor among the builds of {name.job}")
        return found

    def _described(self, build: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        if not builds.is_pipeline(build) or not self._has_stages:
            return {}
        try:
            described: Mapping[str, Any] = self._connection.get_workflow(f"{path}/wfapi/describe")
        except NotFound:  # the plugin pipeline-rest-api is not installed
            self._has_stages = False
            return {}
        return described

    def _waiting(self, path: str, url: str) -> Sequence[Any]:
        return builds.actions_of(self._pending(path), url)

    def _pending(self, path: str) -> "Sequence[Mapping[str, Any]]":
        try:
            pending: Sequence[Mapping[str, Any]] = self._connection.get_workflow(f"{path}/wfapi/pendingInputActions")
        except NotFound:
            return ()
        return pending

    def _with_nodes(self, run: Run) -> Run:
        """Say of a run that waits for a node which nodes are offline, and why."""
        if run.state is not RunState.QUEUED or not ("offline" in run.reason or run.reason.startswith("stuck")):
            return run
        answer = self._connection.find("/computer", "computer[displayName,offline,offlineCauseReason]") or {}
        offline = [
            f"{one['displayName']} is offline" + (f": {one['offlineCauseReason']}" if one["offlineCauseReason"] else "")
            for one in answer.get("computer") or ()
            if one.get("offline")
        ]
        return replace(run, reason="; ".join([run.reason, *offline[:5]]))

    def _ended(self, run: Run, key: tuple[str, int], build: Mapping[str, Any], described: Mapping[str, Any]) -> Run:
        ending = self._ends.kept.get(key)
        if ending is None:
            ending = self._endings.of(run, key, build, described)
            if ending.settled:
                self._ends.keep(key, ending)
        return replace(run, reason=ending.reason, result=ending.result, downstream=ending.downstream)

    def _post(self, path: str, *, params: dict[str, str] | None = None) -> Answer:
        try:
            return self._connection.post(path, params=params)
        except Lost as error:  # to ask again does no harm
            raise Unavailable(self._instance, str(error)) from error

    def _done(self, reply: Answer, also: Sequence[int] = ()) -> None:
        location = urlsplit(reply.headers.get("location", "")).path
        to_sign_in = bool(location) and job_and_number(location) is None and "login" in location
        if reply.status in also or (reply.status in _DONE and not to_sign_in):
            return
        failure = error_of(self._instance, reply.status, reply.headers, reply.body)
        if failure is not None:
            raise failure

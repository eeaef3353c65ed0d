"""How a build ended: why it failed, what it made, what it started. Everything here blocks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.capabilities.runs import Downstream, Run, RunRef, RunState
from integrations.errors import BadReply, NotFound, Refused
from integrations.jenkins import builds
from integrations.jenkins.connection import Connection, LogPart
from integrations.jenkins.console import clean, last_words, tail
from integrations.jenkins.names import RunName, job_and_number, job_path
from integrations.jenkins.settings import JenkinsSettings

_TAIL = 16 * 1024
_HEAD = 512 * 1024  # how much of a pipeline's console is read for the builds it says it started
_MOST_DOWNSTREAM = 20
_STARTED = re.compile(r"^(?:Starting building: |Scheduling project: .*#\d* *)(.+) #(\d+)\s*$", re.MULTILINE)
_SHOWN = "number,url,building,result,fullDisplayName,actions[causes[upstreamProject,upstreamBuild]]"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is told of a build that is over; `settled` when none of it will change."""

    reason: str = ""
    result: Mapping[str, str] = field(default_factory=dict)
    downstream: Sequence[Downstream] = ()
    settled: bool = True


class Endings:
    """Reads how builds ended."""

    def __init__(self, connection: Connection, settings: JenkinsSettings, secrets: Sequence[str]) -> None:
        self._connection = connection
        self._instance = connection.instance
        self._settings = settings
        self._secrets = secrets

    def of(self, run: Run, key: tuple[str, int], build: Mapping[str, Any], described: Mapping[str, Any]) -> Ending:
        """Return the ending of a build (job, number). Raises: as `Connection.get`."""
        path = f"{job_path(key[0])}/{key[1]}"
        downstream = self._downstream(key, path, build)
        settled = all(one.state.final for one in downstream)
        if run.state is RunState.SUCCEEDED:
            result, trouble = self._result(path, build)
            return Ending(trouble, result, downstream, settled)
        if run.state is RunState.CANCELLED:
            return Ending(builds.cancelled_by(build), {}, downstream, settled)
        return Ending(self._why(path, build, described), {}, downstream, settled)

    def _why(self, path: str, build: Mapping[str, Any], described: Mapping[str, Any]) -> str:
        try:
            words = last_words(tail(self._reader(path), _TAIL, self._secrets))
        except (NotFound, BadReply):  # its console was deleted
            words = ""
        parts = [str(build["result"]).lower(), builds.stage_error(described), words]
        return "; ".join(dict.fromkeys(part for part in parts if part))

    def _result(self, path: str, build: Mapping[str, Any]) -> tuple[dict[str, str], str]:
        file = builds.result_path(build, self._settings.result_file)
        try:
            content = self._connection.ask(f"{path}/artifact/{file}").body if file else None
            return builds.result_of(build, content), ""
        except (ValueError, NotFound, Refused) as error:
            return {}, f"its {self._settings.result_file} cannot be read: {error}"

    def _downstream(self, key: tuple[str, int], path: str, build: Mapping[str, Any]) -> tuple[Downstream, ...]:
        found = {str(one["url"]): one for one in builds.triggered_by(build)}
        if builds.is_pipeline(build):
            found |= self._started_by_steps(path)
        else:
            found |= self._started_after(key)
        return tuple(self._one(one) for one in list(found.values())[:_MOST_DOWNSTREAM])

    def _started_after(self, key: tuple[str, int]) -> dict[str, Mapping[str, Any]]:
        """Return the builds of a job's downstream projects that say that this build started them."""
        tree = f"downstreamProjects[builds[{_SHOWN}]{{0,20}}]"
        projects = (self._connection.find(job_path(key[0]), tree) or {}).get("downstreamProjects") or ()
        listed = [one for project in projects for one in project.get("builds") or ()]
        return {str(one["url"]): one for one in listed if key in builds.upstream_of(one)}

    def _started_by_steps(self, path: str) -> dict[str, Mapping[str, Any]]:
        """Return the builds that a pipeline's console says its `build` steps started: nothing else tells of them."""
        try:
            text = clean(self._reader(path)(0, _HEAD).text, ())
        except (NotFound, BadReply):
            return {}
        found = {}
        for shown, number in _STARTED.findall(text)[:_MOST_DOWNSTREAM]:
            job = shown.replace(" » ", "/")
            one = self._connection.find(f"{job_path(job)}/{number}", _SHOWN)
            if one is not None:
                found[str(one["url"])] = one
        return found

    def _one(self, build: Mapping[str, Any]) -> Downstream:
        url = str(build.get("url") or "")
        where = job_and_number(url)
        ref = RunRef(self._instance, str(RunName(where[0], number=where[1]))) if where and where[1] else None
        title = str(build.get("fullDisplayName") or (ref.id if ref else url))
        return Downstream(title=title, state=builds.state_of(build), url=url, ref=ref)

    def _reader(self, path: str) -> "Reader":
        return Reader(self._connection, path)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one console."""

    connection: Connection
    path: str

    def __call__(self, start: int, limit: int) -> LogPart:
        """Return at most `limit` bytes from a raw offset on."""
        return self.connection.read_log(self.path, start, limit)

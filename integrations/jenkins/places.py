"""Where our runs are: in the queue or among a job's builds, found by request id whatever Jenkins has forgotten.

Everything here blocks.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.errors import NotPermitted
from integrations.jenkins.builds import ITEM, parameters_of
from integrations.jenkins.connection import Connection
from integrations.jenkins.names import RunName, job_and_number, job_path

_KEPT = 4096
_MOST_BUILDS = 3000  # of a job are looked through: more would take longer than a call may
_CLOCKS_DIFFER = timedelta(minutes=15)
_RUNNING = "currentExecutable[number,url,actions[parameters[name,value]]]"


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a run: its queue item, its build's number, since when (milliseconds) it was queued."""

    queue_id: int = 0
    number: int = 0
    since: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Where a run is now: a queue item as Jenkins has it, or a build's number."""

    item: Mapping[str, Any] | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far back a run may lie among a job's builds; without either only the newest are looked through.

    `since` is when it was first asked for, by our clock: Jenkins' may differ by minutes. `after` is the number of a
    build that was there before it.
    """

    since: datetime | None = None
    after: int = 0

    def reach_beyond(self, build: Mapping[str, Any]) -> bool:
        """Tell whether builds older than this one are worth a look."""
        if self.after:
            return int(build["number"]) > self.after
        began = datetime.fromtimestamp(int(build["timestamp"]) / 1000, UTC)
        return self.since is not None and began > self.since - _CLOCKS_DIFFER


NEWEST = Bounds()
ANY = Bounds(after=1)


class Places:
    """Knows where runs are and looks again for those it does not know. `parameter` carries the request id."""

    def __init__(self, connection: Connection, *, parameter: str, history: int) -> None:
        self._connection = connection
        self._parameter = parameter
        self._history = history
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Place] = OrderedDict()
        self._jobs: OrderedDict[str, str] = OrderedDict()

    def expect(self, name: RunName) -> None:
        """Remember that a run of this request is about to be started in this job."""
        with self._lock:
            self._jobs[name.request_id] = name.job
            _trim(self._jobs)

    def note(self, name: RunName, *, queue_id: int = 0, number: int = 0, since: int = 0) -> None:
        """Remember where a run is."""
        with self._lock:
            old = self._known.get(str(name), Place())
            self._known[str(name)] = Place(queue_id or old.queue_id, number or old.number, since or old.since)
            self._known.move_to_end(str(name))
            _trim(self._known)
        if name.request_id:
            self.expect(name)

    def since(self, name: RunName) -> int:
        """Return when a run was queued, in milliseconds, 0 if that is not known."""
        return self._known.get(str(name), Place()).since

    def find(self, name: RunName, bounds: Bounds = NEWEST) -> Found | None:
        """Return where a run is, None if it is nowhere (any more). Raises: as `Connection.get`."""
        if name.number:
            return Found(number=name.number)
        known = self._known.get(str(name), Place())
        if known.number:
            return Found(number=known.number)
        if known.queue_id:
            item = self._connection.find(f"/queue/item/{known.queue_id}", ITEM)
            if item is not None and parameters_of(item).get(self._parameter, name.request_id) == name.request_id:
                return self._item(name, item)
        return self.search(name, bounds)

    def search(self, name: RunName, bounds: Bounds = NEWEST) -> Found | None:
        """Look for a request id in the queue, then among the job's builds, newest first, as far back as `bounds`."""
        for item in self._queue():
            where = job_and_number(str((item.get("task") or {}).get("url") or ""))
            if where is not None and where[0] == name.job and self._request_id(item) == name.request_id:
                return self._item(name, item)
        return self.among_builds(name, bounds)

    def among_builds(self, name: RunName, bounds: Bounds) -> Found | None:
        """Look for a request id among a job's builds, newest first, as far back as `bounds`.

        `builds` of a job are its newest hundred; all of them are `allBuilds`, which is read a page at a time.
        """
        for first in range(0, _MOST_BUILDS, self._history):
            tree = f"allBuilds[number,timestamp,actions[parameters[name,value]]]{{{first},{first + self._history}}}"
            found = self._connection.find(job_path(name.job), tree) or {}
            page: Sequence[Mapping[str, Any]] = found.get("allBuilds") or ()
            for build in page:
                if self._request_id(build) == name.request_id:
                    self.note(name, number=int(build["number"]))
                    return Found(number=int(build["number"]))
            if len(page) < self._history or not bounds.reach_beyond(page[-1]):
                break
        return None

    def named(self, request_id: str) -> RunName | None:
        """Return the run of a request id: in the job where we started it, else wherever it waits or runs now."""
        job = self._jobs.get(request_id)
        if job is not None:
            name = RunName(job, request_id=request_id)
            return name if str(name) in self._known or self.search(name) else None
        for item in self._queue():
            if self._request_id(item) == request_id:
                where = job_and_number(str((item.get("task") or {}).get("url") or ""))
                if where is not None:
                    name = RunName(where[0], request_id=request_id)
                    self._item(name, item)
                    return name
        for build in self._executing():
            where = job_and_number(str(build.get("url") or ""))
            if where is not None and self._request_id(build) == request_id:
                name = RunName(where[0], request_id=request_id)
                self.note(name, number=where[1])
                return name
        return None

    def _item(self, name: RunName, item: Mapping[str, Any]) -> Found:
        self.note(name, queue_id=int(item["id"]), since=int(item.get("inQueueSince") or 0))
        executable = item.get("executable")
        if executable:
            self.note(name, number=int(executable["number"]))
            return Found(number=int(executable["number"]))
        return Found(item=item)

    def _queue(self) -> list[Mapping[str, Any]]:
        return list(self._connection.get("/queue", f"items[{ITEM}]").get("items") or ())

    def _executing(self) -> list[Mapping[str, Any]]:
        tree = f"computer[executors[{_RUNNING}],oneOffExecutors[{_RUNNING}]]"
        try:
            computers = self._connection.get("/computer", tree).get("computer") or ()
        except NotPermitted:
            return []
        executors = [e for one in computers for kind in ("executors", "oneOffExecutors") for e in one.get(kind) or ()]
        return [one["currentExecutable"] for one in executors if one.get("currentExecutable")]

    def _request_id(self, subject: Mapping[str, Any]) -> str:
        return parameters_of(subject).get(self._parameter, "")


def _trim(kept: "OrderedDict[str, Any]") -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)

"""Jobs by name: found, described, listed. Everything here blocks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from integrations.capabilities.builds import BuildJob
from integrations.capabilities.runs import Parameter
from integrations.errors import NotFound, Refused
from integrations.jenkins.connection import Connection
from integrations.jenkins.names import branch_job, is_job, job_path
from integrations.jenkins.parameters import DEFINITIONS, defined

_TREE = f"fullName,name,url,buildable,disabled,color,property[{DEFINITIONS}],jobs[name]"
_DEPTH = 8
_FRESH = 20.0  # seconds that a list of all jobs is used for menus
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Job:
    """A job that builds can be started of. `disabled` says why not, if not; `branches` are a multibranch job's."""

    name: str
    url: str
    parameters: Sequence[Parameter]
    disabled: str = ""

    @property
    def path(self) -> str:
        """The path of its address."""
        return job_path(self.name)

    def described(self) -> BuildJob:
        """Return it as callers know it."""
        return BuildJob(name=self.name, url=self.url, parameters=self.parameters, disabled=self.disabled)


class Jobs:
    """The jobs of one Jenkins."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._instance = connection.instance
        self._listed: tuple[float, tuple[str, ...]] = (0.0, ())

    def get(self, name: str, branch: str = "") -> Job:
        """Return a job by its full name, or by its last segments where they fit one job alone.

        `branch` chooses the job of a multibranch job; a plain job is returned whatever the branch.

        Raises:
            NotFound: there is none; the message names near ones.
            Refused: several fit, or it is a folder.
        """
        found = self._connection.find(job_path(name), _TREE) if is_job(name) else None
        if found is None:
            name = self._resolve(name)
            found = self._connection.get(job_path(name), _TREE)
        if _is_multibranch(found) and branch:
            return self.get(branch_job(str(found["fullName"]), branch))
        if "jobs" in found:
            raise Refused(self._instance, self._folder(found))
        disabled = ""
        if found.get("buildable") is False:
            off = found.get("disabled") or str(found.get("color", "")).startswith("disabled")
            disabled = "the job is disabled in Jenkins" if off else "Jenkins takes no builds of this job now"
        return Job(
            name=str(found["fullName"]),
            url=str(found.get("url") or ""),
            parameters=defined(found.get("property") or ()),
            disabled=disabled,
        )

    def within(self, name: str) -> Sequence[str]:
        """Return the full names of the jobs that a name stands for: one, the branches of one, or none."""
        found = self._connection.find(job_path(name), _TREE) if is_job(name) else None
        if found is None:
            return [one for one in self._all() if one == name or one.endswith(f"/{name}")]
        full = str(found["fullName"])
        return [f"{full}/{one['name']}" for one in found["jobs"]] if "jobs" in found else [full]

    def names(self, part: str, limit: int) -> list[str]:
        """Return full names of jobs that hold `part`, at most so many; they may be seconds old."""
        at, names = self._listed
        if not names or time.monotonic() - at > _FRESH:
            names = self._all()
            self._listed = (time.monotonic(), names)
        wanted = part.casefold()
        return [name for name in names if wanted in name.casefold()][:limit]

    def _all(self) -> tuple[str, ...]:
        tree = "fullName"
        for _ in range(_DEPTH):
            tree = f"fullName,jobs[{tree}]"
        return tuple(sorted(_leaves(self._connection.get("", f"jobs[{tree}]").get("jobs") or ())))

    def _resolve(self, name: str) -> str:
        names = self._all()
        fitting = [one for one in names if one == name or one.endswith(f"/{name}")]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            several = ", ".join(fitting[:_SHOWN])
            raise Refused(self._instance, f"several jobs are called {name}: {several}. Give the whole name.")
        short = {one.rpartition("/")[2]: one for one in names}
        near = [short.get(one, one) for one in get_close_matches(name, [*names, *short], n=3)]
        hint = f" Did you mean {', '.join(dict.fromkeys(near))}?" if near else ""
        raise NotFound(self._instance, f"there is no job {name}, or these credentials may not see it.{hint}")

    def _folder(self, found: Mapping[str, Any]) -> str:
        inside = [f"{found['fullName']}/{one['name']}" for one in found["jobs"]]
        shown = ", ".join(inside[:_SHOWN]) or "nothing"
        if _is_multibranch(found):
            return f"{found['fullName']} builds branches: name one of {shown}"
        return f"{found['fullName']} is a folder: name a job in it: {shown}"


def _is_multibranch(found: Mapping[str, Any]) -> bool:
    return "MultiBranch" in str(found.get("_class", ""))


def _leaves(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    names: list[str] = []
    for one in jobs:
        inside = one.get("jobs")
        if inside is None:
            names.append(str(one["fullName"]))
        else:
            names += _leaves(inside)
    return names

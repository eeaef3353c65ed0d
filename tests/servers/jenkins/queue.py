"""Items of the queue, and the nodes that take them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.jenkins.jobs import Job
from tests.servers.jenkins.tree import Bean

if TYPE_CHECKING:
    from tests.servers.jenkins.builds import Build


@dataclass
class Cause:
    """Why a build was queued: a person, or a build before it."""

    user: str = ""
    upstream: "Build | None" = None

    def bean(self) -> Bean:
        """Return it as it is exported."""
        if self.upstream is None:
            shown: dict[str, Any] = {
                "shortDescription": f"Started by user {self.user}",
                "userId": self.user,
                "userName": self.user,
            }
            return Bean("hudson.model.Cause$UserIdCause", lambda: shown)
        build = self.upstream
        told = {
            "shortDescription": f'Started by upstream project "{build.job.full_name}" build number {build.number}',
            "upstreamBuild": build.number,
            "upstreamProject": build.job.full_name,
            "upstreamUrl": build.job.path.lstrip("/"),
        }
        return Bean("hudson.model.Cause$UpstreamCause", lambda: told)


@dataclass
class Node:
    """A computer that builds. `reason` says why it is offline, "" when it is not."""

    name: str
    label: str
    executors: int = 2
    reason: str = ""

    def bean(self) -> Bean:
        """Return it as it is exported."""
        kind = "hudson.model.Hudson$MasterComputer" if self.name == "master" else "hudson.slaves.SlaveComputer"
        shown: dict[str, Any] = {
            "displayName": self.name,
            "numExecutors": self.executors,
            "offline": bool(self.reason),
            "offlineCauseReason": self.reason,
            "temporarilyOffline": False,
            "executors": [],
        }
        return Bean(kind, lambda: shown, None, ("executors",))


@dataclass(eq=False)
class QueueItem:
    """One item. It is waiting (quiet period), blocked, buildable, or left for its build or because it was cancelled."""

    id: int
    job: Job
    values: Mapping[str, Any]
    cause: Cause
    since: int
    quiet_until: float
    why: str | None = None
    state: str = "WaitingItem"
    stuck: bool = False
    cancelled: bool = False
    build: "Build | None" = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> bool:
        """Whether it waits no more."""
        return self.cancelled or self.build is not None

    def actions(self) -> list[Bean]:
        """Return the actions that the item hands on to its build."""
        defined = {one.name: one for one in self.job.parameters}
        values = [defined[name].value(value) for name, value in self.values.items()]
        parameters = Bean("hudson.model.ParametersAction", lambda: {"parameters": values})
        causes = Bean("hudson.model.CauseAction", lambda: {"causes": [self.cause.bean()]})
        return [parameters, causes] if values else [causes]

    def bean(self) -> Bean:
        """Return it as it is exported."""
        kind = "LeftItem" if self.left else self.state
        return Bean(f"hudson.model.Queue${kind}", self._fields)

    def _fields(self) -> Mapping[str, Any]:
        shown: dict[str, Any] = {
            "actions": self.actions(),
            "blocked": self.state == "BlockedItem" and not self.left,
            "buildable": self.state == "BuildableItem" and not self.left,
            "id": self.id,
            "inQueueSince": self.since,
            "params": "".join(f"\n{name}={self._written(value)}" for name, value in self.values.items()),
            "stuck": self.stuck and not self.left,
            "task": self.job.bean(),
            "url": f"queue/item/{self.id}/",
            "why": None if self.left else self.why,
        }
        if self.left:
            executable = None
            if self.build is not None:
                bean = self.build.bean()
                executable = Bean(bean.kind, bean.fields, ("number", "url"))
            shown |= {"cancelled": self.cancelled, "executable": executable}
        elif self.state == "WaitingItem":
            shown["timestamp"] = int(self.quiet_until * 1000)
        else:
            shown["buildableStartMilliseconds"] = self.since
        return shown

    @staticmethod
    def _written(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

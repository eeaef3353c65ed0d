"""Jobs, folders and their typed parameters, as Jenkins exports them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.servers.jenkins.tree import Bean

if TYPE_CHECKING:
    from tests.servers.jenkins.builds import Build, Script
    from tests.servers.jenkins.queue import QueueItem

CLASSES = {
    "freestyle": "hudson.model.FreeStyleProject",
    "pipeline": "org.jenkinsci.plugins.workflow.job.WorkflowJob",
    "folder": "com.cloudbees.hudson.plugins.folder.Folder",
    "multibranch": "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject",
}
_COLORS = {"SUCCESS": "blue", "FAILURE": "red", "UNSTABLE": "yellow", "ABORTED": "aborted", "NOT_BUILT": "notbuilt"}
_LATEST = {
    "lastCompletedBuild": ("SUCCESS", "UNSTABLE", "FAILURE", "ABORTED", "NOT_BUILT"),
    "lastFailedBuild": ("FAILURE",),
    "lastStableBuild": ("SUCCESS",),
    "lastSuccessfulBuild": ("SUCCESS", "UNSTABLE"),
    "lastUnstableBuild": ("UNSTABLE",),
    "lastUnsuccessfulBuild": ("UNSTABLE", "FAILURE", "ABORTED", "NOT_BUILT"),
}


@dataclass(frozen=True)
class ParameterDefinition:
    """A parameter: `kind` is String, Text, Boolean, Choice or Password."""

    kind: str
    name: str
    default: Any = ""
    choices: Sequence[str] = ()
    description: str | None = None

    def convert(self, given: str) -> Any:
        """Return the value of what was submitted. Raises: ValueError, which Jenkins answers with 500."""
        if self.kind == "Choice" and given not in self.choices:
            message = f"Illegal choice for parameter {self.name}: {given}"
            raise ValueError(message)
        return given.lower() == "true" if self.kind == "Boolean" else given

    def value(self, value: Any) -> Bean:
        """Return a value of it as it stands in a build or a queue item."""
        shown = {"name": self.name, "value": value}
        if self.kind == "Password":
            shown.pop("value")
        return Bean(f"hudson.model.{self._value_kind}ParameterValue", lambda: shown)

    def bean(self, *, named: bool) -> Bean:
        """Return the definition; `named` is the place where the default carries its name."""
        default = {"name": self.name, "value": self.default} if named else {"value": self.default}
        shown: dict[str, Any] = {
            "defaultParameterValue": Bean(f"hudson.model.{self._value_kind}ParameterValue", lambda: default),
            "description": self.description,
            "name": self.name,
            "type": f"{self.kind}ParameterDefinition",
        }
        if self.kind == "Choice":
            shown["choices"] = list(self.choices)
        return Bean(f"hudson.model.{self.kind}ParameterDefinition", lambda: shown)

    @property
    def _value_kind(self) -> str:
        return self.kind if self.kind in {"Boolean", "Password"} else "String"


def text(name: str, default: str = "") -> ParameterDefinition:
    """Return a string parameter."""
    return ParameterDefinition("String", name, default)


def boolean(name: str, *, default: bool = False) -> ParameterDefinition:
    """Return a boolean parameter."""
    return ParameterDefinition("Boolean", name, default)


def choice(name: str, *choices: str) -> ParameterDefinition:
    """Return a choice; the first is its default."""
    return ParameterDefinition("Choice", name, choices[0], choices)


def password(name: str) -> ParameterDefinition:
    """Return a password parameter."""
    return ParameterDefinition("Password", name)


@dataclass(eq=False)
class Job:
    """A job, or a folder of jobs. `label` is what its builds need of a node; `gone` makes it one nobody may see."""

    root: str
    name: str
    kind: str
    parent: "Job | None" = None
    parameters: Sequence[ParameterDefinition] = ()
    script: "Script | None" = None
    label: str = ""
    description: str | None = None
    downstream: Sequence["Job"] = ()
    concurrent: bool = False
    disabled: bool = False
    hidden: bool = False
    config: str = ""
    jobs: dict[str, "Job"] = field(default_factory=dict)
    builds: dict[int, "Build"] = field(default_factory=dict)
    next_number: int = 1
    queued: "QueueItem | None" = None

    @property
    def full_name(self) -> str:
        """The path of names."""
        return f"{self.parent.full_name}/{self.name}" if self.parent else self.name

    @property
    def full_display_name(self) -> str:
        """The names as people see them."""
        return self.full_name.replace("/", " » ")

    @property
    def path(self) -> str:
        """The path of its address, with the slash at its end."""
        return f"{self.parent.path if self.parent else '/'}job/{quote(self.name, safe='')}/"

    @property
    def url(self) -> str:
        """Its address as Jenkins says it."""
        return f"{self.root}{self.path}"

    @property
    def is_folder(self) -> bool:
        """Whether it holds jobs."""
        return self.kind in {"folder", "multibranch"}

    @property
    def running(self) -> "Build | None":
        """A build that goes on."""
        return next((build for build in self.builds.values() if build.building), None)

    @property
    def color(self) -> str:
        """The ball that stands for its state."""
        ended = [build.result for build in self.newest() if build.result]
        color = "disabled" if self.disabled else _COLORS[ended[0]] if ended else "notbuilt"
        return f"{color}_anime" if self.running else color

    def newest(self) -> list["Build"]:
        """Return the builds, newest first."""
        return [self.builds[number] for number in sorted(self.builds, reverse=True)]

    def all(self) -> Iterator["Job"]:
        """Yield it and everything in it."""
        yield self
        for job in self.jobs.values():
            yield from job.all()

    def bean(self) -> Bean:
        """Return it as it is exported."""
        kind = CLASSES[self.kind]
        if self.is_folder:
            return Bean(kind, self._folder, ("name", "url"), ("fullNameOnly",))
        return Bean(kind, self._job, ("name", "url", "color"), ("allBuilds",))

    def _common(self) -> dict[str, Any]:
        return {
            "actions": [],
            "description": self.description,
            "displayName": self.name,
            "displayNameOrNull": None,
            "fullDisplayName": self.full_display_name,
            "fullName": self.full_name,
            "name": self.name,
            "url": self.url,
        }

    def _folder(self) -> Mapping[str, Any]:
        view = Bean("hudson.model.AllView", lambda: {"name": "All", "url": self.url})
        return {
            **self._common(),
            "actions": [
                Bean("", dict),
                Bean("", dict),
                Bean("com.cloudbees.plugins.credentials.ViewCredentialsAction", dict),
            ],
            "healthReport": [],
            "jobs": [job.bean() for job in self.jobs.values() if not job.hidden],
            "primaryView": view,
            "views": [view],
        }

    def _job(self) -> Mapping[str, Any]:
        builds = [build.bean() for build in self.newest()]
        latest = {
            name: next((build.bean() for build in self.newest() if build.result in results), None)
            for name, results in _LATEST.items()
        }
        property_kind = "hudson.model.ParametersDefinitionProperty"
        defined = self.parameters
        actions = [Bean(property_kind, lambda: {"parameterDefinitions": [p.bean(named=False) for p in defined]})]
        properties = [Bean(property_kind, lambda: {"parameterDefinitions": [p.bean(named=True) for p in defined]})]
        return {
            **self._common(),
            "actions": [
                *(actions if defined else []),
                Bean("", dict),
                Bean("", dict),
                Bean("org.jenkinsci.plugins.displayurlapi.actions.JobDisplayAction", dict),
                Bean("com.cloudbees.plugins.credentials.ViewCredentialsAction", dict),
            ],
            "buildable": not self.disabled,
            "builds": builds[:100],
            "allBuilds": builds,
            "color": self.color,
            "firstBuild": builds[-1] if builds else None,
            "healthReport": [],
            "inQueue": self.queued is not None,
            "keepDependencies": False,
            "lastBuild": builds[0] if builds else None,
            **latest,
            "nextBuildNumber": self.next_number,
            "property": properties if defined else [],
            "queueItem": self.queued.bean() if self.queued else None,
            "concurrentBuild": self.concurrent,
            **(self._freestyle() if self.kind == "freestyle" else {"resumeBlocked": False}),
        }

    def _freestyle(self) -> Mapping[str, Any]:
        return {
            "disabled": self.disabled,
            "downstreamProjects": [job.bean() for job in self.downstream],
            "labelExpression": self.label or None,
            "scm": Bean("hudson.scm.NullSCM", dict),
            "upstreamProjects": [],
        }

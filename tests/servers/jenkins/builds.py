"""Builds: what they did, what they wait for, and how they are exported."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.jenkins.console import Console
from tests.servers.jenkins.jobs import Job, ParameterDefinition
from tests.servers.jenkins.queue import QueueItem
from tests.servers.jenkins.tree import Bean

Script = Callable[["Build"], Awaitable[str | None]]
"""What a build does: returns its result, None for SUCCESS; what it raises is written to the console: FAILURE."""

KINDS = {"freestyle": "hudson.model.FreeStyleBuild", "pipeline": "org.jenkinsci.plugins.workflow.job.WorkflowRun"}


@dataclass
class Stage:
    """A stage of a pipeline; times in milliseconds."""

    id: str
    name: str
    began: int
    status: str = "IN_PROGRESS"
    ended: int = 0
    error: str | None = None


@dataclass
class Input:
    """A step that waits for a person. `answered` gets the values, None when it was aborted."""

    id: str
    message: str
    ok: str
    parameters: Sequence[ParameterDefinition]
    answered: "asyncio.Future[dict[str, Any] | None]"


@dataclass(eq=False)
class Build:
    """One build. Tests write its console, show stages, archive files and finish it, or its job's script does."""

    job: Job
    number: int
    item: QueueItem
    began: int
    console: Console = field(default_factory=Console)
    stages: list[Stage] = field(default_factory=list)
    inputs: dict[str, Input] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    report: dict[str, Any] | None = None
    result: str | None = None
    ended: int = 0
    aborted_by: str = ""
    description: str | None = None
    revision: tuple[str, str] | None = None
    triggered: list["Build"] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    changed: Callable[["Build", str], None] = field(default=lambda _build, _phase: None)

    @property
    def values(self) -> Mapping[str, Any]:
        """The parameters."""
        return self.item.values

    @property
    def path(self) -> str:
        """The path of its address."""
        return f"{self.job.path}{self.number}/"

    @property
    def url(self) -> str:
        """Its address as Jenkins says it."""
        return f"{self.job.root}{self.path}"

    @property
    def building(self) -> bool:
        """Whether it goes on."""
        return self.result is None

    # What a test or a script does with it

    def say(self, line: str) -> None:
        """Write a line to the console."""
        self.console.write(line.encode() + b"\n")

    def finish(self, result: str = "SUCCESS") -> None:
        """End it."""
        if self.result is not None:
            return
        if result == "ABORTED" and self.aborted_by:
            self.say(f"Aborted by {self.aborted_by}")
        for stage in self.stages:
            if stage.status in {"IN_PROGRESS", "PAUSED_PENDING_INPUT"}:
                stage.status, stage.ended = {"FAILURE": "FAILED"}.get(result, result), _now()
        for waiting in self.inputs.values():
            waiting.answered.cancel()
        self.inputs.clear()
        self.say(f"Finished: {result}")
        self.ended = max(_now(), self.began)
        self.result = result
        self.over.set()
        self.changed(self, "FINALIZED")

    @contextlib.asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[Stage]:
        """Run what is in the block as a stage of a pipeline."""
        stage = self.begin_stage(name)
        try:
            yield stage
        except asyncio.CancelledError:
            self.end_stage(stage, "ABORTED")
            raise
        except Exception as error:
            self.end_stage(stage, "FAILED", str(error))
            raise
        self.end_stage(stage, "SUCCESS")

    def begin_stage(self, name: str) -> Stage:
        """Begin a stage."""
        self.say("[Pipeline] stage")
        self.say(f"[Pipeline] {{ ({name})")
        stage = Stage(str(6 + 5 * len(self.stages)), name, _now())
        self.stages.append(stage)
        return stage

    def end_stage(self, stage: Stage, status: str, error: str | None = None) -> None:
        """End a stage."""
        stage.status, stage.ended, stage.error = status, _now(), error
        self.say("[Pipeline] }")

    async def ask(
        self, id_: str, message: str, *, ok: str = "Proceed", parameters: Sequence[ParameterDefinition] = ()
    ) -> dict[str, Any]:
        """Wait for a person, and return what was given; a refusal aborts the build."""
        id_ = id_[:1].upper() + id_[1:]
        answered: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self.inputs[id_] = Input(id_, message, ok, parameters, answered)
        running = [stage for stage in self.stages if stage.status == "IN_PROGRESS"]
        for stage in running:
            stage.status = "PAUSED_PENDING_INPUT"
        self.say("Input requested")
        values = await answered
        for stage in running:
            stage.status = "IN_PROGRESS"
        if values is None:
            raise asyncio.CancelledError
        return values

    async def run(self) -> None:
        """Do what the job's script does; without one go on until `finish`."""
        self.console.note(f"user/{self.item.cause.user}")
        if self.item.cause.upstream is None:
            self.say(f"Started by user {self.item.cause.user}")
        else:
            upstream = self.item.cause.upstream
            self.say(f'Started by upstream project "{upstream.job.full_name}" build number {upstream.number}')
        self.changed(self, "STARTED")
        if self.job.script is None:
            return
        try:
            result = await self.job.script(self) or "SUCCESS"
        except asyncio.CancelledError:
            result = "ABORTED"
        except Exception as error:  # noqa: BLE001 -- a script is a test's own: what it raises is its build's failure
            self.say(f"{type(error).__name__}: {error}")
            result = "FAILURE"
        self.finish(result)

    # How it is exported

    def bean(self) -> Bean:
        """Return it as it is exported."""
        return Bean(KINDS[self.job.kind], self._fields, ("number", "url"))

    def _fields(self) -> Mapping[str, Any]:
        done = [build for build in self.job.builds.values() if build.result and build is not self]
        shown: dict[str, Any] = {
            "actions": self._actions(),
            "artifacts": [self._artifact(path) for path in self.files],
            "building": self.building,
            "description": self.description,
            "displayName": f"#{self.number}",
            "duration": 0 if self.building else self.ended - self.began,
            "estimatedDuration": done[-1].ended - done[-1].began if done else -1,
            "executor": None,
            "fullDisplayName": f"{self.job.full_display_name} #{self.number}",
            "id": str(self.number),
            "keepLog": False,
            "number": self.number,
            "queueId": self.item.id,
            "result": self.result,
            "timestamp": self.began,
            "url": self.url,
            "culprits": [],
        }
        if self.job.kind == "freestyle":
            changes: dict[str, Any] = {"items": [], "kind": None}
            executor = Bean("", dict) if self.building else None
            empty = Bean("hudson.scm.EmptyChangeLogSet", lambda: changes)
            return shown | {"executor": executor, "builtOn": "", "changeSet": empty}
        executor = Bean("hudson.model.OneOffExecutor", dict) if self.building else None
        beside = {name: self._beside(step) for name, step in (("nextBuild", 1), ("previousBuild", -1))}
        return shown | {"executor": executor, "changeSets": [], **beside}

    def _beside(self, step: int) -> Bean | None:
        other = self.job.builds.get(self.number + step)
        return None if other is None else Bean("", lambda: {"number": other.number, "url": other.url})

    def _actions(self) -> list[Bean]:
        actions = self.item.actions()
        if self.aborted_by:
            cause = {"shortDescription": f"Aborted by {self.aborted_by}"}
            kind = "jenkins.model.CauseOfInterruption$UserInterruption"
            causes = [Bean(kind, lambda: cause)]
            actions.append(Bean("jenkins.model.InterruptedBuildAction", lambda: {"causes": causes}))
        if self.revision is not None:
            actions.append(self._git(*self.revision))
        if self.triggered:
            triggered = [build.bean() for build in self.triggered]
            kind = "hudson.plugins.parameterizedtrigger.BuildInfoExporterAction"
            actions.append(Bean(kind, lambda: {"triggeredBuilds": triggered}))
        if self.report is not None:
            report = self.report
            counts = {name: report[name] for name in ("failCount", "skipCount")}
            counts |= {"totalCount": report["failCount"] + report["skipCount"] + report["passCount"]}
            actions.append(Bean("hudson.tasks.junit.TestResultAction", lambda: counts | {"urlName": "testReport"}))
        display = Bean("org.jenkinsci.plugins.displayurlapi.actions.RunDisplayAction", dict)
        if self.job.kind == "freestyle":
            return [*actions, Bean("", dict), display]
        restart = "org.jenkinsci.plugins.pipeline.modeldefinition.actions.RestartDeclarativePipelineAction"
        graph = "org.jenkinsci.plugins.workflow.job.views.FlowGraphAction"
        empty = [Bean("", dict) for _ in range(5)]
        return [*actions, *empty, display, Bean(restart, dict), *empty[:3], Bean(graph, dict), *empty[:3]]

    @staticmethod
    def _git(branch: str, sha: str) -> Bean:
        on = Bean("", lambda: {"SHA1": sha, "name": f"refs/remotes/origin/{branch}"})
        revision = Bean("", lambda: {"SHA1": sha, "branch": [on]})
        kind = "hudson.plugins.git.util.BuildData"
        return Bean(kind, lambda: {"lastBuiltRevision": revision, "remoteUrls": ["git@git.example.org:x.git"]})

    @staticmethod
    def _artifact(path: str) -> Bean:
        shown = {"displayPath": path, "fileName": Path(path).name, "relativePath": path}
        return Bean("", lambda: shown)


def command(*argv: str, archive: Sequence[str] = ("shipmate.json",), folder: Path | None = None) -> Script:
    """Return a script that runs a real program, with the parameters and Jenkins' own variables in its environment.

    It runs in an empty workspace below `folder`, which is deleted after it; files named in `archive` are kept as
    artifacts. Only PATH is taken from this process's environment.
    """

    async def run(build: Build) -> str:
        workspace = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=folder))
        build.say(f"Building in workspace {workspace}")
        environment = {name: QueueItem._written(value) for name, value in build.values.items()}
        environment |= {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "BUILD_NUMBER": str(build.number),
            "BUILD_URL": build.url,
            "JOB_NAME": build.job.full_name,
            "WORKSPACE": str(workspace),
        }
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=workspace,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            assert process.stdout is not None
            while data := await process.stdout.read(64 * 1024):
                build.console.write(data)
            status = await process.wait()
            for name in archive:
                if (workspace / name).is_file():
                    build.files[name] = (workspace / name).read_bytes()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await asyncio.to_thread(shutil.rmtree, workspace, ignore_errors=True)
        if status:
            build.say("Build step 'Execute shell' marked build as failure")
        return "FAILURE" if status else "SUCCESS"

    return run


def _now() -> int:
    return int(time.time() * 1000)

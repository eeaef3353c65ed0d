"""FakeBuilds and FakeDeploys: remote work in memory, verified by the contract suites of runs, builds and deploys."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec.structs import replace

from integrations.capabilities.builds import BuildJob, BuildRequest
from integrations.capabilities.deploys import DeployRequest, Running
from integrations.capabilities.runs import LogChunk, ManualAction, Run, RunRef, RunStage, RunState
from integrations.contract import Pong
from integrations.errors import IntegrationError, NotFound, Refused

_CHUNK = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a fake run ends. Without a state it goes on until `finish`."""

    state: RunState | None = RunState.SUCCEEDED
    reason: str = ""
    log: str = "working\n"
    result: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _FakeRun:
    run: Run
    log: bytes
    request: BuildRequest | DeployRequest


class FakeRuns:
    """What both fakes share. `outcomes`: how the runs of a job end. `failure`, when set, is raised by every call."""

    def __init__(
        self, instance: str, *, now: Callable[[], datetime] = lambda: datetime(2026, 1, 1, tzinfo=UTC)
    ) -> None:
        self._instance = instance
        self._now = now
        self._runs: dict[RunRef, _FakeRun] = {}
        self._by_request: dict[str, RunRef] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.failure: IntegrationError | None = None

    @property
    def instance(self) -> str:
        return self._instance

    @property
    def requests(self) -> list[BuildRequest | DeployRequest]:
        """What was started, in order, each request id once."""
        return [run.request for run in self._runs.values()]

    async def ping(self) -> Pong:
        self._answer()
        return Pong(version="fake", identity="fake")

    async def close(self) -> None:
        pass

    # Controls

    def finish(self, ref: RunRef, state: RunState = RunState.SUCCEEDED, reason: str = "", **result: str) -> None:
        """End a run that goes on."""
        fake = self._fake(ref)
        made = {**self._made(fake.request), **result} if state is RunState.SUCCEEDED else {}
        fake.run = replace(fake.run, state=state, reason=reason, ended_at=self._now(), result=made)
        self._ended(fake)

    def say(self, ref: RunRef, text: str) -> None:
        """Append to a run's log."""
        self._fake(ref).log += text.encode()

    def show(self, ref: RunRef, *stages: RunStage, actions: tuple[ManualAction, ...] = ()) -> None:
        """Let a run have these stages and waiting actions."""
        fake = self._fake(ref)
        fake.run = replace(fake.run, stages=stages, actions=actions)

    # RunTracker

    async def get_run(self, ref: RunRef) -> Run:
        return self._fake(ref).run

    async def find_run(self, request_id: str, job: str = "", since: datetime | None = None) -> RunRef | None:
        self._answer()
        return self._by_request.get(request_id)

    async def cancel_run(self, ref: RunRef) -> None:
        if not self._fake(ref).run.state.final:
            self.finish(ref, RunState.CANCELLED, "cancelled")

    async def read_log(self, ref: RunRef, offset: int = 0) -> LogChunk:
        fake = self._fake(ref)
        end = min(len(fake.log), offset + _CHUNK)
        more = end < len(fake.log) or not fake.run.state.final
        return LogChunk(text=fake.log[offset:end].decode(), next_offset=end, more=more)

    async def answer(self, ref: RunRef, action: str, parameters: Mapping[str, str]) -> None:
        fake = self._fake(ref)
        if action not in {waiting.id for waiting in fake.run.actions}:
            raise Refused(self._instance, f"no manual action {action!r} waits")
        fake.run = replace(fake.run, actions=tuple(a for a in fake.run.actions if a.id != action))

    def _start(self, request: BuildRequest | DeployRequest) -> RunRef:
        outcome = self.outcomes.get(request.job, Outcome())
        ref = RunRef(self._instance, str(len(self._runs) + 1))
        at = self._now()
        branch = request.branch if isinstance(request, BuildRequest) else ""
        run = Run(
            ref=ref, state=RunState.RUNNING, title=request.job, queued_at=at, started_at=at, number=f"#{ref.id}",
            branch=branch, sha=request.sha,
        )  # fmt: skip
        self._runs[ref] = _FakeRun(run, outcome.log.encode(), request)
        self._by_request[request.request_id] = ref
        if outcome.state is not None:
            self.finish(ref, outcome.state, outcome.reason, **outcome.result)
        return ref

    def _fake(self, ref: RunRef) -> _FakeRun:
        self._answer()
        if ref not in self._runs:
            raise NotFound(self._instance, f"no run {ref}")
        return self._runs[ref]

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _made(self, request: BuildRequest | DeployRequest) -> dict[str, str]:
        return {}

    def _ended(self, fake: _FakeRun) -> None:
        """Do what a run does when it ends."""


class FakeBuilds(FakeRuns):
    """A BuildServer in memory; the artifact's digest depends on the commit alone. `jobs` are what it knows."""

    def __init__(self, instance: str = "builds", **options: Callable[[], datetime]) -> None:
        super().__init__(instance, **options)
        self.jobs: dict[str, BuildJob] = {}

    async def start_build(self, request: BuildRequest) -> RunRef:
        self._answer()
        return self._by_request.get(request.request_id) or self._start(request)

    async def get_job(self, job: str) -> BuildJob:
        self._answer()
        if job not in self.jobs and job not in self.outcomes:
            raise NotFound(self._instance, f"no job {job!r}")
        return self.jobs.get(job, BuildJob(name=job))

    async def list_jobs(self, part: str = "", limit: int = 100) -> Sequence[str]:
        self._answer()
        return [job for job in sorted({*self.jobs, *self.outcomes}) if part in job][:limit]

    async def list_builds(self, job: str, branch: str = "", limit: int = 20) -> Sequence[Run]:
        await self.get_job(job)
        runs = [fake.run for fake in self._runs.values() if fake.request.job == job]
        return [replace(run, stages=()) for run in reversed(runs) if branch in {"", run.branch}][:limit]

    async def retry_build(self, ref: RunRef, request_id: str) -> RunRef:
        fake = self._fake(ref)
        if not fake.run.state.final:
            raise Refused(self._instance, f"{ref} still goes on")
        assert isinstance(fake.request, BuildRequest)
        return await self.start_build(replace(fake.request, request_id=request_id))

    def _made(self, request: BuildRequest | DeployRequest) -> dict[str, str]:
        digest = hashlib.sha256(request.sha.encode()).hexdigest()
        return {"artifact": f"{request.project}-{request.version}.tar", "digest": f"sha256:{digest}"}


class FakeDeploys(FakeRuns):
    """A Deployer in memory. `running` says what runs where, by (job, service, environment, target)."""

    def __init__(self, instance: str = "deploys", **options: Callable[[], datetime]) -> None:
        super().__init__(instance, **options)
        self.running: dict[tuple[str, str, str, str], Running] = {}
        self._fences: dict[tuple[str, str, str, str], int] = {}

    async def start_deploy(self, request: DeployRequest) -> RunRef:
        self._answer()
        if request.request_id in self._by_request:
            return self._by_request[request.request_id]
        place = _place(request)
        seen = self._fences.get(place, 0)
        if request.fence < seen:
            raise Refused(self._instance, f"the place belongs to a newer claim ({seen}); this one is {request.fence}")
        self._fences[place] = request.fence
        return self._start(request)

    async def get_running(self, job: str, service: str, environment: str, target: str) -> Running | None:
        self._answer()
        return self.running.get((job, service, environment, target))

    def _ended(self, fake: _FakeRun) -> None:
        request = fake.request
        if isinstance(request, DeployRequest) and fake.run.state is RunState.SUCCEEDED:
            self.running[_place(request)] = Running(
                sha=request.sha, version=request.version, since=self._now(), healthy=True
            )


def _place(request: DeployRequest) -> tuple[str, str, str, str]:
    return request.job, request.service, request.environment, request.target

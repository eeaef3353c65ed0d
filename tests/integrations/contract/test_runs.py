"""BuildServer and Deployer: the fakes and `local` keep the same contract."""

import shlex
from pathlib import Path

import pytest

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.deploys import DeployRequest
from integrations.capabilities.runs import RunRef, RunState
from integrations.local.client import Local
from tests.fakes.runs import FakeBuilds, FakeDeploys, Outcome
from tests.integrations.contract.git import DAY
from tests.integrations.contract.runs import BuildServerContract, DeployerContract, Work


def build(request_id: str, job: str, sha: str, **parameters: str) -> BuildRequest:
    return BuildRequest(
        request_id=request_id, job=job, project="shop", sha=sha, version=request_id, parameters=parameters,
        asked_at=DAY,
    )  # fmt: skip


def deploy(request_id: str, job: str, sha: str, fence: int, **parameters: str) -> DeployRequest:
    return DeployRequest(
        request_id=request_id, job=job, service="shop", environment="staging", target="", project="shop", sha=sha,
        version=request_id, fence=fence, parameters=parameters, asked_at=DAY,
    )  # fmt: skip


class FakeWork(Work):
    """The fakes as the suites drive them."""

    sha = "a" * 40

    def __init__(self, tracker: FakeBuilds | FakeDeploys) -> None:
        self.tracker = tracker
        self.unknown = RunRef(tracker.instance, "999")
        tracker.outcomes = {
            "succeeds": Outcome(log="one\ntwo\n"),
            "fails": Outcome(state=RunState.FAILED, reason="status 3: it broke", log="it broke\n"),
            "waits": Outcome(state=None),
        }

    async def start(self, request: str, job: str, *, fence: int = 1) -> RunRef:
        if isinstance(self.tracker, FakeBuilds):
            return await self.tracker.start_build(build(request, job, self.sha))
        return await self.tracker.start_deploy(deploy(request, job, self.sha, fence))

    async def release(self, ref: RunRef) -> None:
        self.tracker.finish(ref)

    async def effects(self, request: str) -> int:
        return [one.request_id for one in self.tracker.requests].count(request)


class LocalWork(Work):
    """Real commands on this machine: each notes in a file that it began, and those that wait look for another."""

    def __init__(self, tracker: Local, kind: str, sha: str, folder: Path) -> None:
        self.tracker = tracker
        self.unknown = RunRef(tracker.instance, "0" * 24)
        self.sha = sha
        self._kind = kind
        self._folder = folder
        self._requests: dict[RunRef, str] = {}

    @staticmethod
    def commands(folder: Path) -> dict[str, dict[str, list[str]]]:
        begun = f'echo begun >> {shlex.quote(str(folder))}/"$SHIPMATE_VERSION.begun"'
        made = 'echo \'{"artifact": "a.txt"}\' > "$SHIPMATE_RESULT"'
        gate = f'while [ ! -e {shlex.quote(str(folder))}/"$SHIPMATE_VERSION.gate" ]; do sleep 0.02; done'
        scripts = {
            "succeeds": f"{begun}; echo one; echo two; {made}",
            "fails": f"{begun}; echo it broke; exit 3",
            "waits": f"{begun}; echo waiting; {gate}; {made}",
        }
        return {job: {"command": ["sh", "-c", script]} for job, script in scripts.items()}

    async def start(self, request: str, job: str, *, fence: int = 1) -> RunRef:
        if self._kind == "build":
            ref = await self.tracker.start_build(build(request, job, self.sha))
        else:
            ref = await self.tracker.start_deploy(deploy(request, job, self.sha, fence))
        self._requests[ref] = request
        return ref

    async def release(self, ref: RunRef) -> None:
        (self._folder / f"{self._requests[ref]}.gate").touch()

    async def effects(self, request: str) -> int:
        file = self._folder / f"{request}.begun"
        return len(file.read_text().splitlines()) if file.exists() else 0


class TestFakeBuilds(BuildServerContract):
    @pytest.fixture
    def work(self):
        return FakeWork(FakeBuilds())


class TestFakeDeploys(DeployerContract):
    @pytest.fixture
    def work(self):
        return FakeWork(FakeDeploys())


class TestLocalBuilds(BuildServerContract):
    @pytest.fixture
    async def work(self, real_history, connect_local, tmp_path):
        sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
        local = await connect_local(builds=LocalWork.commands(tmp_path))
        return LocalWork(local, "build", sha, tmp_path)


class TestLocalDeploys(DeployerContract):
    @pytest.fixture
    async def work(self, real_history, connect_local, tmp_path):
        sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
        local = await connect_local(deploys=LocalWork.commands(tmp_path))
        return LocalWork(local, "deploy", sha, tmp_path)

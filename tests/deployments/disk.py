"""A build server and deployer whose memory is a file, so that it outlives a killed bot.

It is strict: a request that is sent twice runs twice, and the file tells.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from integrations.capabilities.builds import BuildJob, BuildRequest
from integrations.capabilities.deploys import DeployRequest, Running
from integrations.capabilities.runs import LogChunk, Run, RunRef, RunState
from integrations.contract import Pong
from integrations.errors import NotFound, Refused


class Disk:
    """Runs that succeed at once, kept as lines of JSON."""

    def __init__(self, instance: str, path: Path) -> None:
        self._instance = instance
        self.path = path

    @property
    def instance(self) -> str:
        return self._instance

    async def ping(self) -> Pong:
        return Pong()

    async def close(self) -> None:
        pass

    def started(self) -> list[dict[str, str]]:
        """Return every start, in order."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    async def start_build(self, request: BuildRequest) -> RunRef:
        return self._start(request_id=request.request_id, sha=request.sha, version=request.version)

    async def get_job(self, job: str) -> BuildJob:
        return BuildJob(name=job)

    async def list_jobs(self, part: str = "", limit: int = 100) -> Sequence[str]:
        return []

    async def list_builds(self, job: str, branch: str = "", limit: int = 20) -> Sequence[Run]:
        return []

    async def retry_build(self, ref: RunRef, request_id: str) -> RunRef:
        raise Refused(self._instance, f"{ref} is not built again here")

    async def start_deploy(self, request: DeployRequest) -> RunRef:
        fences = [int(one["fence"]) for one in self.started() if one.get("environment") == request.environment]
        if fences and request.fence < max(fences):
            raise Refused(self._instance, "the fence is old")
        return self._start(
            request_id=request.request_id,
            sha=request.sha,
            version=request.version,
            environment=request.environment,
            fence=str(request.fence),
        )

    async def get_running(self, job: str, service: str, environment: str, target: str) -> Running | None:
        newest = [one for one in self.started() if one.get("environment") == environment]
        return Running(sha=newest[-1]["sha"], version=newest[-1]["version"]) if newest else None

    async def find_run(self, request_id: str, _job: str = "", _since: datetime | None = None) -> RunRef | None:
        known = any(one["request_id"] == request_id for one in self.started())
        return RunRef(self._instance, request_id) if known else None

    async def get_run(self, ref: RunRef) -> Run:
        if await self.find_run(ref.id) is None:
            raise NotFound(self._instance, f"no run {ref}")
        made = {"artifact": "checkout.tar", "digest": "sha256:1"} if self._instance == "builds" else {}
        return Run(ref=ref, state=RunState.SUCCEEDED, result=made)

    async def cancel_run(self, ref: RunRef) -> None:
        pass

    async def read_log(self, ref: RunRef, offset: int = 0) -> LogChunk:
        text = "working\n"[offset:]
        return LogChunk(text=text, next_offset=offset + len(text), more=False)

    async def answer(self, ref: RunRef, action: str, parameters: Mapping[str, str]) -> None:
        raise Refused(self._instance, "nothing waits")

    def _start(self, **request: str) -> RunRef:
        with self.path.open("a") as file:
            file.write(json.dumps(request) + "\n")
        return RunRef(self._instance, request["request_id"])

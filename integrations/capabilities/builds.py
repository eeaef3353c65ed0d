"""BuildServer: makes an artifact of a commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from integrations.capabilities.runs import RunRef, RunTracker


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What to build. `job` is the tool's name for the recipe; `request_id` finds the run again after a crash."""

    request_id: str
    job: str
    project: str
    sha: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class BuildServer(RunTracker, Protocol):
    """Starts builds. A build that succeeded has "artifact" (its name) and "digest" (sha256:…) in `Run.result`."""

    async def start_build(self, request: BuildRequest) -> RunRef:
        """Start a build and return its reference; the same `request_id` again returns the same run.

        Raises:
            OutcomeUnknown: it was sent and no answer came; ask `find_run`.
            Refused: the server said no, such as a missing parameter or a disabled job.
        """
        ...

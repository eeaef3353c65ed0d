"""BuildServer: makes an artifact of a commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct, field

from integrations.capabilities.runs import Parameter, Run, RunRef, RunTracker


class BuildRequest(Struct, frozen=True, kw_only=True):
    """What to build. `job` is the tool's name for the recipe; `request_id` finds the run again after a crash.

    Without a `sha` the job builds what it builds by itself, or `branch` where one is given. `asked_at` is when the
    request was first made: what is older need not be looked through for it.
    """

    request_id: str
    job: str
    project: str
    sha: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    branch: str = ""
    asked_at: datetime | None = None


class BuildJob(Struct, frozen=True, kw_only=True):
    """A recipe as the tool has it. `disabled` says why it takes no builds now, "" when it does."""

    name: str
    url: str = ""
    parameters: Sequence[Parameter] = ()
    disabled: str = ""


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

    async def get_job(self, job: str) -> BuildJob:
        """Return one job with its parameters.

        Raises:
            NotFound: there is none of that name, or it is not ours to see.
            Refused: the name fits several; the reason names them.
        """
        ...

    async def list_jobs(self, part: str = "", limit: int = 100) -> Sequence[str]:
        """Return names of jobs that hold `part`, for menus and "did you mean"."""
        ...

    async def list_builds(self, job: str, branch: str = "", limit: int = 20) -> Sequence[Run]:
        """Return runs of a job, newest first, without stages, artifacts and downstream runs."""
        ...

    async def retry_build(self, ref: RunRef, request_id: str) -> RunRef:
        """Run a build that is over once more, with what it was started with; the same `request_id` is the same run.

        Raises:
            OutcomeUnknown, Refused: as for `start_build`; it still goes on.
        """
        ...

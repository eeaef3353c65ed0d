"""Deployer: puts an artifact on an environment, and says what runs there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct, field

from integrations.capabilities.runs import RunRef, RunTracker


class DeployRequest(Struct, frozen=True, kw_only=True):
    """What to put where. `fence` grows with every claim of the place: a smaller one than seen before is refused.

    `job` is the tool's name for the recipe or place; `artifact` and `digest` come from the build, empty when
    the deployer takes the commit itself. `asked_at` is when the request was first made: what is older need not be
    looked through for it.
    """

    request_id: str
    job: str
    service: str
    environment: str
    target: str
    project: str
    sha: str
    version: str
    fence: int
    artifact: str = ""
    digest: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    asked_at: datetime | None = None


class Running(Struct, frozen=True, kw_only=True):
    """What runs on a place, as the place itself says."""

    sha: str
    version: str
    since: datetime | None = None
    healthy: bool | None = None
    url: str = ""


@runtime_checkable
class Deployer(RunTracker, Protocol):
    """Starts deploys and knows what runs."""

    async def start_deploy(self, request: DeployRequest) -> RunRef:
        """Start putting the artifact on the place; the same `request_id` again returns the same run.

        Raises:
            OutcomeUnknown: it was sent and no answer came; ask `find_run`.
            Refused: the fence is older than one already seen, or the tool said no.
        """
        ...

    async def get_running(self, job: str, service: str, environment: str, target: str) -> Running | None:
        """Return what runs on the place now, None when nothing does."""
        ...

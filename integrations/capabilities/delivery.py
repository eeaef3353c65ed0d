"""DeliveryBoard: tells a Git host what was deployed where and how a commit fares, so that people see it there."""

from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from integrations.capabilities.git import CheckState


class Delivered(StrEnum):
    """How a deployment stands, in the words Git hosts share."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DeliveryNote(Struct, frozen=True, kw_only=True):
    """A deployment to be shown at the host. `deployment` is our id for it: the same again changes the same entry."""

    deployment: str
    project: str
    environment: str
    sha: str
    ref: str
    state: Delivered
    is_tag: bool = False
    url: str = ""


@runtime_checkable
class DeliveryBoard(Protocol):
    """Shows deployments and statuses of commits.

    `check_name` is how the status of a deployed commit is called ({service}, {environment} and {target} are filled in),
    "" where deployments set none.
    """

    @property
    def check_name(self) -> str:
        """The pattern of the name, from the configuration."""
        ...

    async def show_deployment(self, note: DeliveryNote) -> None:
        """Create or change the host's entry of a deployment; an entry that is final there stays as it is.

        Raises:
            Refused: the host said no, such as an archived project.
            OutcomeUnknown: sent, no answer; the same call looks first.
        """
        ...

    async def set_check(
        self, project: str, sha: str, name: str, state: CheckState, text: str = "", url: str = ""
    ) -> None:
        """Say how a commit fares under `name`; the same again is no error and says nothing twice.

        Raises:
            Refused, NotPermitted: the host said no, such as an archived project.
            OutcomeUnknown: sent, no answer; the same call looks first.
        """
        ...

"""`local`: Git repositories, builds, deploys and services on this machine."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integrations.contract import Integration

    INTEGRATION: Integration


def __getattr__(name: str) -> "Integration":
    """Return `INTEGRATION`, made when it is first asked for.

    The detached programs in this folder import the package too; without Pydantic they start in a third of the time.
    """
    if name != "INTEGRATION":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from integrations.local.declaration import INTEGRATION as DECLARED  # noqa: PLC0415 -- the point of it

    return DECLARED

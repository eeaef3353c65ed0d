"""Commands as others declare them, for the tests of the grammar: nothing but their form matters."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from bot.command import Call, Effect, arg, command
from bot.reply import Reply, text


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployArgs:
    service: Annotated[str, arg("service to deploy")]
    version: Annotated[str | None, arg("tag, branch or commit", joined="@")] = None
    environment: Annotated[str | None, arg("where to", word="to")] = None
    target: Annotated[str, arg("cell or region", joined="/")] = ""
    dry_run: Annotated[bool, arg("only show the plan", flag="--dry-run")] = False
    reason: Annotated[str | None, arg("why", flag="reason")] = None


@command("deploy", permission="deployment.start", args=DeployArgs, effect=Effect.CHANGE, decides=True)
async def deploy(call: Call, args: DeployArgs) -> Reply:
    """Deploy a release of a service."""
    return text(f"{args}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackArgs:
    service: Annotated[str, arg("service")]
    environment: Annotated[str, arg("where", word="in")] = ""
    version: Annotated[str | None, arg("back to", word="to")] = None


@command("rollback", permission="deployment.start", args=RollbackArgs, effect=Effect.CHANGE, decides=True)
async def rollback(call: Call, args: RollbackArgs) -> Reply:
    """Roll a service back."""
    return text(f"{args}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectArgs:
    deployment: Annotated[str, arg("which")]
    reason: Annotated[str, arg("why", rest=True, multiline=True)]
    quietly: Annotated[bool, arg("tell nobody", flag="--quietly")] = False


@command("reject", permission="approval.decide", args=RejectArgs, effect=Effect.CHANGE, decides=True)
async def reject(call: Call, args: RejectArgs) -> Reply:
    """Reject a deployment."""
    return text(f"{args}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleArgs:
    """One of each type, optional ones in front of required ones' kin."""

    service: Annotated[str | None, arg("service")] = None
    environment: Annotated[str | None, arg("where")] = None
    count: Annotated[int, arg("how many", flag="--count")] = 1
    wait: Annotated[timedelta | None, arg("how long", flag="--for")] = None
    size: Annotated[Size, arg("how big", word="as")] = Size.SMALL
    checks: Annotated[bool, arg("run the checks", flag="--checks")] = True
    note: Annotated[str, arg("a remark", rest=True)] = ""

    def __post_init__(self) -> None:
        if self.count > 1000:
            raise ValueError("--count is at most 1000.")


@command("scale", permission="scale", args=ScaleArgs, effect=Effect.CHANGE)
async def scale(call: Call, args: ScaleArgs) -> Reply:
    """Scale a service."""
    return text(f"{args}")

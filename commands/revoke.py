"""`/revoke`: take one's approval back before anything was sent."""

from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.registry import OPEN
from bot.reply import Reply
from commands.choices import place_of_deployment, under_way


@arguments
class RevokeArgs:
    """Which deployment, and why."""

    deployment: Annotated[str, arg("its id, such as D-1042", options=under_way)]
    reason: Annotated[str | None, arg("why, for those who wait", rest=True)] = None


@command(
    "revoke",
    permission=OPEN,
    args=RevokeArgs,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    examples=("revoke D-1042",),
)
async def revoke(call: Call, args: RevokeArgs) -> Reply:
    """Take back your approval of a deployment that has not begun."""
    return await call.use(Deployments).decisions.revoke(call, args.deployment, args.reason or "")

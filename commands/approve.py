"""`/approve`: agree to one exact plan."""

from typing import Annotated

from bot.approvals.rules import Vote
from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import place_of_deployment, under_way


@arguments
class ApproveArgs:
    """Which deployment, and which plan of it was read."""

    deployment: Annotated[str, arg("its id, such as D-1042", options=under_way)]
    plan: Annotated[str | None, arg("the plan that was read; the card's button fills it in", flag="--plan")] = None


@command(
    "approve",
    permission="deployment.approve",
    args=ApproveArgs,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    examples=("approve D-1042",),
)
async def approve(call: Call, args: ApproveArgs) -> Reply:
    """Approve a deployment's plan."""
    return await call.use(Deployments).decisions.vote(call, args.deployment, Vote.APPROVE, digest=args.plan or "")

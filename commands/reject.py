"""`/reject`: say no to a plan, and why."""

from typing import Annotated

from bot.approvals.rules import Vote
from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import place_of_deployment, under_way


@arguments
class RejectArgs:
    """Which deployment, and why."""

    deployment: Annotated[str, arg("its id, such as D-1042", options=under_way)]
    reason: Annotated[str, arg("why; it is kept and shown", rest=True, multiline=True)]
    plan: Annotated[str | None, arg("the plan that was read; the card's button fills it in", flag="--plan")] = None


@command(
    "reject",
    permission="deployment.approve",
    args=RejectArgs,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    examples=("reject D-1042 the migration locks the orders table",),
)
async def reject(call: Call, args: RejectArgs) -> Reply:
    """Reject a deployment's plan, with a reason."""
    return await call.use(Deployments).decisions.vote(
        call, args.deployment, Vote.REJECT, digest=args.plan or "", reason=args.reason
    )

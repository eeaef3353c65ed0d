"""`/cancel`: end a deployment that has not come through."""

from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import place_of_deployment, under_way


@arguments
class CancelArgs:
    """Which deployment."""

    deployment: Annotated[str, arg("its id, such as D-1042", options=under_way)]


@command(
    "cancel",
    permission="deployment.cancel",
    args=CancelArgs,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    examples=("cancel D-1042",),
)
async def cancel(call: Call, args: CancelArgs) -> Reply:
    """Cancel a deployment that waits or is being deployed."""
    return await call.use(Deployments).decisions.cancel(call, args.deployment)

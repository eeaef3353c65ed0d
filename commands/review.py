"""`/review`: look at what was forced, or an emergency, afterwards."""

from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import place_of_deployment, to_review


@arguments
class ReviewArgs:
    """Which deployment, and what there is to say."""

    deployment: Annotated[str, arg("its id, such as D-1042", options=to_review)]
    note: Annotated[
        str | None, arg("what was found, and what follows; it is kept and shown", rest=True, multiline=True)
    ] = None


@command(
    "review",
    permission="deployment.review",
    args=ReviewArgs,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    examples=("review D-1042 right to do; the missing check is PAY-320",),
)
async def review(call: Call, args: ReviewArgs) -> Reply:
    """Sign off a deployment that was forced or an emergency, after it."""
    return await call.use(Deployments).reviewing.sign(call, args.deployment, (args.note or "").strip())

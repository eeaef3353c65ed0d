"""`/unblock`: let a release that was taken back from a place come there again."""

from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.blocking import LIFT
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import environments, place_of_words, services, targets


@arguments
class UnblockArgs:
    """Which release, where, and why."""

    service: Annotated[str, arg("service whose release is blocked", options=services)]
    version: Annotated[str | None, arg("which release; all of them without", joined="@")] = None
    environment: Annotated[str, arg("where", options=environments, word="on")]
    target: Annotated[str | None, arg("one target of the environment", options=targets, joined="/")] = None
    reason: Annotated[str | None, arg("why it may come again, for the record", flag="--reason")] = None


@command(
    "unblock",
    permission=LIFT,
    args=UnblockArgs,
    effect=Effect.CHANGE,
    resource=place_of_words,
    decides=True,
    examples=('unblock checkout@1.4.2 on production --reason "it was the load balancer"',),
)
async def unblock(call: Call, args: UnblockArgs) -> Reply:
    """Let a release come again that was taken back from an environment."""
    place = call.use(Catalog).place(args.service, args.environment, args.target or "")
    blocking = call.use(Deployments).blocking
    return await blocking.lift(call, place, args.version or "", (args.reason or "").strip())

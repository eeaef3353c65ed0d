"""`/deploys`: what was deployed, by whom, and how it ended."""

from dataclasses import dataclass
from typing import Annotated

from bot.command import Call, Effect, arg, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import environments, services


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploysArgs:
    """Of what, and how many."""

    service: Annotated[str | None, arg("of one service", options=services)] = None
    environment: Annotated[str | None, arg("on one environment", options=environments, word="in")] = None
    limit: Annotated[int, arg("how many, at most 50", flag="--limit")] = 10


@command(
    "deploys",
    permission="deployment.read",
    args=DeploysArgs,
    effect=Effect.READ,
    examples=("deploys checkout", "deploys checkout in production"),
)
async def deploys(call: Call, args: DeploysArgs) -> Reply:
    """Show the newest deployments: who, what, when, and how they ended."""
    limit = min(max(args.limit, 1), 50)
    return await call.use(Deployments).overview.history(
        service=args.service or "", environment=args.environment or "", limit=limit
    )

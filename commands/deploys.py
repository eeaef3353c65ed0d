"""`/deploys`: what was deployed, by whom, and how it ended."""

from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import environments, services


@arguments
class DeploysArgs:
    """Of what, and how many."""

    service: Annotated[str | None, arg("of one service", options=services)] = None
    environment: Annotated[str | None, arg("on one environment", options=environments, word="in")] = None
    limit: Annotated[int, arg("how many, at most 50", flag="--limit")] = 10


async def resource_of(call: Call, args: DeploysArgs) -> Resource:
    """Return what the permission is asked on, aliases understood."""
    if not args.service:
        return Resource()
    service = call.use(Catalog).service(args.service)
    environment = service.environment(args.environment).name if args.environment else ""
    return Resource(service.name, environment)


@command(
    "deploys",
    permission="deployment.read",
    args=DeploysArgs,
    effect=Effect.READ,
    resource=resource_of,
    examples=("deploys checkout", "deploys checkout in production"),
)
async def deploys(call: Call, args: DeploysArgs) -> Reply:
    """Show the newest deployments: who, what, when, and how they ended."""
    limit = min(max(args.limit, 1), 50)
    return await call.use(Deployments).overview.history(
        service=args.service or "", environment=args.environment or "", limit=limit
    )

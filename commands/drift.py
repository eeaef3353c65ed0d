"""`/drift`: what the tools say runs, beside what Shipmate put there."""

from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import services


@arguments
class DriftArgs:
    """Of which service."""

    service: Annotated[str, arg("a service", options=services)]


async def resource_of(call: Call, args: DriftArgs) -> Resource:
    """Return the service that the permission is asked on."""
    return Resource(call.use(Catalog).service(args.service).name)


@command(
    "drift",
    permission="deployment.read",
    args=DriftArgs,
    effect=Effect.LOOKUP,
    resource=resource_of,
    examples=("drift checkout",),
)
async def drift(call: Call, args: DriftArgs) -> Reply:
    """Ask the tools what runs, and show where it is not what Shipmate put there."""
    return await call.use(Deployments).drift.of(args.service)

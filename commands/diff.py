"""`/diff`: what lies between two environments, versions or commits of a service."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.errors import UserError
from bot.reply import Reply
from commands.choices import services


async def ranges(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return what an environment has not yet of another, each way."""
    try:
        names = [one.name for one in call.use(Catalog).service(given.get("service", "")).environments]
    except UserError:
        return []
    pairs = [f"{later}..{earlier}" for later in reversed(names) for earlier in names if later != earlier]
    return [Option(pair) for pair in pairs if typed.lower() in pair]


@arguments
class DiffArgs:
    """Of which service, from where to where."""

    service: Annotated[str, arg("a service", options=services)]
    range: Annotated[str | None, arg("from..to: environments, tags, branches or commits", options=ranges)] = None


async def resource_of(call: Call, args: DiffArgs) -> Resource:
    """Return the service that the permission is asked on."""
    return Resource(call.use(Catalog).service(args.service).name)


@command(
    "diff",
    permission="deployment.read",
    args=DiffArgs,
    effect=Effect.LOOKUP,
    resource=resource_of,
    examples=("diff checkout", "diff checkout production..staging", "diff checkout 1.4.1..1.4.2"),
)
async def diff(call: Call, args: DiffArgs) -> Reply:
    """Show the commits, people and tickets between two environments, versions or commits."""
    return await call.use(Deployments).differences.between(args.service, args.range or "")

"""`/where`: what runs where, who holds what; where does my change run."""

from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.choices import services


@arguments
class WhereArgs:
    """Of what: everything, a service, or a commit or tag."""

    what: Annotated[str | None, arg("a service, a commit or a tag; everything without", options=services)] = None


async def resource_of(call: Call, args: WhereArgs) -> Resource:
    """Return the service that the permission is asked on; all of them for everything and for a commit."""
    word = (args.what or "").strip().lower().partition("/")[0]
    return Resource(word if word in call.use(Catalog) else "")


@command(
    "where",
    permission="deployment.read",
    args=WhereArgs,
    effect=Effect.READ,
    resource=resource_of,
    examples=("where", "where checkout", "where a1b2c3d"),
)
async def where(call: Call, args: WhereArgs) -> Reply:
    """Show what runs where and who holds what, or where a commit or tag runs."""
    return await call.use(Deployments).overview.where(args.what or "")

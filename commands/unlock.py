"""`/unlock`: let deployments through again."""

from typing import Annotated

from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.locks import messages
from bot.locks.locks import Locks
from bot.permissions import Permissions
from bot.reply import Reply
from commands.choices import environments, services, targets
from commands.lock import scope_of


@arguments
class UnlockArgs:
    """What to unlock."""

    service: Annotated[str, arg('service to unlock, or "everything"', options=services)]
    environment: Annotated[
        str | None, arg("which environment; the service's first one without", options=environments)
    ] = None
    target: Annotated[str | None, arg("one target of the environment", options=targets, joined="/")] = None


async def resource_of(call: Call, args: UnlockArgs) -> Resource:
    """Return what the permission is asked on."""
    scope = scope_of(call, args.service, args.environment, args.target)
    return Resource(scope.service, scope.environment, scope.target)


@command(
    "unlock",
    permission="lock.release",
    args=UnlockArgs,
    effect=Effect.CHANGE,
    resource=resource_of,
    decides=True,
    examples=("unlock checkout production",),
)
async def unlock(call: Call, args: UnlockArgs) -> Reply:
    """Release your lock on an environment of a service, or on everything."""
    locks = call.use(Locks)
    scope = scope_of(call, args.service, args.environment, args.target)
    released = await locks.release(scope, call.person, request_id=call.request_id)
    return messages.released(released, call.use(Permissions).name_of(call.person))

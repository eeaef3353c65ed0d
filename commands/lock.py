"""`/lock`: keep deployments away from a place; and what the buttons of a refusal run."""

from datetime import timedelta
from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.locks import messages
from bot.locks.locks import Locks, Wish
from bot.locks.rules import Scope
from bot.reply import Reply, text
from commands.choices import environments, services, targets

EVERYTHING = "everything"


@arguments
class LockArgs:
    """What to lock, why and for how long."""

    service: Annotated[str, arg('service to lock, or "everything"', options=services)]
    environment: Annotated[
        str | None, arg("which environment; the service's first one without", options=environments)
    ] = None
    target: Annotated[str | None, arg("one target of the environment", options=targets, joined="/")] = None
    reason: Annotated[str | None, arg("why, for those who wait", flag="--reason")] = None
    duration: Annotated[timedelta | None, arg("for how long: 30m, 2h, 1d; until unlocked without", flag="--for")] = None


@arguments
class HeldArgs:
    """Which lock, as the button of a refusal names it."""

    service: Annotated[str, arg('locked service, or "everything"', options=services)]
    environment: Annotated[str | None, arg("which environment", options=environments)] = None
    target: Annotated[str | None, arg("one target of the environment", options=targets, joined="/")] = None
    lock: Annotated[str | None, arg("the lock's id; another's is left alone", flag="--lock")] = None
    reason: Annotated[str | None, arg("why", flag="--reason")] = None


def scope_of(call: Call, service: str, environment: str | None, target: str | None) -> Scope:
    """Return the scope that these words mean. Raises: BadInput for words that are not in the catalog."""
    if service.strip().lower() in {EVERYTHING, "*"}:
        return Scope()
    place = call.use(Catalog).place(service, environment or "", target or "")
    return Scope(place.service, place.environment, place.target)


async def resource_of(call: Call, args: LockArgs | HeldArgs) -> Resource:
    """Return what the permission is asked on: everything has an empty resource, which only "*" covers."""
    scope = scope_of(call, args.service, args.environment, args.target)
    return Resource(scope.service, scope.environment, scope.target)


@command(
    "lock",
    permission="lock.take",
    args=LockArgs,
    effect=Effect.CHANGE,
    resource=resource_of,
    examples=('lock checkout production --reason "migrating orders" --for 2h', "lock everything --for 30m"),
)
async def lock(call: Call, args: LockArgs) -> Reply:
    """Lock an environment of a service, or everything, against deployments of others."""
    locks = call.use(Locks)
    taken = await locks.take(
        Wish(
            scope=scope_of(call, args.service, args.environment, args.target),
            person=call.person,
            reason=(args.reason or "").strip(),
            duration=args.duration,
            request_id=call.request_id,
        )
    )
    return messages.taken(taken.lock, locks.name_of(taken.lock), extended=taken.extended)


@command(
    "take-over",
    permission="lock.break",
    args=HeldArgs,
    effect=Effect.CHANGE,
    resource=resource_of,
    decides=True,
    hidden=True,
)
async def take_over(call: Call, args: HeldArgs) -> Reply:
    """Make somebody's lock your own; they are told."""
    locks = call.use(Locks)
    wish = Wish(
        scope=scope_of(call, args.service, args.environment, args.target),
        person=call.person,
        reason=(args.reason or "").strip(),
        request_id=call.request_id,
    )
    taken = await locks.take_over(wish, lock_id=args.lock or "")
    return messages.taken(taken.lock, locks.name_of(taken.lock), extended=taken.extended)


@command(
    "ask-holder",
    permission="deployment.read",
    args=HeldArgs,
    effect=Effect.CHANGE,
    resource=resource_of,
    hidden=True,
)
async def ask_holder(call: Call, args: HeldArgs) -> Reply:
    """Ask who holds a lock whether they still need it."""
    locks = call.use(Locks)
    scope = scope_of(call, args.service, args.environment, args.target)
    held = await locks.ask_holder(scope, call.person, call.request_id)
    return text(f"@{locks.name_of(held)} is asked.")

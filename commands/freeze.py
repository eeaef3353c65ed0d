"""`/freeze` and `/unfreeze`: keep deployments away from an environment, of one service or of all; let them again."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from bot.catalog import Catalog
from bot.closest import did_you_mean
from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.errors import BadInput, UserError
from bot.freezes import messages
from bot.freezes.declarations import Wish
from bot.freezes.freezes import CHANGE, Freezes
from bot.locks.rules import Scope
from bot.reply import Reply
from commands.choices import place_of_deployment, under_way

EVERYTHING = "everything"
_MOST = 100


async def scopes(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return what can be frozen: environments, then those of single services."""
    services = call.use(Catalog).services()
    names = dict.fromkeys(one.name for service in services for one in service.environments)
    single = [f"{service.name}/{one.name}" for service in services for one in service.environments]
    return [Option(name) for name in (*names, *single, EVERYTHING) if typed.lower() in name][:_MOST]


@arguments
class FreezeArgs:
    """What to freeze, until when, and why."""

    what: Annotated[
        str, arg('environment to freeze, as in production, checkout/production or "everything"', options=scopes)
    ]
    duration: Annotated[timedelta | None, arg("for how long: 4h, 2d; until it is lifted without", flag="--for")] = None
    until: Annotated[
        str | None, arg("until when, in your own time zone: 2026-12-24 or '2026-12-24 18:00'", flag="--until")
    ] = None
    reason: Annotated[str | None, arg("why, for those who wait; needed", flag="--reason")] = None


@arguments
class ThroughArgs:
    """Which deployment shall go through the freezes in its way, and why."""

    deployment: Annotated[str, arg("its id, such as D-1042", options=under_way)]
    reason: Annotated[str, arg("why, for the record and the channel", rest=True)]


@arguments
class UnfreezeArgs:
    """What to let deployments through to again."""

    what: Annotated[str, arg("what was frozen, in the same words", options=scopes)]


def scope_of(catalog: Catalog, what: str) -> Scope:
    """Return the scope that a word means: an environment of all services, one of a service, or everything.

    Raises:
        BadInput: it is in no catalog (`unknown_environment`, …), or names several environments (`ambiguous`).
    """
    word = what.strip().lower()
    if word in {EVERYTHING, "*"}:
        return Scope()
    service, *more = word.split("/")
    if more:
        place = catalog.place(service, more[0], "/".join(more[1:]))
        return Scope(place.service, place.environment, place.target)
    found: set[str] = set()
    for one in catalog.services():
        if one.name == word:
            example = f"{word}/{one.environments[-1].name}"
            raise BadInput("unknown_environment", f"{word} is a service. Say which environment of it, as in {example}.")
        try:
            found.add(one.environment(word).name)
        except UserError:
            continue
    if len(found) > 1:
        raise BadInput("ambiguous", f"{word} names {' and '.join(sorted(found))}. Say which of them.")
    if not found:
        names = sorted({one.name for service in catalog.services() for one in service.environments})
        raise BadInput("unknown_environment", f'"{what}" is no environment of any service. {did_you_mean(what, names)}')
    return Scope("", found.pop())


async def resource_of(call: Call, args: FreezeArgs | UnfreezeArgs) -> Resource:
    """Return what the permission is asked on: without a service it is all of them, which only "*" covers."""
    scope = scope_of(call.use(Catalog), args.what)
    return Resource(scope.service, scope.environment, scope.target)


@command(
    "freeze",
    permission=CHANGE,
    args=FreezeArgs,
    effect=Effect.CHANGE,
    resource=resource_of,
    examples=(
        'freeze production --for 2d --reason "the auditors are here"',
        'freeze checkout/production --until 2026-12-24 --reason "the sale"',
    ),
)
async def freeze(call: Call, args: FreezeArgs) -> Reply:
    """Freeze an environment: it takes no deployments until the freeze ends."""
    freezes = call.use(Freezes)
    made, extended = await freezes.declarations.declare(
        Wish(
            scope=scope_of(call.use(Catalog), args.what),
            person=call.person,
            reason=args.reason or "",
            duration=args.duration,
            until=(args.until or "").strip(),
            asked_in=call.channel,
            request_id=call.request_id,
        )
    )
    return messages.declared(made, freezes.name_of(call.person), extended=extended)


@command(
    "unfreeze",
    permission=CHANGE,
    args=UnfreezeArgs,
    effect=Effect.CHANGE,
    resource=resource_of,
    decides=True,
    examples=("unfreeze production",),
)
async def unfreeze(call: Call, args: UnfreezeArgs) -> Reply:
    """Lift a freeze that somebody declared; what waited for it goes on."""
    freezes = call.use(Freezes)
    lifted = await freezes.declarations.lift(
        scope_of(call.use(Catalog), args.what), call.person, asked_in=call.channel, request_id=call.request_id
    )
    return messages.lifted(lifted, freezes.name_of(call.person))


@command(
    "go-through",
    permission="deployment.start",
    args=ThroughArgs,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    hidden=True,
)
async def go_through(call: Call, args: ThroughArgs) -> Reply:
    """Let a deployment that waits go through the freezes in its way, with a reason."""
    return await call.use(Deployments).exceptions.make(call, args.deployment, args.reason.strip())

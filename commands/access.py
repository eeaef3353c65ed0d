"""`/access`: what you may do, and asking for more, for a reason and for a while."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from bot.access.access import Access, Wish
from bot.access.rules import NEVER
from bot.catalog import Catalog
from bot.command import Call, Effect, NoArgs, Option, Resource, arg, arguments, command
from bot.help import Help
from bot.registry import OPEN, Registry
from bot.reply import Reply
from commands.choices import environments, services, targets


async def permissions(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the permissions that can be asked for and hold what was typed."""
    known = sorted({one.permission for one in call.use(Registry).values()} - NEVER - {OPEN})
    return [Option(one) for one in known if typed.casefold() in one]


@arguments
class AskArgs:
    """Which right, where, for how long and why."""

    permission: Annotated[str, arg("the permission, such as deployment.start", options=permissions)]
    service: Annotated[str | None, arg("which service; all of them without", options=services)] = None
    environment: Annotated[str | None, arg("which environment; all of them without", options=environments)] = None
    target: Annotated[str | None, arg("one target of the environment", options=targets, joined="/")] = None
    reason: Annotated[str | None, arg("why, for those who decide", flag="--reason")] = None
    duration: Annotated[timedelta, arg("for how long: 30m, 8h, 2d", flag="--for")] = timedelta(hours=8)


@arguments
class RequestArgs:
    """Which request."""

    request: Annotated[str, arg("the request, such as AR-3")]


@command("access show", permission=OPEN, args=NoArgs, effect=Effect.READ)
async def show(call: Call, _args: NoArgs) -> Reply:
    """Show what you may do here, and who may do the rest."""
    return await call.use(Help).access(call.invocation)


def _where(call: Call, args: AskArgs) -> Resource:
    if not args.service:
        return Resource("", args.environment or "", args.target or "")
    service = call.use(Catalog).service(args.service)
    environment = service.environment(args.environment).name if args.environment else ""
    return Resource(service.name, environment, args.target or "")


async def _anywhere(_call: Call, _args: object) -> Resource:
    return Resource()


@command(
    "access ask",
    permission=OPEN,
    args=AskArgs,
    effect=Effect.CHANGE,
    resource=_anywhere,
    examples=('access ask deployment.start checkout production --for 4h --reason "the fix for PAY-311"',),
)
async def ask(call: Call, args: AskArgs) -> Reply:
    """Ask for a right for a while; the owners of the service decide."""
    return await call.use(Access).ask(
        Wish(
            person=call.person,
            permission=args.permission.strip().casefold(),
            where=_where(call, args),
            length=args.duration,
            reason=args.reason or "",
            request_id=call.request_id,
        )
    )


@command("access list", permission="access.read", args=NoArgs, effect=Effect.READ, sensitive=True)
async def list_(call: Call, _args: NoArgs) -> Reply:
    """Show which rights are held for a while, by whom, and which are asked for."""
    return await call.use(Access).list()


@command("access grant", permission=OPEN, args=RequestArgs, effect=Effect.CHANGE, decides=True)
async def grant(call: Call, args: RequestArgs) -> Reply:
    """Give somebody the right they asked for; for owners of the service and who holds access.grant."""
    return await call.use(Access).grant(args.request.strip().upper(), call.person, delivery=call.request_id)


@command("access reject", permission=OPEN, args=RequestArgs, effect=Effect.CHANGE, decides=True)
async def reject(call: Call, args: RequestArgs) -> Reply:
    """Turn down a right that somebody asked for."""
    return await call.use(Access).reject(args.request.strip().upper(), call.person, delivery=call.request_id)


@command("access revoke", permission=OPEN, args=RequestArgs, effect=Effect.CHANGE, decides=True)
async def revoke(call: Call, args: RequestArgs) -> Reply:
    """Take a right back that was given for a while, or give back your own."""
    return await call.use(Access).revoke(args.request.strip().upper(), call.person, delivery=call.request_id)

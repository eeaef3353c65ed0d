"""`/calendar`: freezes and locks, now and next."""

from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.freezes.freezes import Freezes
from bot.freezes.overview import MOST_DAYS
from bot.locks.rules import Scope
from bot.reply import Reply
from commands.choices import environments, services
from commands.freeze import scope_of


@arguments
class CalendarArgs:
    """Of what, and how far ahead."""

    service: Annotated[str | None, arg("of one service", options=services)] = None
    environment: Annotated[str | None, arg("of one environment", options=environments, word="in")] = None
    days: Annotated[int, arg("how many days ahead, at most 366", flag="--days")] = 14


def _scope(call: Call, args: CalendarArgs) -> Scope:
    catalog = call.use(Catalog)
    if args.service:
        service = catalog.service(args.service)
        return Scope(service.name, service.environment(args.environment).name if args.environment else "")
    return scope_of(catalog, args.environment) if args.environment else Scope()


async def resource_of(call: Call, args: CalendarArgs) -> Resource:
    """Return what the permission is asked on, aliases understood."""
    scope = _scope(call, args)
    return Resource(scope.service, scope.environment)


@command(
    "calendar",
    permission="deployment.read",
    args=CalendarArgs,
    effect=Effect.READ,
    resource=resource_of,
    examples=("calendar", "calendar checkout in production", "calendar --days 30"),
)
async def calendar(call: Call, args: CalendarArgs) -> Reply:
    """Show what is frozen and locked, now and in the days to come."""
    days = min(max(args.days, 1), MOST_DAYS)
    return await call.use(Freezes).overview.calendar(_scope(call, args), days=days)

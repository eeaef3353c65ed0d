"""`/alerts`, `/alert A-7`, and what people do about an alert group: acknowledge it, resolve it, say what it was not."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from msgspec.structs import replace

from bot.alerts.alerts import ACT, READ, Alerts
from bot.alerts.listing import Wanted
from bot.alerts.rules import Act, State
from bot.catalog import Catalog
from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.reply import Reply
from commands.choices import readable, services


async def groups(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the alert groups that are not over."""
    return await readable(call, READ, await call.use(Alerts).overview.options(typed))


async def place(call: Call, args: object) -> Resource:
    """Return what a permission is asked on when the argument `alert` names a group."""
    return await call.use(Alerts).acting.resource(str(getattr(args, "alert", "")))


async def place_of_service(call: Call, args: object) -> Resource:
    """Return what the permission to list is asked on: a service, or everything."""
    name = str(getattr(args, "service", None) or "")
    return Resource(call.use(Catalog).service(name).name if name else "")


class Standing(StrEnum):
    """Where an alert group stands that is not over."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    UNKNOWN = "unknown"
    ATTACHED = "attached"


@arguments
class AlertsArgs:
    """Of which service, and whether it is about the causes that were named."""

    service: Annotated[str | None, arg("a service; all of them without", options=services)] = None
    storm: Annotated[str | None, arg("only those told of in the message of a storm, such as ST-1", flag="--storm")] = (
        None
    )
    state: Annotated[Standing | None, arg("only those that stand so", flag="--state")] = None
    mine: Annotated[bool, arg("only those that you are on, or come to help with", flag="--mine")] = False
    page: Annotated[int, arg("which page of the list", flag="--page")] = 1
    precision: Annotated[
        bool, arg("how many of the causes named in the last 30 days were right", flag="--precision")
    ] = False


@arguments
class AlertArgs:
    """Which group."""

    alert: Annotated[str, arg("its id, such as A-7", options=groups)]


@arguments
class ShownArgs:
    """Which group, and which of its single alerts."""

    alert: Annotated[str, arg("its id, such as A-7", options=groups)]
    page: Annotated[int, arg("which page of its single alerts", flag="--page")] = 1


@arguments
class CauseArgs:
    """Which change is, or is not, the cause of which group."""

    alert: Annotated[str, arg("id of the alert group, such as A-7", options=groups)]
    change: Annotated[str, arg("id of the change, such as D-1042")]


@command(
    "alerts",
    permission=READ,
    args=AlertsArgs,
    effect=Effect.READ,
    resource=place_of_service,
    examples=("alerts", "alerts checkout", "alerts --precision"),
)
async def alerts(call: Call, args: AlertsArgs) -> Reply:
    """List what fires: what nobody is on first."""
    name = call.use(Catalog).service(args.service).name if args.service else ""
    overview = call.use(Alerts).overview
    if args.precision:
        return await overview.precision(name)
    wanted = Wanted(
        service=name,
        inside=(args.storm or "").strip().upper(),
        state=None if args.state is None else State(args.state.value),
        person=call.person if args.mine else None,
    )
    return await overview.firing(wanted, number=args.page)


@command("alert", permission=READ, args=ShownArgs, effect=Effect.READ, resource=place, examples=("alert A-7",))
async def alert(call: Call, args: ShownArgs) -> Reply:
    """Show an alert group with its single alerts, and what changed before it."""
    found = call.use(Alerts)
    return await found.overview.one(await found.acting.find(args.alert), number=args.page)


@command(
    "acknowledge",
    permission=ACT,
    args=AlertArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("acknowledge A-7",),
)
async def acknowledge(call: Call, args: AlertArgs) -> Reply:
    """Say that you are on an alert group."""
    return await call.use(Alerts).acting.act(call, args.alert, Act.ACKNOWLEDGE)


@command(
    "unacknowledge",
    permission=ACT,
    args=AlertArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("unacknowledge A-7",),
)
async def unacknowledge(call: Call, args: AlertArgs) -> Reply:
    """Say that nobody is on an alert group any more."""
    return await call.use(Alerts).acting.act(call, args.alert, Act.UNACKNOWLEDGE)


@command(
    "resolve",
    permission=ACT,
    args=AlertArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("resolve A-7",),
)
async def resolve(call: Call, args: AlertArgs) -> Reply:
    """Call an alert group over; it comes back if it still fires after a while."""
    return await call.use(Alerts).acting.act(call, args.alert, Act.RESOLVE)


@command(
    "unresolve",
    permission=ACT,
    args=AlertArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("unresolve A-7",),
)
async def unresolve(call: Call, args: AlertArgs) -> Reply:
    """Take back that an alert group was called over."""
    return await call.use(Alerts).acting.act(call, args.alert, Act.UNRESOLVE)


@command("still-on-it", permission=ACT, args=AlertArgs, effect=Effect.CHANGE, resource=place, decides=True, hidden=True)
async def still_on_it(call: Call, args: AlertArgs) -> Reply:
    """Say that you are still on an alert group that you acknowledged."""
    return await call.use(Alerts).acting.still_on(call, args.alert)


ack = replace(acknowledge, name="ack", hidden=True, examples=("ack A-7",))
"""What people type in a hurry."""


@command("not-this", permission=ACT, args=CauseArgs, effect=Effect.CHANGE, resource=place, decides=True, hidden=True)
async def not_this(call: Call, args: CauseArgs) -> Reply:
    """Say that a change is not the cause of an alert group."""
    return await call.use(Alerts).acting.not_this(call, args.alert, args.change)


@command("this-it-was", permission=ACT, args=CauseArgs, effect=Effect.CHANGE, resource=place, decides=True, hidden=True)
async def this_it_was(call: Call, args: CauseArgs) -> Reply:
    """Say that a change was the cause of an alert group."""
    return await call.use(Alerts).acting.this_it_was(call, args.alert, args.change)

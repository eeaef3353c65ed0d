"""`/oncall`: who is on call, now and next; take over, hand over, put somebody else there."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.oncall.oncall import OVERRIDE, READ, TAKE, OnCall
from bot.oncall.overrides import Span
from bot.permissions import Permissions
from bot.reply import Reply
from commands.audit import person_of

_MOST = 100
_UNTIL = "until when, in your own time zone: 2026-12-24 or '2026-12-24 18:00'; until the shift ends without"


async def schedules(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the schedules."""
    return [Option(name) for name in call.use(OnCall).schedules() if typed.lower() in name][:_MOST]


@arguments
class ShowArgs:
    """Of which schedule."""

    schedule: Annotated[str | None, arg("a schedule, or a service that has one; all without", options=schedules)] = None


@arguments
class TakeArgs:
    """What to take over, and for how long."""

    schedule: Annotated[str, arg("the schedule, or a service that has one", options=schedules)]
    duration: Annotated[timedelta | None, arg("for how long: 2h, 1d", flag="--for")] = None
    until: Annotated[str | None, arg(_UNTIL, flag="--until")] = None


@arguments
class HandArgs:
    """What to hand over, to whom, and for how long."""

    schedule: Annotated[str, arg("the schedule, or a service that has one", options=schedules)]
    to: Annotated[str, arg("@person", word="to")]
    duration: Annotated[timedelta | None, arg("for how long: 2h, 1d", flag="--for")] = None
    until: Annotated[str | None, arg(_UNTIL, flag="--until")] = None


@arguments
class OverrideArgs:
    """Who is on call instead, from when until when."""

    schedule: Annotated[str, arg("the schedule, or a service that has one", options=schedules)]
    person: Annotated[str, arg("@person")]
    begins: Annotated[str | None, arg("from when, in your own time zone; from now without", flag="--from")] = None
    duration: Annotated[timedelta | None, arg("for how long: 2h, 1d", flag="--for")] = None
    until: Annotated[str | None, arg(_UNTIL, flag="--until")] = None


@arguments
class CancelArgs:
    """Which change to take back."""

    override: Annotated[str, arg("its id, such as O-3")]


def _span(args: TakeArgs | HandArgs | OverrideArgs) -> Span:
    begins = args.begins if isinstance(args, OverrideArgs) else None
    return Span(begins=(begins or "").strip(), until=(args.until or "").strip(), duration=args.duration)


async def readable(call: Call, args: ShowArgs) -> Resource:
    """Return what the permission to see is asked on: one of the services that one may see, else everything."""
    oncall = call.use(OnCall)
    concerned = oncall.services_of(oncall.named(args.schedule)) if args.schedule else None
    for service in await _seen(call):
        if concerned is None or service in concerned:
            return Resource(service)
    return Resource()


async def readable_any(call: Call, _args: object) -> Resource:
    """Return what the permission to see one's own shifts is asked on: whatever one may see."""
    return await readable(call, ShowArgs())


async def of_schedule(call: Call, args: object) -> Resource:
    """Return what the permission to change is asked on: of all its services the first that it is not held on."""
    oncall = call.use(OnCall)
    permission = OVERRIDE if isinstance(args, OverrideArgs) else TAKE
    return await _changed(call, oncall.named(str(getattr(args, "schedule", ""))), permission)


async def of_override(call: Call, args: CancelArgs) -> Resource:
    """Return what the permission is asked on: the services of the change's schedule."""
    found = await call.use(OnCall).overrides.find(None, args.override)
    return await _changed(call, found.schedule, TAKE)


async def _changed(call: Call, schedule: str, permission: str) -> Resource:
    services = call.use(OnCall).services_of(schedule)
    for service in services:
        if not (await call.use(Permissions).check(call.person, permission, Resource(service))).allowed:
            return Resource(service)
    return Resource(services[0]) if services else Resource()


async def _seen(call: Call) -> list[str]:
    permissions = call.use(Permissions)
    names = [one.name for one in call.use(Catalog).services() if one.oncall]
    return [name for name in names if (await permissions.check(call.person, READ, Resource(name))).allowed]


@command(
    "oncall show",
    permission=READ,
    args=ShowArgs,
    effect=Effect.LOOKUP,
    resource=readable,
    examples=("oncall show", "oncall show primary", "oncall show checkout"),
)
async def show(call: Call, args: ShowArgs) -> Reply:
    """Show who is on call now and next; of one schedule the next two weeks."""
    oncall = call.use(OnCall)
    everything = (await call.use(Permissions).check(call.person, READ, Resource())).allowed
    if args.schedule:
        return await oncall.overview.one(args.schedule, await _seen(call), everything=everything)
    return await oncall.overview.all(await _seen(call), everything=everything)


@command("oncall mine", permission=READ, effect=Effect.READ, resource=readable_any, examples=("oncall mine",))
async def mine(call: Call, _args: object) -> Reply:
    """Show your own shifts of the next four weeks."""
    return await call.use(OnCall).overview.mine(call.person)


@command(
    "oncall take",
    permission=TAKE,
    args=TakeArgs,
    effect=Effect.CHANGE,
    resource=of_schedule,
    decides=True,
    examples=("oncall take primary", "oncall take primary --for 2h"),
)
async def take(call: Call, args: TakeArgs) -> Reply:
    """Take over: you are on call from now on."""
    return await call.use(OnCall).overrides.take(call, args.schedule, _span(args))


@command(
    "oncall hand",
    permission=TAKE,
    args=HandArgs,
    effect=Effect.CHANGE,
    resource=of_schedule,
    decides=True,
    examples=("oncall hand primary to @bob",),
)
async def hand(call: Call, args: HandArgs) -> Reply:
    """Hand your shift over to somebody else."""
    return await call.use(OnCall).overrides.hand(call, args.schedule, person_of(call, args.to), _span(args))


@command(
    "oncall override",
    permission=OVERRIDE,
    args=OverrideArgs,
    effect=Effect.CHANGE,
    resource=of_schedule,
    decides=True,
    examples=("oncall override primary @bob --from '2026-12-24 09:00' --until '2026-12-25 09:00'",),
)
async def override(call: Call, args: OverrideArgs) -> Reply:
    """Put somebody on call for a while."""
    return await call.use(OnCall).overrides.put(call, args.schedule, person_of(call, args.person), _span(args))


@command(
    "oncall cancel",
    permission=TAKE,
    args=CancelArgs,
    effect=Effect.CHANGE,
    resource=of_override,
    decides=True,
    examples=("oncall cancel O-3",),
)
async def cancel(call: Call, args: CancelArgs) -> Reply:
    """Take back a change of who is on call."""
    return await call.use(OnCall).overrides.cancel(call, args.override)

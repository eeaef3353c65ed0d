"""`/mr`: the merge requests of a service; approved and merged as yourself."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.command import Call, Effect, Option, arg, arguments, command
from bot.errors import UserError
from bot.reply import Reply
from bot.reviews.reviews import MOST, Reviews, Wish
from commands.choices import may_read, services
from integrations.errors import IntegrationError

READ = "merge_request.read"
DECIDE = "merge_request.decide"


async def numbers(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the open merge requests of the chosen service; none while its host does not answer."""
    if not await may_read(call, READ, given):
        return []
    try:
        found = await call.use(Reviews).choices(given.get("service", ""))
    except (UserError, IntegrationError):
        return []
    titles = ((str(one.number), f"!{one.number} {one.title}") for one in found)
    return [Option(number, title[:75]) for number, title in titles if typed.lower().lstrip("!") in title.lower()]


@arguments
class ListArgs:
    """Of which service, and how many."""

    service: Annotated[str, arg("a service", options=services)]
    limit: Annotated[int, arg(f"how many, at most {MOST}", flag="--limit")] = 10


@arguments
class ShowArgs:
    """Which one."""

    service: Annotated[str, arg("a service", options=services)]
    number: Annotated[str, arg("its number, such as 12 or !12", options=numbers)]


@arguments
class DecideArgs:
    """Which one, at which head."""

    service: Annotated[str, arg("a service", options=services)]
    number: Annotated[str, arg("its number, such as 12 or !12", options=numbers)]
    sha: Annotated[str | None, arg("the head that you looked at; without it you are shown it first", flag="--sha")] = (
        None
    )


@arguments
class RemindArgs:
    """Of which service."""

    service: Annotated[str, arg("a service", options=services)]


@command("mr list", permission=READ, args=ListArgs, effect=Effect.LOOKUP, examples=("mr list checkout",))
async def list_(call: Call, args: ListArgs) -> Reply:
    """List the open merge requests of a service, and what each waits for."""
    return await call.use(Reviews).list(args.service, args.limit)


@command("mr show", permission=READ, args=ShowArgs, effect=Effect.LOOKUP, examples=("mr show checkout 12",))
async def show(call: Call, args: ShowArgs) -> Reply:
    """Show a merge request: what stands in its way, with buttons to approve and merge."""
    return await call.use(Reviews).show(call.person, args.service, args.number)


@command(
    "mr approve",
    permission=DECIDE,
    args=DecideArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("mr approve checkout 12", "mr approve checkout 12 --sha a1b2c3d"),
)
async def approve(call: Call, args: DecideArgs) -> Reply:
    """Approve a merge request as yourself, at the head you looked at."""
    return await call.use(Reviews).approve(_wish(call, args))


@command(
    "mr merge",
    permission=DECIDE,
    args=DecideArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("mr merge checkout 12",),
)
async def merge(call: Call, args: DecideArgs) -> Reply:
    """Merge a merge request as yourself, at the head you looked at."""
    return await call.use(Reviews).merge(_wish(call, args))


@command("mr remind", permission=READ, args=RemindArgs, effect=Effect.CHANGE, examples=("mr remind checkout",))
async def remind(call: Call, args: RemindArgs) -> Reply:
    """Remind reviewers in the channel of what waits longest."""
    return await call.use(Reviews).remind(args.service)


def _wish(call: Call, args: DecideArgs) -> Wish:
    return Wish(
        person=call.person,
        service=args.service,
        number=args.number,
        sha=args.sha or "",
        request_id=call.request_id,
    )

"""`/shipmate restore`: after a restore of the database, what was in flight, and what shall become of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.command import Call, Effect, NoArgs, Option, arg, arguments, command
from bot.reply import Reply
from bot.restoring.restoring import PERMISSION, Restoring
from bot.restoring.rules import Answer


async def open_items(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return what nobody has answered yet."""
    found = await call.use(Restoring).open_items()
    return [Option(one.id, one.was[:75]) for one in found if typed.casefold() in one.was.casefold()][:100]


async def offered(call: Call, given: Mapping[str, str], _typed: str) -> Sequence[Option]:
    """Return what may be said of the item that was chosen."""
    found = await call.use(Restoring).open_items()
    return [Option(answer.value) for one in found if one.id == given.get("item", "") for answer in one.offered]


@arguments
class DecideArgs:
    """Of what, and what is said of it."""

    item: Annotated[str, arg("what was in flight, such as D-1042", options=open_items)]
    answer: Annotated[Answer, arg("what shall become of it", options=offered)]


@arguments
class AllArgs:
    """What is said of all that is open."""

    answer: Annotated[Answer, arg("what shall become of all; what cannot have it is carried on")]


@command("restore show", permission=PERMISSION, args=NoArgs, effect=Effect.LOOKUP, examples=("restore show",))
async def show(call: Call, _args: NoArgs) -> Reply:
    """Show what was in flight when the database was saved that was restored, and how that stands now."""
    return await call.use(Restoring).show()


@command(
    "restore decide",
    permission=PERMISSION,
    args=DecideArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("restore decide D-1042 done",),
)
async def decide(call: Call, args: DecideArgs) -> Reply:
    """Say what shall become of one thing that was in flight; with the last one Shipmate goes on."""
    return await call.use(Restoring).decide(call, args.item, args.answer)


@command(
    "restore all",
    permission=PERMISSION,
    args=AllArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("restore all give-up",),
)
async def everything(call: Call, args: AllArgs) -> Reply:
    """Say the same of all that is open, and let Shipmate go on."""
    return await call.use(Restoring).decide_all(call, args.answer)

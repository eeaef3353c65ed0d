"""`/policy`: which policy is in force, and confirming what widens it."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.amendments.amendments import Amendments
from bot.amendments.records import State
from bot.command import Call, Effect, NoArgs, Option, arg, arguments, command
from bot.reply import Reply


async def waiting(call: Call, _given: Mapping[str, str], _typed: str) -> Sequence[Option]:
    """Return the change that waits, if one does."""
    newest = await call.use(Amendments).newest()
    return [Option(newest.id)] if newest is not None and newest.state is State.WAITING else []


@arguments
class ConfirmArgs:
    """Which change."""

    change: Annotated[str, arg("the change that waits, such as PC-3", options=waiting)]


@command("policy show", permission="policy.read", args=NoArgs, effect=Effect.READ, examples=("policy show",))
async def show(call: Call, _args: NoArgs) -> Reply:
    """Show which policy is in force, where it came from, and what of it waits."""
    return await call.use(Amendments).show()


@command(
    "policy confirm",
    permission="policy.approve",
    args=ConfirmArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("policy confirm PC-3",),
)
async def confirm(call: Call, args: ConfirmArgs) -> Reply:
    """Confirm a change of the policy that widens rights, as the second person."""
    change = args.change.strip().upper()
    return await call.use(Amendments).confirm(change, call.person, request_id=call.request_id)

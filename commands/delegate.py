"""`/delegate`: have somebody approve in your place while you are away."""

import contextlib
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from bot.approvals import delegation_messages as messages
from bot.approvals.delegations import Delegations
from bot.arguments.values import read_duration
from bot.command import Call, Effect, arg, arguments, command
from bot.errors import BadInput
from bot.permissions import Permissions
from bot.registry import OPEN
from bot.reply import Reply
from bot.settings.moments import read_moment
from commands.audit import person_of

OFF = "off"
USUALLY = timedelta(days=7)
LONGEST = timedelta(days=92)


@arguments
class DelegateArgs:
    """Who approves in one's place, until when, for which group."""

    to: Annotated[str | None, arg('@person; "off" to end it; nothing to see how it stands')] = None
    until: Annotated[
        str | None,
        arg("until when, in your own time zone: 2026-12-24, or for how long: 3d; a week without", word="until"),
    ] = None
    group: Annotated[str | None, arg("only for this group; for all of yours without", word="for")] = None


@command(
    "delegate",
    permission=OPEN,
    args=DelegateArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("delegate @raj until 2026-12-24 for release-managers", "delegate off"),
)
async def delegate(call: Call, args: DelegateArgs) -> Reply:
    """Have somebody approve in your place while you are away."""
    lending, name_of = call.use(Delegations), call.use(Permissions).name_of
    word = (args.to or "").strip()
    if not word:
        lent = await lending.active(delegator=call.person)
        return messages.standing(lent, await lending.active(delegate=call.person), name_of)
    if word.lower() == OFF:
        return messages.ended(await lending.take_back(call.person, call.request_id), name_of)
    until = await _until(call, (args.until or "").strip())
    made = await lending.give(
        call.person, person_of(call, word), (args.group or "").strip(), until, request_id=call.request_id
    )
    return messages.given(made, name_of)


async def _until(call: Call, text: str) -> datetime:
    if not text:
        return call.now + USUALLY
    until = None
    with contextlib.suppress(BadInput):
        until = call.now + read_duration(text, "until")
    if until is None:
        try:
            named = read_moment(text, last=True)
            zone = ZoneInfo(await call.use(Delegations).zone_of(call.person) or "UTC")
            until = named if named.tzinfo is not None else named.replace(tzinfo=zone)
        except (ValueError, OverflowError, LookupError):
            raise BadInput("bad_end", f"{text} is no date: write until 2026-12-24, or until 3d.") from None
    if not timedelta() < until - call.now <= LONGEST:
        raise BadInput("bad_end", f"It ends between now and {LONGEST.days} days from now: until 3d, for example.")
    return until

"""`/notify`: what you are told by direct message, how, and when not."""

from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from bot.arguments.values import read_duration
from bot.closest import did_you_mean
from bot.command import Call, Effect, Option, arg, arguments, command
from bot.errors import BadInput
from bot.notices import messages
from bot.notices.notices import Notices
from bot.notices.rules import LONGEST, SHORTEST, How, Wants
from bot.registry import OPEN
from bot.reply import Reply
from bot.slack.notice import About

QUIET, EVERY, OFF = "quiet", "every", "off"
_WORDS = (*(about.value for about in About), QUIET, EVERY)


async def words(_call: Call, _given: object, typed: str) -> list[Option]:
    """Return what can be changed."""
    return [Option(word) for word in _WORDS if typed.lower() in word]


@arguments
class NotifyArgs:
    """What to change, and to what."""

    what: Annotated[
        str | None, arg("approvals, ends, reminders, mentions, quiet or every; nothing to see it", options=words)
    ] = None
    how: Annotated[
        str | None,
        arg('at-once, digest or none; for quiet 22:00-07:00 or "off"; for every a length of time', rest=True),
    ] = None


@command(
    "notify",
    permission=OPEN,
    args=NotifyArgs,
    effect=Effect.CHANGE,
    examples=("notify", "notify approvals at-once", "notify quiet 22:00-07:00", "notify every 30m"),
)
async def notify(call: Call, args: NotifyArgs) -> Reply:
    """Say what you want to be told by direct message, how, and when not."""
    notices = call.use(Notices)
    wants = await notices.wants(call.person)
    what = (args.what or "").strip().lower()
    if what:
        zone = await notices.zone_of(call.person) or wants.zone
        wants = _changed(wants, what, (args.how or "").strip().lower(), zone)
        await notices.keep(call.person, wants)
    return messages.wanted(wants, notices.window())


def _changed(wants: Wants, what: str, how: str, zone: str) -> Wants:
    wants = replace(wants, zone=_zone(zone))
    if what == QUIET:
        return replace(wants, quiet=None if how == OFF else _hours(how))
    if what == EVERY:
        window = read_duration(how, EVERY)
        if not SHORTEST <= window <= LONGEST:
            raise BadInput(
                "bad_value", "Between 1 minute and 1 day are gathered into one: write every 30m, for example."
            )
        return replace(wants, window=window)
    if what not in _WORDS:
        hint = did_you_mean(what, _WORDS) or f"There are {', '.join(_WORDS)}."
        raise BadInput("bad_value", f"{what} is nothing that you are told of. {hint}")
    ways = [way.value for way in How]
    if how not in ways:
        raise BadInput("bad_value", f"{how or 'Nothing'} is no way to be told: write {', '.join(ways)}.")
    return replace(wants, how={**wants.how, what: How(how)})


def _hours(text: str) -> tuple[time, time]:
    try:
        begin, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        raise BadInput(
            "bad_value", f"{text or 'Nothing'} are no hours: write quiet 22:00-07:00, or quiet off."
        ) from None
    if begin == end or begin.tzinfo is not None or end.tzinfo is not None:
        raise BadInput("bad_value", "Quiet hours have a beginning and an end: write quiet 22:00-07:00.")
    return begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"

"""What people do together about an alert group: ask somebody to help, note, and put what belongs together together."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.alerts.alerts import ACT, PAGE, Alerts
from bot.alerts.company import Answer
from bot.command import Call, Effect, Option, arg, arguments, command
from bot.permissions import Permissions
from bot.registry import OPEN
from bot.reply import Reply
from commands.alert import AlertArgs, groups, place
from commands.audit import person_of


async def people(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the people of the configuration."""
    names = sorted(call.use(Permissions).people())
    return [Option(f"@{name}") for name in names if typed.lower().removeprefix("@") in name.lower()]


@arguments
class PageArgs:
    """Whom to ask, about which group."""

    person: Annotated[str, arg("who is asked to help: @person", options=people)]
    alert: Annotated[str, arg("its id, such as A-7", word="about", options=groups)]
    reason: Annotated[str | None, arg("what is wanted of them", flag="--reason")] = None


@arguments
class NoteArgs:
    """What to note on which group."""

    alert: Annotated[str, arg("its id, such as A-7", options=groups)]
    text: Annotated[str, arg("what is to be remembered", rest=True, multiline=True, message="text")]


@arguments
class AttachArgs:
    """Which group becomes a part of which."""

    alert: Annotated[str, arg("id of the group that becomes a part, such as A-9", options=groups)]
    to: Annotated[str, arg("id of the group that it becomes a part of, such as A-7", word="to", options=groups)]


@command(
    "page",
    permission=PAGE,
    args=PageArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("page @bob about A-7", "page @bob about A-7 --reason 'you know this queue'"),
)
async def page(call: Call, args: PageArgs) -> Reply:
    """Ask somebody to help with an alert group."""
    person = person_of(call, args.person)
    return await call.use(Alerts).helping.ask(call, args.alert, person, (args.reason or "").strip())


@command("coming", permission=OPEN, args=AlertArgs, effect=Effect.CHANGE, resource=place, decides=True, hidden=True)
async def coming(call: Call, args: AlertArgs) -> Reply:
    """Say that you come to help with an alert group."""
    return await call.use(Alerts).helping.answer(call, args.alert, Answer.COMING)


@command("cannot", permission=OPEN, args=AlertArgs, effect=Effect.CHANGE, resource=place, decides=True, hidden=True)
async def cannot(call: Call, args: AlertArgs) -> Reply:
    """Say that you cannot help with an alert group."""
    return await call.use(Alerts).helping.answer(call, args.alert, Answer.CANNOT)


@command(
    "note",
    permission=ACT,
    args=NoteArgs,
    effect=Effect.CHANGE,
    resource=place,
    examples=("note A-7 the disk of db-3 is full",),
)
async def note(call: Call, args: NoteArgs) -> Reply:
    """Keep a note on an alert group, also from a message in its thread: by its shortcut, or a reaction on it."""
    return await call.use(Alerts).helping.note(call, args.alert, args.text)


@command(
    "attach",
    permission=ACT,
    args=AttachArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("attach A-9 to A-7",),
)
async def attach(call: Call, args: AttachArgs) -> Reply:
    """Make an alert group a part of another: quiet, and covered by what is done there."""
    return await call.use(Alerts).attachments.attach(call, args.alert, args.to)


@command(
    "detach",
    permission=ACT,
    args=AlertArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("detach A-9",),
)
async def detach(call: Call, args: AlertArgs) -> Reply:
    """Let an alert group that is a part of another stand for itself again."""
    return await call.use(Alerts).attachments.detach(call, args.alert)

"""`/erase`: take a person out of the audit log, with a second pair of eyes."""

from typing import Annotated

from bot.audit import Audit, messages, wishes
from bot.command import Call, Effect, arg, arguments, command
from bot.identity import Person
from bot.permissions import Permissions
from bot.reply import Reply
from commands.audit import person_of


@arguments
class EraseArgs:
    """Whom."""

    person: Annotated[str, arg("who is to be erased: @person, or a name from the configuration")]
    also: Annotated[str | None, arg("what else they are called, names separated by commas", flag="--also")] = None


@arguments
class ConfirmArgs:
    """Which wish."""

    wish: Annotated[str, arg("the wish, such as ER-3")]


def names_of(permissions: Permissions, person: Person) -> list[str]:
    """Return what the configuration calls a person: names, title, addresses."""
    known = [name for name, one in permissions.people().items() if one.user == person.user]
    title = permissions.name_of(person)
    titles = [title] if title != person.user else []
    return [*dict.fromkeys([*known, *titles, *sorted(permissions.emails_of(person))])]


@command(
    "erase",
    permission="audit.erase",
    args=EraseArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("erase @mia", 'erase @mia --also "Mia Kowalska, mkowalska"'),
)
async def erase(call: Call, args: EraseArgs) -> Reply:
    """Ask that a person is erased from the audit log; somebody else confirms it."""
    permissions, person = call.use(Permissions), person_of(call, args.person)
    also = [name.strip() for name in (args.also or "").split(",") if name.strip()]
    wish, found = await wishes.ask(call.use(Audit), person, [*names_of(permissions, person), *also], call.person)
    return messages.asked(wish.id, permissions.name_of(person), found)


@command(
    "confirm-erasure",
    permission="audit.erase",
    args=ConfirmArgs,
    effect=Effect.CHANGE,
    decides=True,
    hidden=True,
)
async def confirm(call: Call, args: ConfirmArgs) -> Reply:
    """Erase the person that a wish of somebody else names."""
    ident = args.wish.strip().upper()
    found = await wishes.confirm(call.use(Audit), ident, call.person, request_id=call.request_id)
    return messages.erased(ident, found)

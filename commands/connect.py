"""`/connect`, `/disconnect`, `/connections`: let Shipmate act in a tool as you, and take that back."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.command import Call, Effect, NoArgs, Option, arg, arguments, command
from bot.errors import BadInput
from bot.grants import messages
from bot.grants.grants import Grants
from bot.grants.linking import Linking
from bot.grants.rules import SIGN_IN_LASTS
from bot.registry import OPEN
from bot.reply import Reply


async def instances(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the tools in which people can act as themselves."""
    return [Option(name) for name in call.use(Grants).instances() if typed.lower() in name]


async def linked(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the tools that this person has linked an account of."""
    found = await call.use(Grants).of_person(call.person)
    return [Option(one.instance) for one in found if typed.lower() in one.instance]


@arguments
class ConnectArgs:
    """Which tool."""

    instance: Annotated[
        str | None, arg("an integration, by its name; the only one where there is one", options=instances)
    ] = None


@arguments
class DisconnectArgs:
    """Which tool."""

    instance: Annotated[str, arg("an integration that you have linked an account of", options=linked)]


@command(
    "connect",
    permission=OPEN,
    args=ConnectArgs,
    effect=Effect.LOOKUP,  # answered at once and kept nowhere: the link in it is for one person alone
    sensitive=True,
    examples=("connect gitlab",),
)
async def connect(call: Call, args: ConnectArgs) -> Reply:
    """Link your own account of a tool, so that Shipmate acts there as you."""
    name = (args.instance or "").strip().lower() or _only(call.use(Grants).instances())
    url = await call.use(Linking).begin(call.person, name)
    known = await call.use(Grants).proposals.of(call.person, name)
    return messages.sign_in(name, name, url, int(SIGN_IN_LASTS.total_seconds()) // 60, known)


@command(
    "disconnect",
    permission=OPEN,
    args=DisconnectArgs,
    effect=Effect.CHANGE,
    examples=("disconnect gitlab",),
)
async def disconnect(call: Call, args: DisconnectArgs) -> Reply:
    """Revoke what lets Shipmate act as you in a tool, and forget it."""
    name = args.instance.strip().lower()
    revoked = await call.use(Grants).disconnect(call.person, name)
    return messages.disconnected(name, revoked=revoked)


@command("connections", permission=OPEN, args=NoArgs, effect=Effect.READ)
async def connections(call: Call, _args: NoArgs) -> Reply:
    """Show which accounts of yours Shipmate may act with, and when it last did."""
    grants = call.use(Grants)
    return messages.connections(await grants.of_person(call.person), () if grants.off else grants.instances())


def _only(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise BadInput("no_instance", "No connected integration lets people act as themselves.")
    raise BadInput("no_instance", f"Say which: connect {' or connect '.join(names)}.")

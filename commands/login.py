"""`/shipmate login`: sign in at the company's identity provider, so that the groups it tells count."""

from bot.command import Call, Effect, NoArgs, command
from bot.registry import OPEN
from bot.reply import Reply
from bot.signin import messages
from bot.signin.signing import Signing


@command(
    "login",
    permission=OPEN,
    args=NoArgs,
    effect=Effect.LOOKUP,  # answered at once and kept nowhere: the link in it is for one person alone
    sensitive=True,
)
async def login(call: Call, _args: NoArgs) -> Reply:
    """Sign in at the company's identity provider, so that the groups it tells count here."""
    signing = call.use(Signing)
    url = await signing.begin(call.person)
    return messages.sign_in(url, await signing.known(call.person))

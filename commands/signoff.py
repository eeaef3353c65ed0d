"""`/signoff`: accept a release on the environment where you tried it, reject it, or take that back."""

from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.errors import BadInput
from bot.releases.releases import Releases
from bot.releases.rules import Word
from bot.releases.sign_offs import Opinionated
from bot.reply import Reply
from commands.choices import environments
from commands.release import releases, service_of_release


@arguments
class SignOffArgs:
    """Which release, where, and what is said of it."""

    release: Annotated[str, arg("its id, such as R-88", options=releases)]
    on: Annotated[
        str | None,
        arg("the environment where it was tried; the one that asks without", options=environments, word="on"),
    ] = None
    reject: Annotated[str | None, arg("reject it, for this reason", flag="--reject")] = None
    revoke: Annotated[bool, arg("take back what you said", flag="--revoke")] = False


@command(
    "signoff",
    permission="release.sign_off",
    args=SignOffArgs,
    effect=Effect.CHANGE,
    resource=service_of_release,
    decides=True,
    examples=("signoff R-88", 'signoff R-88 --reject "the total is wrong"'),
)
async def signoff(call: Call, args: SignOffArgs) -> Reply:
    """Sign a release off on the environment where you tried it, so that it may go on."""
    if args.revoke and args.reject is not None:
        raise BadInput("ambiguous", "--reject and --revoke mean different things: leave one of them out.")
    word = Word.REVOKED if args.revoke else Word.ACCEPTED if args.reject is None else Word.REJECTED
    return await _say(call, args.release, args.on or "", word, args.reject or "")


@arguments
class RejectArgs:
    """Which release, where, and why."""

    release: Annotated[str, arg("its id, such as R-88", options=releases)]
    on: Annotated[str | None, arg("the environment where it was tried", options=environments, word="on")] = None
    reason: Annotated[str, arg("why: it is kept and shown", rest=True)]


@command(
    "signoff-reject",
    permission="release.sign_off",
    args=RejectArgs,
    effect=Effect.CHANGE,
    resource=service_of_release,
    decides=True,
    hidden=True,
)
async def reject(call: Call, args: RejectArgs) -> Reply:
    """Reject a release on the environment where you tried it: it does not go on."""
    return await _say(call, args.release, args.on or "", Word.REJECTED, args.reason)


async def _say(call: Call, name: str, on: str, word: Word, reason: str) -> Reply:
    found = call.use(Releases)
    release = await found.overview.find(name)
    return await found.sign_offs.say(call, Opinionated(release=release, on=on, word=word, reason=reason))

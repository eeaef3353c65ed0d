"""`answer`: let a run that waits for a person go on; what the buttons on its card run."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.builds.builds import Builds
from bot.command import Call, Effect, Pairs, Resource, arg, arguments, command
from bot.errors import UserError
from bot.reply import Reply
from integrations.capabilities.runs import Parameter


async def parameters(call: Call, given: Mapping[str, str]) -> Sequence[Parameter]:
    """Return what the action takes, nothing where it waits no more."""
    try:
        waiting = await call.use(Builds).answers.find(given.get("run", ""))
    except UserError:
        return ()
    return next((tuple(one.parameters) for one in waiting.actions if one.id == given.get("action")), ())


async def resource_of(call: Call, args: object) -> Resource:
    """Return what the run is of: a deployment's place, or a build's service."""
    return (await call.use(Builds).answers.find(str(getattr(args, "run", "")))).resource


@arguments
class AnswerArgs:
    """What to answer, and with what."""

    run: Annotated[str, arg("the build or deployment that waits, such as B-12 or D-1042")]
    action: Annotated[str, arg("what it waits for, as its button says")]
    param: Annotated[
        Pairs | None, arg("a parameter of the action, as often as needed", flag="--param", inputs=parameters)
    ] = None


@command(
    "answer",
    permission="run.answer",
    args=AnswerArgs,
    effect=Effect.CHANGE,
    resource=resource_of,
    decides=True,
    examples=("answer B-12 Proceed", 'answer D-1042 "Deploy to production" --param SLOT=blue'),
)
async def answer(call: Call, args: AnswerArgs) -> Reply:
    """Let a run that waits for a person go on."""
    return await call.use(Builds).answers.answer(call, args.run, args.action, args.param or {})

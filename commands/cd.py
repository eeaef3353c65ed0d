"""`/cd`: what is deployed by itself, and how to pause it."""

from datetime import timedelta
from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.continuous.continuous import Continuous
from bot.reply import Reply
from commands.choices import environments, services


@arguments
class ShowArgs:
    """Of which service."""

    service: Annotated[str | None, arg("of this service; of all without", options=services)] = None


@arguments
class PauseArgs:
    """What to pause, why and for how long."""

    service: Annotated[str, arg("service to pause", options=services)]
    environment: Annotated[str | None, arg("only this environment; all without", options=environments)] = None
    reason: Annotated[str | None, arg("why, for those who wonder", flag="--reason")] = None
    duration: Annotated[timedelta | None, arg("for how long: 2h, 1d; until resumed without", flag="--for")] = None


@arguments
class ResumeArgs:
    """What to let go on."""

    service: Annotated[str, arg("service to resume", options=services)]
    environment: Annotated[
        str | None, arg("the environment that was paused; the whole service without", options=environments)
    ] = None


@command(
    "cd show",
    permission="deployment.read",
    args=ShowArgs,
    effect=Effect.READ,
    examples=("cd show", "cd show checkout"),
)
async def show(call: Call, args: ShowArgs) -> Reply:
    """Show what is deployed by itself, what went last, and who paused what."""
    return await call.use(Continuous).overview.list(args.service or "")


@command(
    "cd pause",
    permission="continuous.change",
    args=PauseArgs,
    effect=Effect.CHANGE,
    examples=('cd pause checkout staging --reason "load test" --for 2h', "cd pause checkout"),
)
async def pause(call: Call, args: PauseArgs) -> Reply:
    """Keep new commits from being deployed by themselves; what runs already goes on."""
    return await call.use(Continuous).pauses.pause(
        call, args.service, args.environment or "", reason=(args.reason or "").strip(), duration=args.duration
    )


@command(
    "cd resume",
    permission="continuous.change",
    args=ResumeArgs,
    effect=Effect.CHANGE,
    examples=("cd resume checkout staging",),
)
async def resume(call: Call, args: ResumeArgs) -> Reply:
    """Let new commits be deployed by themselves again, beginning with the newest."""
    return await call.use(Continuous).pauses.resume(call, args.service, args.environment or "")

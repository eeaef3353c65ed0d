"""`/silence`, `/unsilence`, `/silences`: keep an alert group quiet in its source until a moment."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from bot.alerts.alerts import READ, SILENCE, Alerts, Asked
from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.reply import Reply
from commands.alert import groups
from commands.choices import readable


async def standing(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the silences in force, as far as they are known."""
    return await readable(call, READ, await call.use(Alerts).silence_options(typed))


@arguments
class SilenceArgs:
    """Which group, until when, and by which labels."""

    alert: Annotated[str, arg("its id, such as A-7", options=groups)]
    duration: Annotated[timedelta | None, arg("for how long: 30m, 2h, 1d", flag="--for")] = None
    until: Annotated[
        str | None, arg("until when: workday, 2026-12-24 or '2026-12-24 18:00', in your time zone", flag="--until")
    ] = None
    matchers: Annotated[
        str | None, arg('by other labels than the group\'s: \'service="checkout", pod=~"a.*"\'', flag="--matchers")
    ] = None
    reason: Annotated[str | None, arg("why, for those who wonder", flag="--reason")] = None
    until_recovery: Annotated[
        bool,
        arg("it ends as soon as nothing of it fires any more, at the given end at the latest", flag="--until-recovery"),
    ] = False


@arguments
class UnsilenceArgs:
    """Which silence."""

    silence: Annotated[str, arg("its id, such as S-3", options=standing)]


@arguments
class LongerArgs:
    """Which silence, and how much longer or until when."""

    silence: Annotated[str, arg("its id, such as S-3", options=standing)]
    duration: Annotated[timedelta | None, arg("how much longer than it lasts now: 1h", flag="--for")] = None
    until: Annotated[
        str | None, arg("until when: workday, 2026-12-24 or '2026-12-24 18:00', in your time zone", flag="--until")
    ] = None


def _asked(args: SilenceArgs) -> Asked:
    return Asked(
        alert=args.alert,
        duration=args.duration,
        until=(args.until or "").strip(),
        matchers=args.matchers or "",
        reason=(args.reason or "").strip(),
        until_recovery=args.until_recovery,
    )


async def place(call: Call, args: SilenceArgs) -> Resource:
    """Return what the permission is asked on: the place that the matchers hold to."""
    return await call.use(Alerts).resource(_asked(args))


async def place_of_silence(call: Call, args: object) -> Resource:
    """Return what the permission is asked on when the argument `silence` names one."""
    return await call.use(Alerts).resource_of_silence(str(getattr(args, "silence", "")))


@command(
    "silence",
    permission=SILENCE,
    args=SilenceArgs,
    effect=Effect.CHANGE,
    resource=place,
    decides=True,
    examples=("silence A-7 --for 2h", "silence A-7 --until workday", "silence A-7"),
)
async def silence(call: Call, args: SilenceArgs) -> Reply:
    """Keep an alert group quiet until a moment; without one, show what a silence would be about."""
    return await call.use(Alerts).silence(call, _asked(args))


@command(
    "unsilence",
    permission=SILENCE,
    args=UnsilenceArgs,
    effect=Effect.CHANGE,
    resource=place_of_silence,
    decides=True,
    examples=("unsilence S-3",),
)
async def unsilence(call: Call, args: UnsilenceArgs) -> Reply:
    """End a silence now."""
    return await call.use(Alerts).end_silence(call, args.silence)


@command(
    "extend",
    permission=SILENCE,
    args=LongerArgs,
    effect=Effect.CHANGE,
    resource=place_of_silence,
    decides=True,
    examples=("extend S-3 --for 2h", "extend S-3 --until workday"),
)
async def extend(call: Call, args: LongerArgs) -> Reply:
    """Have a silence end later."""
    return await call.use(Alerts).extend_silence(call, args.silence, args.duration, (args.until or "").strip())


@command("silences", permission=READ, effect=Effect.LOOKUP, examples=("silences",))
async def silences(call: Call, _args: object) -> Reply:
    """List the silences in force, those made elsewhere too."""
    return await call.use(Alerts).all_silences()

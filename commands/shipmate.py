"""`/shipmate`: what everybody may ask of the bot itself. Help and health."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.command import Call, Effect, NoArgs, Option, arg, arguments, command
from bot.health import Health, HealthChecks
from bot.help import Help
from bot.registry import OPEN, Registry
from bot.reply import Headline, Markup, Note, Paragraph, Part, Reply, escape, moment, say

EVERYTHING = "all"


async def names(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the commands whose names contain what was typed."""
    known = call.use(Registry).values()
    return [Option(one.name, one.summary) for one in known if typed.casefold() in one.name and not one.hidden]


@arguments
class HelpArgs:
    """Which command help is wanted for."""

    command: Annotated[str | None, arg(f'a command, or "{EVERYTHING}" for all of them', options=names, rest=True)] = (
        None
    )


@command("help", permission=OPEN, args=HelpArgs, effect=Effect.READ, examples=("help deploy",))
async def help_(call: Call, args: HelpArgs) -> Reply:
    """Show what you can ask, and how."""
    pages = call.use(Help)
    if args.command is None or args.command.casefold() == EVERYTHING:
        return await pages.overview(call.invocation, whole=args.command is not None)
    known = call.use(Registry)
    word = " ".join(args.command.lstrip("/").split()).casefold()
    if word in known.groups:
        return await pages.of_group(word, call.invocation)
    return await pages.of(known.find(word), call.invocation)


@command("health", permission=OPEN, args=NoArgs, effect=Effect.LOOKUP)
async def health(call: Call, _args: NoArgs) -> Reply:
    """Ask every connected system how it is."""
    healths = await call.use(HealthChecks).ask()
    bad = [name for name, one in healths.items() if not one.ok]
    first = f"{len(bad)} of {len(healths)} systems do not answer as they should" if bad else "All is well"
    parts: list[Part] = [Headline(escape(first))]
    parts.extend(Paragraph(_line(name, one)) for name, one in healths.items() if not one.ok)
    if well := [_line(name, one) for name, one in healths.items() if one.ok]:
        parts.append(Paragraph(Markup("\n".join(well))))
    if bad:
        parts.append(Note(say("What needs none of these still works.")))
    return Reply(summary=f"{first}: {', '.join(bad)}" if bad else first, parts=tuple(parts))


def _line(name: str, one: Health) -> Markup:
    if one.ok:
        return say("✓ {}{}", name, f" · {one.detail}" if one.detail else "")
    since = say(" since {}", moment(one.since, day=True)) if one.since else Markup("")
    return say("✗ {} is not well{}: {}", name, since, one.detail)

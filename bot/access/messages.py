"""The words about rights that people ask for."""

from collections.abc import Callable, Sequence

from bot.access.records import Request
from bot.access.rules import State
from bot.command import Resource
from bot.identity import Person
from bot.reply import Button, Buttons, Markup, Message, Note, Paragraph, Part, Reply, Style, code, moment, say
from bot.settings.values import format_duration

NameOf = Callable[[Person], str]


def place(where: Resource) -> str:
    """Return where a right holds: "checkout/production", "production", "everything"."""
    return "/".join(part for part in (where.service, where.environment, where.target) if part) or "everything"


def asked(request: Request, name_of: NameOf) -> Message:
    """Return the question to who decides, as it stands."""
    who = name_of(request.person)
    length = format_duration(request.length)
    summary = f"{request.id}: @{who} asks for {request.permission} on {place(request.where)} for {length}"
    line = say(
        "*{}*: @{} asks for {} on *{}* for {}: “{}”",
        request.id,
        who,
        code(request.permission),
        place(request.where),
        length,
        request.reason,
    )
    parts: list[Part] = [Paragraph(line)]
    if request.state is State.ASKED:
        args = {"request": request.id}
        parts.append(
            Buttons(
                (
                    Button(label="Grant", command="access grant", args=args, style=Style.PRIMARY),
                    Button(label="Reject", command="access reject", args=args, style=Style.DANGER),
                )
            )
        )
    else:
        parts.append(Note(_standing(request, name_of)))
    return Message(summary=summary, parts=tuple(parts))


def sent(request: Request, told: int) -> Reply:
    """Return the answer to who asked."""
    whom = f"{told} {'person' if told == 1 else 'people'} may decide and were told" if told else "the channel was told"
    words = f"{request.id}: asked for {request.permission} on {place(request.where)}; {whom}."
    return Reply(summary=words, parts=(Paragraph(say("{}", words)),), subject=request.id)


def decided(request: Request, name_of: NameOf) -> Message:
    """Return what is told to who asked."""
    summary = f"{request.id}: {request.permission} on {place(request.where)} was {request.state.value}"
    line = say(
        "*{}*: {} on *{}*. {}", request.id, code(request.permission), place(request.where), _standing(request, name_of)
    )
    parts: tuple[Part, ...] = (Paragraph(line),)
    if request.state is State.GRANTED:
        parts = (
            *parts,
            Buttons((Button(label="Give it back", command="access revoke", args={"request": request.id}),)),
        )
    return Message(summary=summary, parts=parts)


def answer(request: Request, name_of: NameOf) -> Reply:
    """Return the answer to who decided."""
    words = say("*{}*: {}", request.id, _standing(request, name_of))
    return Reply(summary=f"{request.id} is {request.state.value}", parts=(Paragraph(words),), subject=request.id)


def listed(standing: Sequence[Request], name_of: NameOf) -> Reply:
    """Return what is held for a while now, and what is asked for."""
    if not standing:
        words = "Nobody holds a right for a while, and nobody asks for one."
        return Reply(summary=words, parts=(Paragraph(say("{}", words)),))
    lines = [
        say(
            "*{}* @{}: {} on *{}* · {} · “{}”",
            one.id,
            name_of(one.person),
            code(one.permission),
            place(one.where),
            _standing(one, name_of),
            one.reason,
        )
        for one in standing
    ]
    held = sum(one.state is State.GRANTED for one in standing)
    summary = f"{held} rights are held for a while, {len(standing) - held} are asked for"
    return Reply(summary=summary, parts=(Paragraph(Markup("\n".join(lines))),))


def _standing(request: Request, name_of: NameOf) -> Markup:
    by = f" by @{name_of(request.decided_by)}" if request.decided_by else ""
    if request.state is State.ASKED:
        return say("asked {}", moment(request.asked_at, day=True))
    if request.state is State.GRANTED and request.ends_at is not None:
        return say("granted{} until {}", by, moment(request.ends_at, day=True))
    return say("{}{}", request.state.value, by)

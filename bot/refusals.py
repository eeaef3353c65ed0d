"""What people read when the road ends before the command: no permission, a stranger, too late, a tool that is away."""

import dataclasses
from datetime import timedelta

from bot import arguments
from bot.arguments import Incomplete
from bot.catalog import Catalog
from bot.closest import closest
from bot.command import Call, Command, Resource, Trigger
from bot.errors import BadInput, Degraded, NotAllowed, Refused, UserError
from bot.permissions import Decision
from bot.reply import Button, Buttons, Note, Paragraph, Part, Reply, code, say
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Refused as ToolRefused,
)

_LONGEST_LABEL = 75  # of a button, in Slack
_WRONG_FIELD = {"unknown_service": "service", "unknown_environment": "environment"}


def not_allowed(command: Command, resource: Resource, decision: Decision) -> NotAllowed:
    """Refuse for want of a permission: which one, on what, and who could."""
    where = "/".join(part for part in (resource.service, resource.environment, resource.target) if part)
    on = f" on {where}" if where else ""
    if decision.who_could:
        who = f"Who could: {', '.join(decision.who_could)}."
    else:
        who = "Nobody is granted that: whoever keeps the configuration can change it."
    unreadable = decision.rule.partition("; ")[2]  # groups of which it cannot be told now who is in them
    unreadable = f" {unreadable[0].upper()}{unreadable[1:]}." if unreadable else ""
    return NotAllowed(
        "not_allowed",
        f"You may not {command.name}{on}: that needs the permission {command.permission}.{unreadable} {who}",
        moves=(
            Button(label="Ask for access…", command="access ask", args=_wish(command, resource), ask=True),
            Button(label="What I may do", command="access show"),
        ),
    )


def explained(command: Command, resource: Resource, decision: Decision) -> Reply:
    """Answer `--explain`: which rule allows a command to who asks, or who could; nothing was done."""
    where = "/".join(part for part in (resource.service, resource.environment, resource.target) if part)
    what = f"{command.name} on {where}" if where else command.name
    verdict = "you may" if decision.allowed else "you may not"
    parts: list[Part] = [
        Paragraph(say("*{}*: {}; nothing was done.", what, verdict)),
        Paragraph(say("{} Permission ({}): {}", "✓" if decision.allowed else "✗", command.permission, decision.rule)),
    ]
    if decision.who_could:
        parts.append(Paragraph(say("Who could: {}", ", ".join(decision.who_could))))
    if command.decides:
        parts.append(Note(say("It decides, so a mention or a reaction only brings up the button to press.")))
    return Reply(summary=f"{what}: {verdict}; nothing was done.", parts=tuple(parts))


def outside(why: str) -> NotAllowed:
    """Refuse what somebody may do, but not with the token that they showed."""
    text = f"This is not done: {why}. Whoever keeps the configuration can change what it is for (terminal.tokens)."
    return NotAllowed("token_scope", text)


def _wish(command: Command, resource: Resource) -> dict[str, str]:
    parts = {"service": resource.service, "environment": resource.environment, "target": resource.target}
    return {"permission": command.permission, **{name: part for name, part in parts.items() if part}}


def stranger(*, guest: bool) -> NotAllowed:
    """Refuse a guest or a person of another organisation that no grant names."""
    if guest:
        return NotAllowed("guest", "Guests may do nothing here unless a grant names them. Ask whoever runs Shipmate.")
    return NotAllowed(
        "outsider",
        "People of other organisations may do nothing here unless a grant names them. Ask whoever runs Shipmate.",
    )


def deactivated() -> NotAllowed:
    """Refuse whose account is deactivated, whatever names them: what still comes from it is not theirs."""
    return NotAllowed(
        "deactivated", "This account is deactivated in Slack, so it may do nothing here. Ask whoever runs Shipmate."
    )


def late(command: Command, args: object, age: timedelta) -> Reply:
    """Offer again what arrived, or came to be run, too long after it was asked."""
    minutes = int(age.total_seconds()) // 60
    ago = f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"  # noqa: PLR2004 - two hours
    asked = arguments.line(command, args)
    return Reply(
        summary=f"Not run: you asked {ago} ago to {asked}. Is it still wanted?",
        parts=(
            Paragraph(say("Asked {} ago: {}. Nothing was started. Is it still wanted?   (late)", ago, code(asked))),
            Buttons((_again(command, args),)),
        ),
        code="late",
    )


def press(command: Command, args: object) -> Reply:
    """Answer a mention or reaction, which anybody's token can make, with the button that only a person can press."""
    asked = arguments.line(command, args)
    return Reply(
        summary=f"Press the button to {asked}",
        parts=(Paragraph(say("Press to confirm: {}", code(asked))), Buttons((_again(command, args),))),
        code="press_to_confirm",
    )


def words_lost() -> Refused:
    """Refuse what was sealed by a process that ended before it ran it: nothing can read it any more."""
    return Refused(
        "words_lost",
        "Not run: Shipmate was restarted before it came to it, and what you asked for may hold secret values, which "
        "only that process could read. Ask again. (With encryption_keys a restart does no harm.)",
    )


def _again(command: Command, args: object) -> Button:
    """Return a button that asks for the same again; values that may be secret are asked for anew, in the form."""
    asked = arguments.line(command, args)
    label = asked if len(asked) <= _LONGEST_LABEL else f"{asked[: _LONGEST_LABEL - 1]}…"
    label = label[:1].upper() + label[1:]
    given = arguments.as_mapping(command, args)
    plain = arguments.without_pairs(command, given)
    return Button(label=label, command=command.name, args=plain, ask=plain != given)


def incomplete(wish: Incomplete, trigger: Trigger) -> Reply:
    """Say what is missing: usage and an example in a terminal, elsewhere also a button that opens the form."""
    command = wish.command
    slots = arguments.grammar_of(command.args).slots
    names = " and ".join(slots[name].label for name in wish.missing)
    usage = arguments.usage(command)
    words = say("{} needs {}. Usage: {}   (incomplete)", command.name, names, code(usage))
    parts: tuple[Paragraph | Buttons, ...] = (Paragraph(words),)
    if command.examples:
        parts = (*parts, Paragraph(say("For example: {}", code(command.examples[0]))))
    if trigger is not Trigger.TERMINAL:
        button = Button(label="Fill in…", command=command.name, args=dict(wish.given), ask=True)
        parts = (*parts, Buttons((button,)))
    return Reply(summary=f"{command.name} needs {names}. Usage: {usage}", parts=parts, code="incomplete")


def with_correction(error: BadInput, call: Call, command: Command, args: object) -> BadInput:
    """Return `error` with a button for the corrected line, where the catalog knows a word that is near."""
    services = {service.name: service for service in call.use(Catalog).services()}
    wrong = _WRONG_FIELD.get(error.code, "")
    typed = getattr(args, wrong, None)
    if error.moves or not typed:
        return error
    names: list[str] = list(services)
    if wrong != "service":
        service = services.get(getattr(args, "service", "").lower())
        names = [name for one in service.environments for name in (one.name, *one.aliases)] if service else []
    near = closest(typed, names)
    if near is None:
        return error
    better = dataclasses.replace(args, **{wrong: near})  # type: ignore[type-var]  # argument classes are dataclasses
    return BadInput(error.code, error.text, moves=(_again(command, better),))


def broken(error_id: str, command: Command | None) -> Reply:
    """Own up to a mistake of ours; the id finds it in the log."""
    unsure = " Whether it took effect is not certain: /shipmate where shows what runs." if _changes(command) else ""
    return Reply(
        summary=f"Something broke on our side. It is in the log as {error_id}.{unsure}",
        parts=(
            Paragraph(
                say("Something broke on our side. Tell whoever runs Shipmate: {}.{}   (broken)", code(error_id), unsure)
            ),
        ),
        code="broken",
    )


def _changes(command: Command | None) -> bool:
    return command is not None and command.effect == "change"


def of_tool(error: IntegrationError) -> UserError:
    """Turn a tool's error into what a person can act on, by kind. Details of ours stay in the log."""
    _, family, reason, says = next(row for row in _TOOL_ERRORS if isinstance(error, row[0]))
    words = says.format(error.instance, error.message[:300])
    if isinstance(error, RateLimited):
        words += f" Try again in {max(1, round(error.retry_after))} s."
    return family(reason, words)


# The most particular kinds first; {0} is the instance, {1} the message, where it is the tool's own or ours to show.
_TOOL_ERRORS: tuple[tuple[type[IntegrationError], type[UserError], str, str], ...] = (
    (RateLimited, Degraded, "rate_limited", "{0} asks us to slow down."),
    (
        OutcomeUnknown,
        Degraded,
        "outcome_unknown",
        "{0} was asked and did not answer. What came of it is being looked up; nothing was sent twice.",
    ),
    (
        NotAuthenticated,
        Degraded,
        "not_authenticated",
        "{0} no longer accepts our credentials: they have to be renewed.",
    ),
    (NotPermitted, Degraded, "not_permitted", "{0} does not permit this to Shipmate's account."),
    (NotFound, Refused, "not_found", "{0} has no such thing: {1}"),
    (ToolRefused, Refused, "tool_refused", "{0} says no: {1}"),
    (BadReply, Degraded, "bad_reply", "{0} answered something that makes no sense to us. The log has its beginning."),
    (IntegrationError, Degraded, "unavailable", "{0} does not answer: {1}. Try again in a moment."),
)

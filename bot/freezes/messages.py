"""The words about freezes."""

from collections.abc import Callable, Sequence

from bot.amounts import amount, duration
from bot.freezes.budgets import Budget
from bot.freezes.records import Declared
from bot.freezes.rules import Freeze, Halt
from bot.freezes.trouble_records import Followed
from bot.freezes.windows import Window
from bot.identity import Person
from bot.locks.rules import Scope
from bot.reply import Button, Buttons, Confirm, Markup, Message, Note, Paragraph, Reply, Style, moment, say
from bot.settings.freezes import Burn, During, FreezeSettings

NameOf = Callable[[Person], str]


def what(scope: Scope) -> str:
    """Return what a declared freeze covers: "everything", "production", "checkout/production"."""
    return "/".join(part for part in (scope.service, scope.environment, scope.target) if part) or "everything"


def by(freeze: Freeze, name_of: NameOf) -> Markup:
    """Return where a freeze comes from: its name, or who declared it."""
    return say("{}, @{}", freeze.name, name_of(freeze.person)) if freeze.person else say("{}", freeze.name)


def words(halt: Halt, name_of: NameOf) -> str:
    """Return a freeze in plain words, without its end: "frozen by year-end: no changes before Christmas"."""
    freeze = halt.freeze
    who = f"@{name_of(freeze.person)} ({freeze.name})" if freeze.person else freeze.name
    return f"frozen by {who}: {freeze.reason}"


def until(window: Window, otherwise: str = "") -> Markup:
    """Return until when it is frozen; `otherwise` says what ends it where no date does."""
    if window.ends is None:
        return say("{}", otherwise or "until it is lifted")
    return say("until {}", moment(window.ends, day=True))


def standing(halt: Halt, name_of: NameOf) -> Markup:
    """Return a freeze in one line: "frozen until 4 January 00:00, “no changes before Christmas” (year-end)"."""
    return say(
        "frozen {}, “{}” ({})", until(halt.window, halt.freeze.opens_when), halt.freeze.reason, by(halt.freeze, name_of)
    )


def covered(freeze: Freeze) -> Markup:
    """Return what a freeze covers, for lists: "checkout/production", "all services: production"."""
    environments = list(freeze.environments)
    if freeze.production_like:
        environments.append("production-like environments")
    where = ", ".join("all environments" if one == "*" else one for one in environments)
    target = f"/{freeze.target}" if freeze.target else ""
    services = "" if "*" in freeze.services else f" of {', '.join(freeze.services)}"
    return say("{}{}{}", where, target, services)


def declared(freeze: Declared, name: str, *, extended: bool) -> Reply:
    """Return the answer to a freeze that was declared or changed, for all to see."""
    scope = what(freeze.scope)
    verb = "is still" if extended else "is now"
    window = Window(freeze.begun_at, freeze.ends_at)
    line = say("*{}* {} frozen by @{} {}: “{}” ({})", scope, verb, name, until(window), freeze.reason, freeze.id)
    note = say("No deployments meanwhile; a rollback goes on, because it restores. What waits goes on when it ends.")
    lift = Button(
        label="Lift the freeze…",
        command="unfreeze",
        args={"what": scope},
        style=Style.DANGER,
        confirm=Confirm(
            title="Lift the freeze?",
            text=f"{scope} takes deployments again, and what waits for it goes on.",
            yes="Lift it",
            no="Keep it",
        ),
    )
    return Reply(
        summary=f"{scope} {verb} frozen by @{name}: {freeze.reason}",
        parts=(Paragraph(line), Note(note), Buttons((lift, calendar_button()))),
        share=True,
        subject=freeze.id,
    )


def lifted(freeze: Declared, name: str) -> Reply:
    """Return the answer to a freeze that was lifted, for all to see."""
    scope = what(freeze.scope)
    line = say("*{}* is no longer frozen: @{} lifted {} (“{}”).", scope, name, freeze.id, freeze.reason)
    summary = f"{scope} is no longer frozen: @{name} lifted it"
    return Reply(summary=summary, parts=(Paragraph(line),), share=True, subject=freeze.id)


def nag(freeze: Declared) -> Message:
    """Return the question to who declared a freeze, shortly before its end or daily where it has none."""
    scope = what(freeze.scope)
    when = say("ends {}", moment(freeze.ends_at, day=True)) if freeze.ends_at else Markup("has no end")
    begun = moment(freeze.begun_at, day=True)
    line = say("Your freeze of *{}* since {} (“{}”, {}) {}.", scope, begun, freeze.reason, freeze.id, when)
    args = {"what": scope}
    longer = Button(label="Another end…", command="freeze", args={**args, "reason": freeze.reason}, ask=True)
    lift = Button(label="Lift it now", command="unfreeze", args=args)
    summary = f"Your freeze of {scope} {'ends soon' if freeze.ends_at else 'has no end'}: is it still needed?"
    return Message(summary=summary, parts=(Paragraph(line), Buttons((longer, lift))))


def ended(freeze: Declared) -> Message:
    """Return what the channels are told when a freeze has run out."""
    scope = what(freeze.scope)
    line = say("*{}* is no longer frozen: {} (“{}”) has ended. What waited goes on.", scope, freeze.id, freeze.reason)
    return Message(summary=f"{scope} is no longer frozen: {freeze.id} has ended", parts=(Paragraph(line),))


def burnt(burn: Burn, budget: Budget) -> str:
    """Return how an error budget stands: "1.3, limit 1; not readable since 2026-11-23 14:02 UTC: no answer"."""
    stands = amount(budget.value, burn.unit) if budget.read_at is not None else "not read yet"
    unread = budget.unreadable_since
    away = f"; not readable since {unread:%Y-%m-%d %H:%M} UTC: {budget.why}" if unread is not None else ""
    return f"{stands}, limit {amount(burn.above, burn.unit)}{away}"


def follows(during: During) -> str:
    """Return what a freeze that follows trouble waits for."""
    return f"alerts with {', '.join(during.alerts)} freeze the service they are about"


def recovers(burn: Burn) -> str:
    """Return what ends the freeze of a budget."""
    below = burn.above * 0.9 if burn.below is None else burn.below
    length = f" for {duration(burn.length)}" if burn.length else ""
    return f"until the budget has recovered, below {amount(below, burn.unit)}{length}"


def budget_turned(freeze: FreezeSettings, budget: Budget) -> Message:
    """Return what the channels are told when an error budget freezes, or lets go."""
    burn = freeze.burn
    stands = burnt(burn, budget) if burn is not None else ""
    if budget.frozen:
        line = say("*Frozen by {}*: {} ({}).", freeze.name, freeze.reason, stands)
        ends = recovers(burn) if burn is not None else ""
        note = say("It lasts {}. Rollbacks go on, because they restore." if freeze.rollbacks else "It lasts {}.", ends)
        summary = f"Frozen by {freeze.name}: {freeze.reason} ({stands})"
        return Message(summary=summary, parts=(Paragraph(line), Note(note), Buttons((calendar_button(),))))
    line = say("*No longer frozen by {}*: the budget has recovered ({}). What waited goes on.", freeze.name, stands)
    return Message(summary=f"No longer frozen by {freeze.name} ({stands})", parts=(Paragraph(line),))


def trouble_froze(one: Followed) -> Message:
    """Return what the channel is told when trouble freezes a service."""
    where = " ".join(filter(None, (one.service, one.environment)))
    line = say("*{} is frozen by {}* until {} is over: {}.", where, one.freeze, one.trouble, one.title)
    summary = f"{where} is frozen by {one.freeze} until {one.trouble} is over"
    return Message(summary=summary, parts=(Paragraph(line), Buttons((calendar_button(one.service),))))


def trouble_over(one: Followed) -> Message:
    """Return what the channel is told when the trouble that froze a service is over, or kept quiet."""
    where = " ".join(filter(None, (one.service, one.environment)))
    line = say("*{} is no longer frozen by {}* for {}. What waited goes on.", where, one.freeze, one.trouble)
    return Message(summary=f"{where} is no longer frozen by {one.freeze}", parts=(Paragraph(line),))


def gone_through(title: str, halts: Sequence[Halt], name: str, reason: str) -> Message:
    """Return what the channel is told, loudly, when somebody lets a deployment go through a freeze."""
    names = ", ".join(halt.freeze.name for halt in halts)
    summary = f"Exception to the freeze {names}: @{name} puts {title} on a frozen place: {reason}"
    line = say("*Exception to the freeze* {}: {} goes on, by @{}: “{}”", names, title, name, reason)
    return Message(summary=summary, parts=(Paragraph(line),))


def calendar_button(service: str = "") -> Button:
    """Return the button that shows what is frozen now and next."""
    return Button(label="Calendar", command="calendar", args={"service": service} if service else {})

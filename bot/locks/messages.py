"""The words about locks."""

from bot.locks.records import Lock
from bot.locks.rules import Owner, Scope
from bot.reply import Button, Buttons, Confirm, Markup, Message, Paragraph, Reply, Style, moment, say


def holder(lock: Lock, name: str) -> Markup:
    """Return who holds a lock: "@tom", "@tom for INC-12"."""
    return say("@{}", name) if lock.owner_kind is Owner.PERSON else say("{} (@{})", lock.owner, name)


def until(lock: Lock) -> Markup:
    """Return until when it is held."""
    return Markup("until it is unlocked") if lock.expires_at is None else say("until {}", moment(lock.expires_at))


def standing(lock: Lock, name: str) -> Markup:
    """Return a lock in one line: "locked by @tom since 13:10, “migrating PAY-300”, until 15:00"."""
    reason = say(", “{}”", lock.reason) if lock.reason else Markup("")
    return say("locked by {} since {}{}, {}", holder(lock, name), moment(lock.taken_at), reason, until(lock))


def scope_args(scope: Scope) -> dict[str, str]:
    """Return the arguments of a lock command that name this scope."""
    if not scope.service:
        return {"service": "everything"}
    args = {"service": scope.service, "environment": scope.environment}
    return args | {"target": scope.target} if scope.target else args


def take_over_button(lock: Lock, name: str) -> Button:
    """Return the button that makes the lock one's own, after a question."""
    return Button(
        label="Take over the lock…",
        command="take-over",
        args={**scope_args(lock.scope), "lock": lock.id},
        style=Style.DANGER,
        confirm=Confirm(
            title="Take over the lock?",
            text=f"@{name} holds {lock.scope}: {lock.reason or 'no reason given'}. They will be told that you took it.",
            yes="Take over",
        ),
    )


def ask_button(lock: Lock, name: str) -> Button:
    """Return the button that asks the holder whether the lock is still needed."""
    return Button(label=f"Ask @{name}", command="ask-holder", args={**scope_args(lock.scope), "lock": lock.id})


def taken(lock: Lock, name: str, *, extended: bool) -> Reply:
    """Return the answer to a lock that was taken or extended."""
    what = "is still" if extended else "is now"
    reason = f", “{lock.reason}”" if lock.reason else ""
    line = say("*{}* {} locked by @{}{}, {}.", lock.scope, what, name, reason, until(lock))
    buttons = Buttons((Button(label="Unlock", command="unlock", args=scope_args(lock.scope)),))
    return Reply(
        summary=f"{lock.scope} {what} locked by @{name}{reason}",
        parts=(Paragraph(line), buttons),
        share=True,
        subject=lock.id,
    )


def released(lock: Lock, name: str) -> Reply:
    """Return the answer to an unlock."""
    line = say("*{}* is unlocked by @{}; it was locked since {}.", lock.scope, name, moment(lock.taken_at, day=True))
    return Reply(summary=f"{lock.scope} is unlocked by @{name}", parts=(Paragraph(line),), share=True, subject=lock.id)


def told_victim(lock: Lock, thief: str) -> Message:
    """Return what the holder is told whose lock somebody took over."""
    summary = f"@{thief} took over your lock on {lock.scope}"
    line = say("@{} took over your lock on *{}* (“{}”).", thief, lock.scope, lock.reason or "no reason given")
    return Message(summary=summary, parts=(Paragraph(line),))


def nag(lock: Lock) -> Message:
    """Return the question shortly before a lock ends."""
    summary = f"Your lock on {lock.scope} ends soon: do you still need it?"
    line = say("Your lock on *{}* (“{}”) ends {}.", lock.scope, lock.reason or "no reason given", _end(lock))
    args = scope_args(lock.scope)
    buttons = (
        Button(label="Keep it one hour more", command="lock", args={**args, "duration": "1h", "reason": lock.reason}),
        Button(label="Unlock now", command="unlock", args=args),
    )
    return Message(summary=summary, parts=(Paragraph(line), Buttons(buttons)))


def stale(lock: Lock) -> Message:
    """Return the question about a lock that has no end and is held for long."""
    summary = f"Your lock on {lock.scope} has no end: do you still need it?"
    held, reason = moment(lock.taken_at, day=True), lock.reason or "no reason given"
    line = say("You hold the lock on *{}* (“{}”) since {}, and it has no end.", lock.scope, reason, held)
    args = scope_args(lock.scope)
    buttons = (
        Button(label="Unlock now", command="unlock", args=args),
        Button(label="Keep it one day more", command="lock", args={**args, "duration": "1d", "reason": lock.reason}),
    )
    return Message(summary=summary, parts=(Paragraph(line), Buttons(buttons)))


def asked(lock: Lock, name: str) -> Message:
    """Return the question of somebody who waits for the lock."""
    summary = f"@{name} asks whether you still need your lock on {lock.scope}"
    line = say("@{} asks whether you still need your lock on *{}* (“{}”).", name, lock.scope, lock.reason)
    return Message(
        summary=summary,
        parts=(Paragraph(line), Buttons((Button(label="Unlock now", command="unlock", args=scope_args(lock.scope)),))),
    )


def ended(lock: Lock) -> Message:
    """Return what the holder is told when the lock has run out."""
    summary = f"Your lock on {lock.scope} has ended"
    line = say("Your lock on *{}* (“{}”) has ended; deployments go on.", lock.scope, lock.reason or "no reason given")
    return Message(summary=summary, parts=(Paragraph(line),))


def _end(lock: Lock) -> Markup:
    return Markup("never") if lock.expires_at is None else say("at {}", moment(lock.expires_at))

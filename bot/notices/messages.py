"""What is said of several notices at once, and of what a person wants to be told."""

from collections.abc import Sequence
from datetime import timedelta

from bot.amounts import count
from bot.notices.rules import How, Wants
from bot.reply import Buttons, Message, Note, Paragraph, Part, Reply, joined, say
from bot.slack.notice import About

WHOLE = 12
"""So many are shown with their buttons; of the others what they say in short."""

_NAMES = {
    About.APPROVALS: "approvals that you are asked for",
    About.ENDS: "how what you asked for ended",
    About.REMINDERS: "reminders",
    About.MENTIONS: "what else is meant for you",
}
_WAYS = {How.AT_ONCE: "at once", How.DIGEST: "gathered", How.NONE: "not at all"}


def digest(said: Sequence[Message]) -> Message:
    """Return one message that says several: what each says in short, with its buttons."""
    asks = [one for one in said if _buttons(one)]
    summary = f"{count(len(said), 'notice')}" + (f", {len(asks)} of them to decide" if asks else "")
    parts: list[Part] = []
    for one in said[:WHOLE]:
        parts.append(Paragraph(say("{}", one.summary)))
        parts += [part for part in one.parts if isinstance(part, Note)][:1]
        parts += _buttons(one)[:1]
    if len(said) > WHOLE:
        parts.append(Paragraph(joined("\n", [say("{}", one.summary) for one in said[WHOLE:]])))
    return Message(summary=f"{summary}: {said[0].summary}", parts=(Paragraph(say("*{}*", summary)), *parts))


def wanted(wants: Wants, window: timedelta) -> Reply:
    """Answer what a person is told, how, and when not; `window` is the configuration's."""
    lines = [say("{}: *{}* ({})", about.value, _WAYS[wants.way(about.value)], name) for about, name in _NAMES.items()]
    minutes = int((window if wants.window is None else wants.window).total_seconds() // 60)
    lines.append(say("What is gathered is what comes within {} of a message.", count(minutes, "minute")))
    if wants.quiet is None:
        lines.append(say("No quiet hours."))
    else:
        begin, end = wants.quiet
        lines.append(say("Quiet from {:%H:%M} to {:%H:%M} ({}); emergencies go through.", begin, end, wants.zone))
    lines.append(say("Change it: `/shipmate notify approvals at-once`, `/shipmate notify quiet 22:00-07:00`."))
    return Reply(summary="What you are told by direct message", parts=(Paragraph(joined("\n", lines)),))


def _buttons(message: Message) -> list[Part]:
    return [part for part in message.parts if isinstance(part, Buttons)]

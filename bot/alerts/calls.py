"""What a group's thread says to people: who is asked whether they are still on it, and what became of that."""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.alerts import buttons
from bot.alerts.attention_rules import Attention
from bot.alerts.company import Answer, Noted, Responder
from bot.alerts.messages import title
from bot.alerts.records import Group
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM
from bot.reply import Button, Buttons, Markup, Message, Paragraph, Style, joined, moment, say

_LONGEST_NOTE = 300


def mention(person: Person) -> Markup:
    """Return what notifies a person in a new message; accounts have only a name."""
    return say("@{}", person.user) if person.team == ACCOUNT_TEAM else Markup(f"<@{person.user}>")


def still_on(group: Group, attention: Attention, until: datetime) -> Message:
    """Return the question whether somebody who acknowledged is still on it."""
    line = say(
        "{}: are you still on {}? You acknowledged it at {} and it still fires. Without a word by {} nobody is on it.",
        mention(attention.person),
        f"{group.id} {title(group)}",
        moment(attention.said_at),
        moment(until),
    )
    args = {"alert": group.id}
    pressed = (
        Button(label="Still on it", command="still-on-it", args=args, style=Style.PRIMARY),
        Button(label="Un-acknowledge", command="unacknowledge", args=args),
    )
    return Message(
        summary=f"{group.id} still fires: are you still on it? {title(group)}",
        parts=(Paragraph(line), Buttons(pressed)),
    )


def answered(group: Group, name: str) -> Message:
    """Return what the question says once it is answered."""
    return _line(f"{group.id}: still in good hands", say("{}: @{} is still on it.", group.id, name))


def unanswered(group: Group, name: str) -> Message:
    """Return what the question says once its time is over."""
    words = say("{}: @{} was asked whether they are still on it, and did not answer.", group.id, name)
    return _line(f"{group.id}: not answered in time", words)


def pointless(group: Group, name: str) -> Message:
    """Return what the question says once it does not matter any more: it is over, or not in their hands."""
    return _line(f"{group.id}: no answer needed", say("{}: @{} need not answer any more.", group.id, name))


def fell_back(group: Group, person: Person) -> Message:
    """Return what the channel is told when nobody is on it any more, since an edit notifies nobody."""
    line = say(
        "*{} fires and nobody is on it any more*: {} did not say that they still are.",
        f"{group.id} {title(group)}",
        mention(person),
    )
    summary = f"{group.id} fires and nobody is on it any more: {title(group)}"
    return Message(summary=summary, parts=(Paragraph(line), Buttons(buttons.to_hold(group))))


def asked(group: Group, by: str, why: str) -> Message:
    """Return the direct message that asks somebody to help."""
    line = say("@{} asks you to help with *{}*.", by, f"{group.id} {title(group)}")
    line = say("{}\n{}", line, why[:500]) if why else line
    args = {"alert": group.id}
    pressed = (
        Button(label="Coming", command="coming", args=args, style=Style.PRIMARY),
        Button(label="Cannot", command="cannot", args=args),
        Button(label=f"Show {group.id}", command="alert", args=args),
    )
    summary = f"@{by} asks you to help with {group.id} {title(group)}"
    return Message(summary=summary, parts=(Paragraph(line), Buttons(pressed)))


def your_answer(group: Group, answer: Answer) -> Message:
    """Return what the direct message says once it is answered, with the way to think again."""
    words = "You are coming" if answer is Answer.COMING else "You cannot come"
    other = ("Cannot", "cannot") if answer is Answer.COMING else ("Coming after all", "coming")
    args = {"alert": group.id}
    pressed = (
        Button(label=other[0], command=other[1], args=args),
        Button(label=f"Show {group.id}", command="alert", args=args),
    )
    line = say("{}: *{}*.", words, f"{group.id} {title(group)}")
    return Message(summary=f"{words}: {group.id}", parts=(Paragraph(line), Buttons(pressed)))


def answer(group: Group, name: str, asked_for: Responder, said: Answer) -> Message:
    """Return what the thread hears of an answer; whoever asked is notified."""
    words = "is coming to help" if said is Answer.COMING else "cannot come"
    line = say("{}: @{} {}.", mention(asked_for.asked_by), name, words)
    return _line(f"{group.id}: @{name} {words}", line)


def noted(one: Noted, name: str) -> Message:
    """Return a note as the thread shows it."""
    return _line(f"Note on {one.group_id} by @{name}", say("Note by @{}: {}", name, one.text))


def note_lines(kept: Sequence[Noted], name_of: Callable[[Person], str]) -> Markup:
    """Return the notes on a group, each in a line."""
    told = [say("• {} @{}: {}", moment(one.at, day=True), name_of(one.person), cut_lines(one.text)) for one in kept]
    return joined("\n", told)


def cut_lines(text: str) -> str:
    """Return a note in one line, cut to what fits a list."""
    plain = " ".join(text.removeprefix("> ").split())
    return plain if len(plain) <= _LONGEST_NOTE else f"{plain[: _LONGEST_NOTE - 1]}…"


def _line(summary: str, words: Markup) -> Message:
    return Message(summary=summary, parts=(Paragraph(words),))

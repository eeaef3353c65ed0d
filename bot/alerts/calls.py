"""What a group's thread says to people: who is asked whether they are still on it, and what became of that."""

from datetime import datetime

from bot.alerts import buttons
from bot.alerts.attention_rules import Attention
from bot.alerts.messages import title
from bot.alerts.records import Group
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM
from bot.reply import Button, Buttons, Markup, Message, Paragraph, Style, moment, say


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


def _line(summary: str, words: Markup) -> Message:
    return Message(summary=summary, parts=(Paragraph(words),))

"""What is said of a hold: the list of what was in flight, each with its buttons."""

from collections.abc import Callable, Sequence

from bot.amounts import count
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.reply import (
    Button,
    Buttons,
    Confirm,
    Headline,
    Message,
    Note,
    Paragraph,
    Part,
    Reply,
    Style,
    escape,
    moment,
    say,
    text,
)
from bot.restoring.records import Item
from bot.restoring.rules import LABELS, Answer
from bot.store.generation import Hold

NameOf = Callable[[Person], str]
LISTED = 15
"""Items that one message asks about; the rest is asked once those are answered."""


def asked(hold: Hold, items: Sequence[Item], name_of: NameOf) -> Message:
    """Return the message that tells of a hold and asks about what is open."""
    left = [item for item in items if item.answer is None]
    what = f"{count(len(left), 'thing')} to decide" if left else "nothing was in flight"
    summary = f"Shipmate is held after a restore: {what}"
    parts: list[Part] = [
        Headline(escape(summary)),
        Paragraph(
            say(
                "{} (noticed {}). Nothing goes on, no message of before is sent and nobody is paged until somebody has "
                "said what shall become of each. What only looks works.",
                _sentence(hold.why),
                moment(hold.at, day=True),
            )
        ),
    ]
    for item in left[:LISTED]:
        parts += [Paragraph(say("*{}*\n{}.", item.was, item.found)), Buttons(_buttons(item))]
    if len(left) > LISTED:
        parts.append(Note(say("{} more are asked about once these are answered.", len(left) - LISTED)))
    done = [item for item in items if item.answer is not None]
    if done:
        parts.append(Paragraph(say("{}", "\n".join(_answered(item, name_of) for item in done[-LISTED:]))))
    parts.append(Buttons((_all(left),)))
    return Message(summary=summary, parts=tuple(parts))


def not_held() -> Reply:
    """Return what is said where there is no hold."""
    return text("Shipmate is not held: nothing was restored.")


def held(hold: Hold) -> Refused:
    """Return the refusal of everything that changes."""
    words = (
        f"Shipmate is held: {hold.why}. Nothing is changed until somebody with the right to decide has said what shall "
        "become of what was in flight."
    )
    return Refused("held", words, moves=(Button(label="What is open", command="restore show"),))


def nothing_held() -> Refused:
    """Return the refusal of an answer where nothing is asked."""
    return Refused("no_restore", "Shipmate is not held: there is nothing to decide.")


def unknown(ident: str) -> BadInput:
    """Return what is said of something that was not in flight."""
    return BadInput("unknown_item", f"{ident} was not in flight. restore show lists what was.")


def not_offered(item: Item) -> Refused:
    """Return the refusal of an answer that this item does not have."""
    able = ", ".join(one.value for one in item.offered)
    return Refused("answer_not_offered", f"Of {item.id} can be said: {able}. {item.found}.")


def answered_already(item: Item, name_of: NameOf) -> Refused:
    """Return the refusal of a second answer."""
    return Refused("answered_already", f"{_answered(item, name_of)}.")


def _answered(item: Item, name_of: NameOf) -> str:
    who = f"@{name_of(item.answered_by)}" if item.answered_by is not None else "somebody"
    label = LABELS[item.kind][item.answer] if item.answer is not None else ""
    return f"{item.was}: {label.lower()}, says {who}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _buttons(item: Item) -> tuple[Button, ...]:
    first = item.offered[0]
    return tuple(
        Button(
            label=LABELS[item.kind][one],
            command="restore decide",
            args={"item": item.id, "answer": one.value},
            style=Style.PRIMARY if one is first and one is Answer.DONE else Style.PLAIN,
        )
        for one in item.offered
    )


def _all(left: Sequence[Item]) -> Button:
    if not left:
        return Button(label="End the hold", command="restore all", args={"answer": Answer.CARRY_ON.value})
    confirm = Confirm(
        title="Give up everything that is open?",
        text="Deployments, builds and releases end as given up, locks are released, nobody is paged, messages of "
        "before are dropped. What runs stays as it is.",
        yes="Give it all up",
        no="Back",
    )
    return Button(
        label="Give up all that is open",
        command="restore all",
        args={"answer": Answer.GIVE_UP.value},
        style=Style.DANGER,
        confirm=confirm,
    )

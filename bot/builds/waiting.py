"""The wording of runs that wait for a person, on cards of builds and of deployments."""

from collections.abc import Callable, Iterable, Sequence

from bot.builds import buttons
from bot.builds.answers import Answer
from bot.identity import Person
from bot.reply import Buttons, Message, Note, Paragraph, Part, moment, say
from integrations.capabilities.runs import ManualAction

_LONGEST = 300
_TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def parts(actions: Iterable[ManualAction]) -> list[Part]:
    """Return what a card says of the actions that wait."""
    return [Paragraph(say("*Waits for a person*: {}", tame(one.text or one.label, _LONGEST))) for one in actions]


def answered(answers: Iterable[Answer], name_of: Callable[[Person], str]) -> list[Part]:
    """Return what a card says of the actions that people let go on."""
    return [
        Note(say("“{}” answered by @{} at {}", one.label, name_of(one.person), moment(one.at)))
        for one in answers
        if one.sent
    ]


def asked(subject: str, title: str, actions: Sequence[ManualAction], *, by_person: bool) -> Message:
    """Return the new message that says that a run waits: an edit of its card notifies nobody."""
    labels = ", ".join(action.label for action in actions)
    line = say("*{}* {} waits for a person: {}", subject, title, labels)
    pressed = tuple(buttons.of_actions(subject, actions, by_person=by_person))
    return Message(summary=f"{subject} {title} waits for a person: {labels}", parts=(Paragraph(line), Buttons(pressed)))


def tame(text: str, longest: int) -> str:
    """Return text from outside, cut, without what would disguise or swallow what stands behind it."""
    plain = text.replace("```", "'''").translate(_TURNS)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"

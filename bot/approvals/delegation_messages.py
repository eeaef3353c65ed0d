"""What is said of rights to approve that are lent."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bot.identity import Person
from bot.reply import Button, Buttons, Markup, Message, Paragraph, Reply, joined, moment, say

if TYPE_CHECKING:
    from bot.approvals.delegations import Delegation

NameOf = Callable[[Person], str]


def given(one: "Delegation", name_of: NameOf) -> Reply:
    """Answer that a right is lent."""
    name = name_of(one.delegate)
    line = say("@{} may approve {} in your place until {}.", name, _what(one), moment(one.until, day=True))
    return Reply(summary=f"@{name} may approve in your place", parts=(Paragraph(line), Buttons((_off(),))))


def standing(lent: Sequence["Delegation"], held: Sequence["Delegation"], name_of: NameOf) -> Reply:
    """Answer what somebody has lent and was lent."""
    lines = [
        say(
            "@{} may approve {} in your place until {}.", name_of(one.delegate), _what(one), moment(one.until, day=True)
        )
        for one in lent
    ]
    lines += [
        say("You may approve {} for @{} until {}.", _what(one), name_of(one.delegator), moment(one.until, day=True))
        for one in held
    ]
    parts = Paragraph(joined("\n", lines) if lines else Markup("Nobody approves in your place, nor you in another's."))
    pressed = (Buttons((_off(),)),) if lent else ()
    return Reply(summary="Who approves in whose place", parts=(parts, *pressed))


def ended(ones: Sequence["Delegation"], name_of: NameOf) -> Reply:
    """Answer that what was lent is taken back."""
    names = ", ".join(f"@{name_of(one.delegate)}" for one in ones)
    text = f"{names} may not approve in your place any more." if names else "Nobody approves in your place."
    return Reply(summary=text, parts=(Paragraph(say("{}", text)),))


def lent_to_you(one: "Delegation", name_of: NameOf) -> Message:
    """Return what who was lent a right is told."""
    name = name_of(one.delegator)
    line = say("You may approve {} in the place of @{} until {}", _what(one), name, moment(one.until, day=True))
    more = ", except what they or you asked for or wrote. It counts as theirs: of the two of you one approves."
    return Message(summary=f"You may approve in the place of @{name}", parts=(Paragraph(line + more),))


def taken_back(one: "Delegation", name_of: NameOf) -> Message:
    """Return what who was lent a right is told when it ends early."""
    text = f"You do not approve in the place of @{name_of(one.delegator)} any more."
    return Message(summary=text, parts=(Paragraph(say("{}", text)),))


def _what(one: "Delegation") -> Markup:
    return say("for {}", one.group) if one.group else Markup("for all of their groups")


def _off() -> Button:
    return Button(label="End it", command="delegate", args={"to": "off"})

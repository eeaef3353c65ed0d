"""What people read of grants in Slack and in a terminal."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from bot.errors import Refused
from bot.grants.proposals import Proposal
from bot.reply import Button, Buttons, Confirm, Markup, Message, Note, Paragraph, Part, Reply, Style, code, moment, say
from integrations.capabilities.persons import Account


class Connection(Struct, frozen=True, kw_only=True):
    """One account that a person has linked, as they may see it. `account` is None when no key opens it."""

    instance: str
    account: Account | None
    linked_at: datetime
    used_at: datetime | None
    ending: str = ""


def connect_button(instance: str, label: str = "") -> Button:
    """Return the button that begins a sign-in."""
    return Button(label=label or f"Connect {instance}…", command="connect", args={"instance": instance})


def disconnect_button(instance: str) -> Button:
    """Return the button that takes a grant back, after a question."""
    return Button(
        label=f"Disconnect {instance}…",
        command="disconnect",
        args={"instance": instance},
        style=Style.DANGER,
        confirm=Confirm(
            title=f"Disconnect {instance}?",
            text="Shipmate revokes at once what lets it act as you there, and forgets it.",
            yes="Disconnect",
        ),
    )


def proposed(instance: str, proposal: Proposal) -> Markup:
    """Return the words for an account that may be theirs: a match proposes, signing in confirms."""
    if proposal.named:
        return say("The configuration says that you are @{} in {}: sign in as that.", proposal.username, instance)
    return say("{} knows @{} by your address: sign in to confirm that it is you.", instance, proposal.username)


def sign_in(instance: str, title: str, url: str, minutes: int, proposal: Proposal | None = None) -> Reply:
    """Return the answer to /connect: a link for this person alone, and the account that may be theirs."""
    does = "Shipmate can approve, merge, start jobs and keep issues there *as you*"
    lead = say("Sign in to *{}*, and {}, only when you ask it to.", instance, Markup(does))
    known = (Paragraph(proposed(instance, proposal)),) if proposal else ()
    return Reply(
        summary=f"Sign in to {instance} to let Shipmate act as you: {url}",
        parts=(
            Paragraph(lead),
            *known,
            Buttons((Button(label=f"Sign in to {title}", url=url, style=Style.PRIMARY),)),
            Note(
                say(
                    "The link is for you alone, works once and ends in {} minutes. Take it back at any time: {}",
                    minutes,
                    code(f"/shipmate disconnect {instance}"),
                )
            ),
        ),
    )


def not_connected(instance: str, what: str, moves: tuple[Button, ...] = ()) -> Refused:
    """Refuse to act without a grant; the next moves are the tool's own page and a sign-in."""
    return Refused(
        "not_connected",
        f"To {what} as you, Shipmate needs you to sign in to {instance} once. Nothing was done.",
        moves=(*moves, connect_button(instance)),
    )


def ended(instance: str, account: str, why: str) -> Message:
    """Return what a person is told whose grant has ended by itself."""
    at = f" as @{account}" if account else ""
    return Message(
        summary=f"Shipmate can no longer act{at} in {instance}: {why}",
        parts=(
            Paragraph(say("Shipmate can no longer act{} in *{}*: {}.", at, instance, why)),
            Buttons((connect_button(instance, f"Connect {instance} again…"),)),
        ),
    )


def linked(instance: str, account: Account) -> Message:
    """Return what a person is told whose account was linked just now."""
    return Message(
        summary=f"Your {instance} account @{account.username} is connected to Shipmate",
        parts=(
            Paragraph(
                say(
                    "Your *{}* account @{} is connected. Shipmate acts as you there only when you ask it to, and the "
                    "audit log says what for. Was this not you? Disconnect it.",
                    instance,
                    account.username,
                )
            ),
            Buttons((disconnect_button(instance),)),
        ),
    )


def disconnected(instance: str, *, revoked: bool) -> Reply:
    """Return the answer to /disconnect."""
    if revoked:
        words = say("*{}* is disconnected: what let Shipmate act as you is revoked there and forgotten here.", instance)
    else:
        words = say(
            "*{}* does not answer. Shipmate no longer acts as you, and revokes it there as soon as it answers.",
            instance,
        )
    return Reply(summary=f"{instance} is disconnected", parts=(Paragraph(words),))


def connections(found: Sequence[Connection], possible: Sequence[str]) -> Reply:
    """Return the answer to /connections: what is linked, and what could be."""
    parts: list[Part] = [Paragraph(_line(one)) for one in found]
    linked_already = {one.instance for one in found}
    buttons = [disconnect_button(one.instance) for one in found if not one.ending]
    buttons += [connect_button(name) for name in possible if name not in linked_already]
    if not found:
        parts.append(Paragraph(say("You have linked no account. Without one, buttons that decide are links.")))
    if buttons:
        parts.append(Buttons(tuple(buttons)))
    count = len(found)
    summary = f"{count} linked account{'' if count == 1 else 's'}" if count else "No linked accounts"
    return Reply(summary=summary, parts=tuple(parts))


def _line(one: Connection) -> Markup:
    since = say("since {}", moment(one.linked_at, day=True))
    if one.ending:
        return say("*{}* · being revoked ({})", one.instance, one.ending)
    if one.account is None:
        return say("*{}* · cannot be read: its key is gone. Connect it again.", one.instance)
    used = say("last used {}", moment(one.used_at, day=True)) if one.used_at else say("not used yet")
    return say("*{}* · @{} · {} · {}", one.instance, one.account.username, since, used)

"""The words about changes of the policy."""

from collections.abc import Callable, Sequence

from bot.amendments.comparing import Change
from bot.amendments.records import Amendment, State
from bot.identity import Person
from bot.reply import (
    Button,
    Buttons,
    Confirm,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Part,
    Reply,
    Style,
    code,
    moment,
    say,
)

NameOf = Callable[[Person], str]
_MOST = 20


def announced(amendment: Amendment, name_of: NameOf) -> Message:
    """Return what the channel reads of a change, as it stands."""
    summary = f"{amendment.id}: the policy changed"
    if amendment.state is State.WAITING:
        summary = f"{amendment.id}: a change of the policy widens rights and waits for a second person"
    parts: list[Part] = [Headline(say("{}", summary))]
    if not amendment.after:
        parts = [Headline(say("{}: the policy is recorded from now on", amendment.id))]
    if amendment.widening:
        parts.append(Paragraph(_listed("Widens", amendment.widening)))
    if amendment.narrowing:
        parts.append(Paragraph(_listed("Also changes", amendment.narrowing)))
    if amendment.state is State.WAITING:
        parts.append(Paragraph(_who(amendment, name_of)))
        parts.append(Buttons((confirm_button(amendment),)))
    elif amendment.state is State.CONFIRMED:
        names = " and ".join(f"@{name_of(one)}" for one in amendment.agreed)
        parts.append(Paragraph(say("Confirmed by {}: in force.", names)))
    elif amendment.state is State.SUPERSEDED:
        parts.append(Paragraph(say("A later change took its place.")))
    parts.append(Note(source(amendment)))
    return Message(summary=summary, parts=tuple(parts))


def confirm_button(amendment: Amendment) -> Button:
    """Return the button that confirms what waits."""
    return Button(
        label="Confirm…",
        command="policy confirm",
        args={"change": amendment.id},
        style=Style.PRIMARY,
        confirm=Confirm(
            title="Widen the policy?",
            text=f"{amendment.id} widens {len(amendment.widening)} rules; they come in force at once.",
            yes="Confirm",
        ),
    )


def source(amendment: Amendment) -> Markup:
    """Return where a policy came from: commit, authors, digest, when."""
    by = f" by {', '.join(amendment.source.authors)}" if amendment.source.authors else ""
    unsure = "" if amendment.source.certain else " (who wrote all of it is not known)"
    commit = f"commit {amendment.source.commit[:12]}" if amendment.source.commit else "not under Git"
    read = moment(amendment.read_at, day=True)
    return say("{}{}{} · policy {} · read {}", commit, by, unsure, code(amendment.digest[:12]), read)


def shown(amendment: Amendment | None, name_of: NameOf) -> Reply:
    """Return the answer to who asks which policy is in force."""
    if amendment is None:
        return Reply(summary="No policy was recorded yet.", parts=(Paragraph(say("No policy was recorded yet.")),))
    message = announced(amendment, name_of)
    return Reply(summary=message.summary, parts=message.parts)


def agreed(amendment: Amendment) -> Reply:
    """Return the answer to a confirmation."""
    if amendment.state is State.CONFIRMED:
        words = f"{amendment.id} is confirmed and in force."
    else:
        words = f"{amendment.id}: noted. Nobody knows who wrote it, so one more person has to confirm it."
    return Reply(summary=words, parts=(Paragraph(say("{}", words)),))


def _who(amendment: Amendment, name_of: NameOf) -> Markup:
    line = say("What it widens is not in force; all else is. Somebody with {} confirms it", code("policy.approve"))
    if amendment.source.authors:
        line += ", but none of its authors"
    if amendment.needed > 1:
        line += "; it takes two people, because who wrote it is not known"
    if amendment.agreed:
        line += f" (so far @{', @'.join(name_of(one) for one in amendment.agreed)})"
    return line + "."


def _listed(title: str, changes: Sequence[Change]) -> Markup:
    lines = [say("*{}*", title), *(say("• {}: {}", code(one.where), one.words) for one in changes[:_MOST])]
    if len(changes) > _MOST:
        lines.append(say("… and {} more", len(changes) - _MOST))
    return Markup("\n".join(lines))

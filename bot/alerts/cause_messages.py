"""The words about causes: what changed before, what the signal did then, what people said, how often it was right."""

from typing import TYPE_CHECKING

from bot.alerts import causes
from bot.alerts.cause_records import Precision
from bot.alerts.causes import Suspect
from bot.alerts.movement import Move
from bot.amounts import amount, count, duration
from bot.changes.records import Kind
from bot.reply import Markup, Reply, say, text

if TYPE_CHECKING:
    from bot.alerts.messages import View

_LONGEST = 200
_PERCENT = 100


def lines(view: "View") -> list[Markup]:
    """Return what a group's message says of its cause."""
    if view.confirmed:
        return [_confirmed(view, subject) for subject in sorted(view.confirmed)]
    if not view.suspects:
        return []
    if view.group.over:
        return [say("Named as its cause: {}. Was it?", _words(one)) for one in asked(view)]
    return [_named(view)]


def asked(view: "View") -> list[Suspect]:
    """Return the changes that the buttons of a message are about: while it fires, and, unanswered, after it."""
    if not view.group.over:
        return list(view.suspects)
    answered = bool(view.confirmed)
    return [] if answered else [one for one in view.suspects if one.change.subject in view.named][:1]


def no_picture(view: "View") -> list[Markup]:
    """Return why a group has no picture, where one was to be expected."""
    problem = view.looked.problem if view.looked is not None else ""
    return [say("No picture: {}", problem[:_LONGEST])] if problem else []


def precision(found: Precision, service: str = "") -> Reply:
    """Return how many of the causes that were named first turned out right."""
    of = f" of {service}" if service else ""
    if not found.named:
        return text(f"No cause of an alert{of} was named in the last 30 days.")
    answered = found.confirmed + found.refused
    share = f": {round(found.confirmed * _PERCENT / answered)} % of those that were answered" if answered else ""
    line = (
        f"{count(found.named, 'cause')}{of} named first in the last 30 days: {found.confirmed} confirmed, "
        f"{found.refused} refused, {found.unanswered} unanswered{share}."
    )
    return text(line)


def _named(view: "View") -> Markup:
    first = view.suspects[0]
    change, group = first.change, view.group
    when = f"{duration(view.began - causes.begun(change))} before"
    place = ""
    if first.steps:
        place = (
            f" in {change.service}, which {group.service} {'depends' if first.steps == 1 else 'indirectly depends'} on,"
        )
    elif change.service != group.service or change.environment != group.environment:
        place = " elsewhere"
    more = f" (1 of {len(view.suspects)} changes within {view.look_back})" if len(view.suspects) > 1 else ""
    return say("Changed{} {}: {}{}{}", place, when, _words(first), _moved(view, first), more)


def _words(suspect: Suspect) -> str:
    change = suspect.change
    name = "" if causes.called(change) != change.subject else f"{change.subject} "
    # How well it was verified is no news now that it is suspected.
    summary = change.summary.partition(": ")[0] if change.kind is Kind.DEPLOYED else change.summary
    return _cut(f"{name}{summary}")


def _moved(view: "View", suspect: Suspect) -> str:
    """Return what the signal did after a change, and so why it is named; "" where that is not known."""
    movement, looked = suspect.movement, view.looked
    if movement.move is Move.UNKNOWN or movement.after is None:
        return ""
    unit, name = (looked.unit, _cut(looked.signal)[:60]) if looked is not None else ("", "")
    name = name or "its value"
    now = amount(movement.after, unit)
    if movement.move is Move.STILL:
        return f"; {name} did not move after it ({now})"
    if movement.before is None:
        return f"; {name} began after it ({now})"
    way = "rose" if movement.after > movement.before else "fell"
    return f"; {name} {way} from {amount(movement.before, unit)} to {now} after it"


def _confirmed(view: "View", subject: str) -> Markup:
    person = view.confirmed[subject]
    known = next((one for one in view.suspects if one.change.subject == subject), None)
    words = _words(known) if known is not None else subject
    if person is None:
        return say("Cause: {} (it ended once that was rolled back)", words)
    return say("Cause: {} (says @{})", words, view.name_of(person))


def _cut(words: str) -> str:
    plain = " ".join(words.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"

"""The words about who is on call."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from bot.identity import Person
from bot.oncall.calendars import Calendar
from bot.oncall.records import Override
from bot.oncall.rules import Gap, Span
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
    joined,
    moment,
    say,
)

NameOf = Callable[[Person], str]

NOBODY = Markup("*nobody*")
_MOST_MISSED = 3
_REASONS = {"layer": "by the rotation", "calendar": "by the calendar", "override": "by a change"}


def names(people: Collection[Person], name_of: NameOf) -> str:
    """Return people as text: "@mia and @tom"."""
    return " and ".join(f"@{name_of(person)}" for person in people) or "nobody"


def mentions(people: Collection[Person]) -> Markup:
    """Return people so that Slack tells them."""
    return joined(" and ", [Markup(f"<@{person.user}>") for person in people])


def who(span: Span | None, name_of: NameOf, gone: Collection[Person] = ()) -> Markup:
    """Return who is on call in a span, with what is wrong about it."""
    if span is None:
        return NOBODY
    found = [say("@{}", name_of(person)) for person in span.people]
    line = joined(" and ", found) if found else NOBODY
    if span.unknown:
        line += say(" (:warning: {}: nobody I know)", ", ".join(span.unknown))
    deactivated = [person for person in span.people if person in gone]
    if deactivated:
        line += say(" (:warning: {} deactivated in Slack)", names(deactivated, name_of))
    return line


def wall(at: datetime, zone: str) -> str:
    """Return a moment as the clock on the wall of a zone shows it: "Mon 2026-01-05 09:00"."""
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def line(span: Span, name_of: NameOf, gone: Collection[Person] = ()) -> Markup:
    """Return a span as a line of a list."""
    begins, ends = moment(span.begins, day=True), moment(span.ends, day=True)
    why = span.key if span.why.value == "override" else span.why.value
    return say("{} – {}: {} ({})", begins, ends, who(span, name_of, gone), why)


def gap(found: Gap) -> Markup:
    """Return a gap as a line of a list."""
    return say("{} – {}: {} :warning:", moment(found.begins, day=True), moment(found.ends, day=True), NOBODY)


def calendar(one: Calendar) -> str:
    """Return what is wrong with a calendar: since when it is not read, and its events that name nobody known."""
    words = []
    if one.problem:
        since = f"; what counts was read at {one.read_at:%Y-%m-%d %H:%M} UTC" if one.read_at is not None else ""
        words.append(f"{one.problem}{since}")
    if one.strangers:
        event = one.strangers[0]
        said = f'"{event.summary or ", ".join(event.emails)}" of {event.begins:%Y-%m-%d %H:%M} UTC'
        words.append(f"{len(one.strangers)} events name nobody I know, such as {said}")
    return f"Calendar {one.name}: {'. '.join(words)}"


def made(override: Override, over: Sequence[Override], name_of: NameOf) -> Reply:
    """Return the answer to an override: who is on call, until when, and which earlier ones it passes over."""
    people = names(override.people, name_of)
    text = say(
        "*{}*: {} on call from {} until {} ({}).",
        override.schedule,
        people,
        moment(override.begins_at, day=True),
        moment(override.ends_at, day=True),
        override.id,
    )
    parts: list[Part] = [Paragraph(text)]
    for one in over:
        words = "Where both hold, {} made by @{} counts no more: {} were to be on call until {}."
        passed = say(words, one.id, name_of(one.made_by), names(one.people, name_of), moment(one.ends_at, day=True))
        parts.append(Note(passed))
    parts.append(Buttons((cancel_button(override),)))
    return Reply(
        summary=f"{override.schedule}: {people} on call ({override.id})", parts=tuple(parts), subject=override.id
    )


def assigned(override: Override, name_of: NameOf) -> Message:
    """Return what somebody is told whom another put on call."""
    summary = f"@{name_of(override.made_by)} put you on call for {override.schedule} ({override.id})"
    text = say(
        "@{} put you on call for *{}* from {} until {} ({}).",
        name_of(override.made_by),
        override.schedule,
        moment(override.begins_at, day=True),
        moment(override.ends_at, day=True),
        override.id,
    )
    return Message(summary=summary, parts=(Paragraph(text),))


def cancelled(override: Override, name_of: NameOf) -> Reply:
    """Return the answer to an override that was cancelled."""
    people = names(override.people, name_of)
    text = f"{override.id} is cancelled: {people} on call for {override.schedule} by a change no more."
    return Reply(summary=text, parts=(Paragraph(say("{}", text)),), subject=override.id)


def cancel_button(override: Override) -> Button:
    """Return the button that cancels an override."""
    return Button(
        label="Cancel it…",
        command="oncall cancel",
        args={"override": override.id},
        confirm=Confirm(
            title=f"Cancel {override.id}?",
            text="Who is on call is then what the rotation, the calendar or an earlier change says.",
            yes="Cancel it",
            no="Keep it",
        ),
    )


class Handover(Struct, frozen=True, kw_only=True):
    """What is to be told when somebody else is on call: who is (and since when), who was, what is open, who is next.

    `missed` are who was between them, with when it began, and was not told; `gone` are those who cannot be on call;
    `late` says that it was to be told long before.
    """

    schedule: str
    now: Span | None
    since: datetime | None
    before: tuple[Person, ...]
    coming: Span | None
    missed: tuple[tuple[datetime, tuple[Person, ...]], ...] = ()
    sections: tuple[Part, ...] = ()
    gone: tuple[Person, ...] = ()
    late: bool = False


def handover(told: Handover, name_of: NameOf) -> Message:
    """Return what is said when somebody else is on call."""
    schedule, now, coming = told.schedule, told.now, told.coming
    people = now.people if now is not None else ()
    was = names(told.before, name_of)
    if now is None or not people:
        summary = f"{schedule}: nobody is on call"
        ends = say(" until {}", moment(coming.begins, day=True)) if coming is not None else Markup("")
        head = say(":warning: *{}*: nobody is on call{}", schedule, ends)
    else:
        summary = f"{schedule}: {names(people, name_of)} on call now"
        head = say("*{}*: {} on call until {}", schedule, mentions(people), moment(now.ends, day=True))
    parts: list[Part] = [Headline(head)]
    if told.since is not None:
        why = f", {_REASONS[now.why.value]}" if now is not None and people else ""
        since = say("Since {}{}. Before: {}.", moment(told.since, day=True), why, was)
    else:
        since = say("Before: {}.", was)
    parts.append(Paragraph(since + (" This is told late." if told.late else "")))
    if told.missed:
        parts.append(Paragraph(_missed(told.missed, name_of)))
    lost = [person for person in people if person in told.gone]
    if lost:
        warning = say(":warning: *{} is deactivated in Slack and will not hear of anything.*", names(lost, name_of))
        parts.append(Paragraph(warning))
    if now is not None and now.unknown:
        parts.append(Paragraph(say(":warning: I know nobody called {}.", ", ".join(now.unknown))))
    parts += told.sections
    if coming is not None and people:
        parts.append(Note(say("Next: {} from {}.", names(coming.people, name_of), moment(coming.begins, day=True))))
    return Message(summary=summary, parts=tuple(parts))


def _missed(passed: Sequence[tuple[datetime, tuple[Person, ...]]], name_of: NameOf) -> Markup:
    shown = [say("{} from {}", names(people, name_of), moment(at, day=True)) for at, people in passed[-_MOST_MISSED:]]
    said = joined(", ", [Markup("…"), *shown] if len(passed) > len(shown) else shown)
    if len(passed) == 1:
        return say("1 change before it was not told: {}.", said)
    return say("{} changes before it were not told: {}.", len(passed), said)

"""The words about alerts: a group's one message, what its thread hears, and answers. All from outside is escaped."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from bot.alerts import buttons, cause_messages
from bot.alerts.cause_records import Looked
from bot.alerts.causes import Suspect
from bot.alerts.company import Company
from bot.alerts.records import Group, Known
from bot.alerts.rules import State
from bot.alerts.silence_records import Quiet, State as SilenceState
from bot.amounts import count, duration
from bot.identity import Person
from bot.reply import (
    NOTHING,
    Buttons,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Part,
    Reply,
    code,
    escape,
    joined,
    link,
    moment,
    say,
)
from integrations.capabilities.alerts import Alert, Matcher

_LONGEST_NAME = 80
_LONGEST_TEXT = 600
_LONGEST_LABEL = 60
_MOST_LABELS = 6
_MOST_LINES = 10
_LONGEST_URL = 1000
_RUNBOOK = ("runbook_url", "runbook")
_SUMMARY = ("summary", "message", "title", "description")
_WORDS = {
    State.FIRING: "firing",
    State.ACKNOWLEDGED: "acknowledged, firing",
    State.SILENCED: "silenced",
    State.UNKNOWN: "unknown: its source is silent",
    State.ATTACHED: "part of another, firing",
    State.RESOLVED: "resolved",
}
_AGAIN = {
    State.RESOLVED: "fires again",
    State.SILENCED: "is silent no more and fires",
    State.UNKNOWN: "still fires",
    State.ATTACHED: "fires, and is a part of no other any more",
}
_MOST_PARTS = 5


class View(Struct, frozen=True, kw_only=True):
    """All that a group's message is made of."""

    group: Group
    known: Mapping[str, Known]
    now: datetime
    name_of: Callable[[Person], str]
    silences: Sequence[Quiet] = ()
    suspects: Sequence[Suspect] = ()
    look_back: str = "1 h"
    heard_at: datetime | None = None
    looked: Looked | None = None
    named: frozenset[str] = frozenset()
    confirmed: Mapping[str, Person | None] = field(default_factory=dict)
    approvals: str = ""
    told: Sequence[Known] = field(default_factory=tuple)
    parts: Sequence[Group] = ()
    company: Company = field(default_factory=Company)
    paging: Sequence[Markup] = ()

    @property
    def firing(self) -> list[Known]:
        """The alerts that fire, the longest first."""
        return sorted((one for one in self.known.values() if one.episode.firing), key=_began)

    @property
    def began(self) -> datetime:
        """Since when it fires; a clock ahead of ours counts as now."""
        moments = [one.episode.starts_at for one in self.firing or self.known.values()]
        return min([*moments, self.now]) if moments else self.group.opened_at


def title(group: Group) -> str:
    """Return what a group is called: "HighErrorRate · checkout production · critical"."""
    place = " ".join(part for part in (group.service, group.environment) if part)
    return " · ".join(part for part in (_cut(group.name, _LONGEST_NAME), place, _cut(group.severity, 20)) if part)


def card(view: View) -> Message:
    """Return the one message of a group."""
    group = view.group
    lines = [_standing(view), *_about(view), *_differing(view), *cause_messages.lines(view), *_held(view)]
    parts: list[Part] = [Headline(say("{} · {}", group.id, title(group))), Paragraph(joined("\n", lines))]
    if group.truncated:
        parts.append(Note(say("{} more were left out by the source.", count(group.truncated, "alert"))))
    pressed = buttons.of(view.group, cause_messages.asked(view), view.approvals, view.silences)
    if pressed:
        parts.append(Buttons(pressed))
    return Message(summary=summary(view), parts=tuple(parts))


def summary(view: View) -> str:
    """Return the notification: what, where, how it stands, and how much of it."""
    group = view.group
    words = _cut(_annotation(view, _SUMMARY), 150)
    number = "" if group.over else f", {count(len(view.firing), 'alert')}"
    return f"{group.id} {_WORDS[group.state]}: {title(group)}{number}" + (f": {words}" if words else "")


def words_of(known: Mapping[str, Known]) -> str:
    """Return what the alerts of a group say in a sentence, and its value; those that fire before the others."""
    found = sorted(known.values(), key=lambda one: (not one.episode.firing, *_began(one)))
    said = next((one.annotations[name] for one in found for name in _SUMMARY if one.annotations.get(name)), "")
    value = next((one.annotations["value"] for one in found if one.annotations.get("value")), "")
    number = sum(one.episode.firing for one in found)
    parts = (_cut(said, 300), f"value {_cut(value, 40)}" if value else "", count(number, "alert") if number > 1 else "")
    return " · ".join(part for part in parts if part)


def paged(words: str, group: Group) -> Message:
    """Return what a thread, and its channel, hear of paging: that nobody came, above all."""
    pressed = () if group.over else (Buttons(buttons.to_hold(group)),)
    return Message(summary=words, parts=(Paragraph(say("*{}*", words)), *pressed))


def happened(view: View) -> Message | None:
    """Return what a group's thread hears of its alerts since it last heard: those that began, those that ended."""
    if not view.told:
        return None
    lines = [_line(one) for one in sorted(view.told, key=_began)[:_MOST_LINES]]
    left = len(view.told) - len(lines)
    if left:
        lines.append(say("… and {} more.", left))
    began = sum(one.episode.firing for one in view.told)
    over = len(view.told) - began
    what = ", ".join(part for part in (f"{began} began" if began else "", f"{over} ended" if over else "") if part)
    return Message(summary=f"{view.group.id}: alerts: {what}", parts=(Paragraph(joined("\n", lines)),))


def alert_lines(view: View, *, most: int, after: int = 0) -> Markup:
    """Return so many single alerts of a group `after` the first, those that fire first, each in a line."""
    everything = [*view.firing, *sorted((one for one in view.known.values() if not one.episode.firing), key=_began)]
    lines = [_line(one) for one in everything[after : after + most]]
    if len(everything) > after + most:
        lines.append(say("… and {} more.", len(everything) - after - most))
    return joined("\n", lines)


def turned(view: View) -> Message | None:
    """Return what the channel is told when a group fires again, since an edit notifies nobody; None otherwise."""
    group = view.group
    if group.state is not State.FIRING or group.shown_state not in {one.value for one in _AGAIN}:
        return None
    line = f"{group.id} {_AGAIN[State(group.shown_state)]}: {title(group)}, {count(len(view.firing), 'alert')}"
    return Message(summary=line, parts=(Paragraph(say("*{}*", line)), Buttons(buttons.to_hold(group))))


def silence_ends(group: Group, quiet: Quiet) -> Message:
    """Return the word before a silence ends while its group still fires."""
    line = say(
        "{} still fires, and the silence {} on it ends at {}.",
        f"{group.id} {title(group)}",
        quiet.id,
        moment(quiet.ends_at),
    )
    plain = f"{group.id} {title(group)} still fires; its silence {quiet.id} ends soon"
    return Message(summary=plain, parts=(Paragraph(line), Buttons(buttons.of_silence(quiet))))


def preview(group: Group, matchers: Sequence[Matcher], found: Sequence[Alert]) -> Reply:
    """Return what a silence would be about, with the lengths to choose from."""
    named = [_cut(", ".join(f"{name}={value}" for name, value in sorted(one.labels.items())), 150) for one in found[:5]]
    told = joined(" ", [code(one) for one in map(str, matchers)])
    end = ":" if found else "."
    lines = [say("A silence of {} is about {} firing now{}", told, count(len(found), "alert"), end)]
    lines += [say("• {}", one) for one in named]
    if len(found) > len(named):
        lines.append(say("… and {} more.", len(found) - len(named)))
    pressed = Buttons(buttons.to_silence(group, matchers))
    text = f"Silence {group.id} for how long? It is about {count(len(found), 'alert')} firing now."
    return Reply(summary=text, parts=(Paragraph(joined("\n", lines)), pressed), code="confirm", subject=group.id)


def silence_line(quiet: Quiet, name_of: Callable[[Person], str]) -> Markup:
    """Return a silence in one line: who, until when, and what may be wrong with it."""
    who = say("@{}", name_of(quiet.person)) if quiet.person is not None else say("{}", _cut(quiet.created_by, 60))
    until = moment(quiet.ends_at, day=True)
    if quiet.until_recovery:
        until = say("it recovers, {} at the latest", until)
    line = {
        SilenceState.WANTED: say("{}: being made for {} until {}", quiet.id, who, until),
        SilenceState.ACTIVE: say("{}: silenced by {} until {}", quiet.id, who, until),
        SilenceState.ENDED: say("{}: over", quiet.id),
        SilenceState.FAILED: say("{}: *not* silenced for {}", quiet.id, who),
    }[quiet.state]
    return say("{}: {}", line, _cut(quiet.problem, 200)) if quiet.problem else line


def _standing(view: View) -> Markup:
    group, firing = view.group, view.firing
    over = len(view.known) - len(firing)
    numbers = ", ".join(
        part
        for part in (f"{count(len(firing), 'alert')} firing" if firing else "", f"{over} over" if over else "")
        if part
    )
    line = say("*{}* · {}", _WORDS[group.state], numbers)
    if group.state is State.UNKNOWN and view.heard_at is not None:
        return say("{} · {} was last heard of at {}", line, group.instance, moment(view.heard_at))
    if not group.over:
        return say("{} · since {} ({})", line, moment(view.began, day=True), duration(view.now - view.began))
    if group.hold.closed_by is not None:
        line = say("{} · called over by @{}", line, view.name_of(group.hold.closed_by))
    return say("{} · {}", line, moment(group.state_since, day=True))


def _about(view: View) -> list[Markup]:
    lines = []
    words = _annotation(view, _SUMMARY)
    value = _annotation(view, ("value",))
    said = [escape(_cut(words, _LONGEST_TEXT))] if words else []
    if value:
        said.append(say("value {}", _cut(value, 40)))
    said += [
        link(url, word)
        for word, url in (("runbook", _annotation(view, _RUNBOOK)), ("source", _source(view)))
        if url.startswith(("https://", "http://")) and len(url) < _LONGEST_URL
    ]
    if said:
        lines.append(joined(" · ", said))
    return lines


def _differing(view: View) -> list[Markup]:
    """Return the labels in which the firing alerts differ, with their values."""
    values: dict[str, set[str]] = {}
    for one in view.firing:
        for name, value in one.labels.items():
            if view.group.common.get(name) != value:
                values.setdefault(name, set()).add(value)
    told = [
        say("{}: {}", _cut(name, 40), joined(", ", [code(_cut(value, _LONGEST_LABEL)) for value in sorted(found)[:4]]))
        + (f" and {len(found) - 4} more" if len(found) > 4 else "")  # noqa: PLR2004 - as many as are shown
        for name, found in sorted(values.items())[:_MOST_LABELS]
    ]
    return [joined(" · ", told)] if told else []


def _held(view: View) -> list[Markup]:
    group = view.group
    lines = [silence_line(one, view.name_of) for one in view.silences if one.state is not SilenceState.ENDED]
    if group.state is State.SILENCED and group.hold.maintenance:
        until = group.hold.maintenance_until
        ends = moment(until, day=True) if until is not None else Markup("it is taken out of the configuration")
        lines.append(say("Maintenance until {}: {}", ends, _cut(group.hold.maintenance, 200)))
    elif group.state is State.SILENCED and not any(one.state is SilenceState.ACTIVE for one in view.silences):
        lines.append(Markup("kept quiet by another alert (inhibited)"))
    if group.hold.part_of:
        return [*lines, say("Part of {}: what is done there covers it", group.hold.part_of)]
    if not group.over:
        who = group.hold.acknowledged_by
        lines.append(Markup("On it: nobody") if who is None else say("On it: @{}", view.name_of(who)))
        lines += view.paging
    return lines + view.company.lines(view.name_of) + _parts(view)


def _parts(view: View) -> list[Markup]:
    """Return the groups that are attached to it: those that fire before those that are over."""
    found = sorted(view.parts, key=lambda one: one.over)
    told = [say("{} {}", f"{one.id} {_cut(one.name, 40)}", "over" if one.over else "firing") for one in found]
    more = f" and {len(told) - _MOST_PARTS} more" if len(told) > _MOST_PARTS else ""
    return [say("With it: {}{}", joined(", ", told[:_MOST_PARTS]), more)] if told else []


def _line(one: Known) -> Markup:
    labels = ", ".join(f"{name}={_cut(value, _LONGEST_LABEL)}" for name, value in sorted(one.labels.items()))
    what = "firing" if one.episode.firing else "resolved"
    at = one.episode.starts_at if one.episode.firing else one.episode.ends_at or one.episode.seen_at
    said = next((one.annotations[name] for name in _SUMMARY if one.annotations.get(name)), "")
    return say(
        "*{}* {} {}{}", what, moment(at), code(_cut(labels, 300)), say(" {}", _cut(said, 150)) if said else NOTHING
    )


def _annotation(view: View, names: Sequence[str]) -> str:
    """Return the first annotation of these names that an alert has, of those that fire before the others."""
    alerts = view.firing or sorted(view.known.values(), key=_began)
    return next((one.annotations[name] for one in alerts for name in names if one.annotations.get(name)), "")


def _source(view: View) -> str:
    return next((one.generator_url for one in view.firing if one.generator_url), "")


def _began(one: Known) -> tuple[datetime, str]:
    return one.episode.starts_at, one.episode.fingerprint


def _cut(text: str, most: int) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"

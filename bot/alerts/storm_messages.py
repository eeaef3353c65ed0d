"""The words about a storm: how much began to fire, what the gravest is, and how to see all of it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bot.alerts import messages
from bot.alerts.records import Group
from bot.alerts.rules import State
from bot.alerts.storm_records import GRAVEST, Storm, Tally
from bot.amounts import count
from bot.reply import Button, Buttons, Headline, Markup, Message, Note, Paragraph, Part, escape, joined, moment, say

_MOST_NAMES = 6
_LONGEST = 60
_STATES = {
    State.FIRING: "firing",
    State.ACKNOWLEDGED: "acknowledged",
    State.UNKNOWN: "unknown",
    State.SILENCED: "silenced",
    State.RESOLVED: "over",
}


class Scene(Struct, frozen=True, kw_only=True):
    """All that a storm's message is made of; `lately` is how many groups began in the last minute."""

    storm: Storm
    tally: Tally
    gravest: Sequence[Group]
    rate: int
    lately: int


def card(scene: Scene) -> Message:
    """Return the one message of a storm."""
    storm = scene.storm
    parts: list[Part] = [Headline(say("{} · {}", storm.id, _title(scene))), Paragraph(joined("\n", _numbers(scene)))]
    if scene.gravest:
        lines = [_line(one) for one in scene.gravest]
        left = scene.tally.open - len(lines)
        if left > 0:
            lines.append(say("… and {} more.", left))
        parts.append(Paragraph(joined("\n", lines)))
    parts.append(Note(_note(scene)))
    parts.append(Buttons((Button(label="Show all", command="alerts", args={"storm": storm.id}),)))
    return Message(summary=summary(scene), parts=tuple(parts))


def summary(scene: Scene) -> str:
    """Return the notification: how much, and the gravest of it."""
    numbers = f"{count(scene.tally.total, 'group')} told of here, {scene.tally.open} not over"
    worst = f"; gravest: {scene.gravest[0].id} {messages.title(scene.gravest[0])}" if scene.gravest else ""
    return f"{scene.storm.id} {_title(scene)}: {numbers}{worst}"


def over(scene: Scene) -> Message:
    """Return what the channel is told when a storm is over."""
    still = scene.tally.open
    words = f"{count(still, 'group')} still not over in its message" if still else "all its groups are over"
    line = f"{scene.storm.id}: the alert storm is over: {words}"
    return Message(summary=line, parts=(Paragraph(say("*{}*", line)),))


def _title(scene: Scene) -> str:
    if scene.storm.ended_at is None:
        return "Alert storm"
    return "Alert storm, over" if scene.tally.open else "Alert storm, over: all resolved"


def _numbers(scene: Scene) -> list[Markup]:
    storm, tally = scene.storm, scene.tally
    told = ", ".join(f"{number} {_STATES[State(name)]}" for name, number in tally.by(0, over=True).items())
    lasted = say("since {}", moment(storm.began_at, day=True))
    if storm.ended_at is not None:
        lasted = say("from {} to {}", moment(storm.began_at, day=True), moment(storm.ended_at, day=True))
    lines = [say("*{}* · {}", told or "nothing yet", lasted)]
    if storm.ended_at is None:
        lines.append(say("{} began in the last minute", count(scene.lately, "group")))
    severities = tally.by(1)
    ordered = sorted(severities, key=lambda one: (GRAVEST.index(one) if one in GRAVEST else len(GRAVEST), one))
    if severities:
        lines.append(say("By severity: {}", _counted({one: severities[one] for one in ordered}, "no severity")))
        lines.append(say("By service: {}", _counted(tally.by(2), "no service")))
    return lines


def _counted(numbers: Mapping[str, int], nothing: str) -> Markup:
    named = list(numbers.items())
    told = [say("{} {}", _cut(name) or nothing, number) for name, number in named[:_MOST_NAMES]]
    rest = sum(number for _, number in named[_MOST_NAMES:])
    if rest:
        told.append(say("{} others {}", len(named) - _MOST_NAMES, rest))
    return joined(" · ", told)


def _line(group: Group) -> Markup:
    return say("• *{}* {} · {}", group.id, messages.title(group), _STATES[group.state])


def _note(scene: Scene) -> Markup:
    if scene.storm.ended_at is None:
        return escape(
            f"More than {scene.rate} groups began within a minute, so they are told of here. Nothing is lost: "
            "/alerts lists all, /alert shows one. What somebody acknowledges gets a message of its own."
        )
    if scene.tally.open:
        return Markup("What still fires stays in this message until it ends, or somebody acknowledges it.")
    return Markup("/alert shows each of them.")


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"

"""All wording of releases' cards: each state, what is asked of whom, what is told when it fails.

The first line says what happened to what; the next move is a button; times are in the reader's zone; nothing is said
by colour or emoji alone; details go to the thread.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from bot.builds.waiting import tame
from bot.catalog import Place
from bot.identity import Person
from bot.releases import replies
from bot.releases.records import Release, SignOff
from bot.releases.rules import State, Word
from bot.reply import (
    Button,
    Buttons,
    Code,
    Confirm,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Part,
    Step,
    Steps,
    StepState,
    Style,
    code,
    joined,
    link,
    moment,
    say,
    sentence,
)

NameOf = Callable[[Person], str]
_LISTED = 5
_TITLE = 100
_STANDS = {
    State.STARTING: "being started",
    State.BUILDING: "being built",
    State.TAGGING: "being tagged",
    State.PUBLISHING: "being published",
    State.CUT: "cut",
    State.FAILED: "failed",
}
_STEPS = (("build", "Build", State.BUILDING), ("tag", "Tag", State.TAGGING), ("publish", "Release", State.PUBLISHING))


class Gate(Struct, frozen=True, kw_only=True):
    """A sign-off that the catalog asks for: `count` people of `groups` on `of`, before it goes to `to`."""

    of: str
    to: str
    count: int
    groups: tuple[str, ...]


class View(Struct, frozen=True, kw_only=True):
    """What a card shows beside the row: names, where it runs, what people said of it, and the gates on its way."""

    name_of: NameOf
    runs: tuple[Place, ...] = ()
    said: tuple[SignOff, ...] = ()
    gates: tuple[Gate, ...] = ()
    environments: tuple[str, ...] = ()


def stands(release: Release) -> str:
    """Return how a release stands, in a few words."""
    return "stands still" if release.parked_at is not None else _STANDS[release.state]


def card(release: Release, view: View) -> Message:
    """Return the live card: one message from the first moment on; it goes on telling where the release runs."""
    parts: list[Part] = [
        Headline(say("{} · release {}", release.id, release.name)),
        _status(release, view),
        Paragraph(_what(release)),
    ]
    if release.irreversible:
        named = ", ".join(release.irreversible[:_LISTED])
        more = f" and {len(release.irreversible) - _LISTED} more" if len(release.irreversible) > _LISTED else ""
        parts.append(Paragraph(say("*Cannot be undone by a rollback*: {}{}", named, more)))
    parts += _state_parts(release, view.name_of)
    if release.state is State.CUT:
        parts += _standing(release, view)
    pressed = tuple(_buttons(release, view))
    if pressed:
        parts.append(Buttons(pressed))
    return Message(summary=f"{release.id} release {release.name}: {stands(release)}", parts=tuple(parts))


def failed(release: Release) -> Message:
    """Return the new message that tells of a release that failed."""
    words = sentence(release.words)
    line = say("*{}* release {} failed: {}   ({})", release.id, release.name, words, release.code)
    return Message(
        summary=f"{release.id} release {release.name} failed. {words}".rstrip(),
        parts=(Paragraph(line), Buttons((_retry(release),))),
    )


def parked(release: Release) -> Message:
    """Return what who asked for it is told when the work stands still."""
    summary = f"{release.id} release {release.name} stands still: {release.parked_why}"
    return Message(summary=summary, parts=(Paragraph(say("{}", summary)), Buttons((_retry(release),))))


def asked(release: Release, gate: Gate) -> Message:
    """Return the new message that asks for a sign-off."""
    who = " or ".join(gate.groups)
    summary = f"{release.id} {release.name} runs on {gate.of}: {gate.count} of {who} may accept it for {gate.to}"
    line = say("*{}* {} runs on {}. *{} of {}* may try it and accept it for {}.", release.id, release.name, gate.of,
               gate.count, who, gate.to)  # fmt: skip
    return Message(summary=summary, parts=(Paragraph(line), Buttons(tuple(_signing(release, gate)))))


def excerpt(title: str, text: str) -> Message:
    """Return a piece of a build's log."""
    return Message(summary=title, parts=(Note(say("{}", title)), Code(text.strip("\n"))))


def line(release: Release, name_of: NameOf, runs: Sequence[Place] = ()) -> Markup:
    """Return a release in one line of a list."""
    when = moment(release.ended_at or release.created_at, day=True)
    where = say(" · runs on {}", ", ".join(map(_where, runs))) if runs else Markup("")
    who = name_of(release.requested_by)
    return say("*{}* {}: {} · @{} · {}{}", release.id, release.name, stands(release), who, when, where)


def _status(release: Release, view: View) -> Note:
    words = say("{} since {}", stands(release), moment(release.state_since))
    if release.ended:
        words = say("{} · {}", stands(release), moment(release.ended_at or release.state_since))
    asker = say("asked by @{} · {}", view.name_of(release.requested_by), moment(release.created_at, day=True))
    return Note(say("{} · {}", words, asker))


def _what(release: Release) -> Markup:
    changelog = release.changelog
    before = say("{} → {}", release.previous, release.version) if release.previous else say("{}", release.version)
    lines = [say("{} {} · {}", code(release.sha[:7]), tame(release.title, _TITLE), before)]
    about = [replies.told(changelog)]
    if changelog.authors:
        more = f" and {len(changelog.authors) - _LISTED} more" if len(changelog.authors) > _LISTED else ""
        about.append("by " + ", ".join(tame(one, 60) for one in changelog.authors[:_LISTED]) + more)
    said = say("{}", " ".join(filter(None, about)))
    if changelog.tickets:
        tickets = [link(url, tame(name, 60)) for name, url in changelog.tickets[:_LISTED]]
        more = f" and {len(changelog.tickets) - _LISTED} more" if len(changelog.tickets) > _LISTED else ""
        said = say("{} · {}{}", said, joined(", ", tickets), more)
    lines.append(said)
    if release.digest:
        built = f", built for {release.built_by}" if release.built_by else ""
        lines.append(say("Artifact {}{}", code(release.digest[:19]), built))
    return joined("\n", lines)


def _state_parts(release: Release, name_of: NameOf) -> list[Part]:
    parts: list[Part] = []
    if release.parked_at is not None:
        parts.append(Paragraph(say("*Stands still* since {}: {}", moment(release.parked_at), release.parked_why)))
    if not release.ended:
        parts.append(Steps(title="Steps", steps=tuple(_steps(release))))
        if release.cancel_at is not None and release.cancel_by is not None:
            parts.append(Note(say("@{} asked to cancel", name_of(release.cancel_by))))
        silent = release.progress.get("silent")
        if silent and release.state is State.BUILDING:
            parts.append(Note(say("{}", silent)))
    if release.state is State.FAILED:
        parts.append(Paragraph(say("{}   ({})", sentence(release.words), release.code)))
        kept = (
            "The tag is made, so the version is taken."
            if release.tagged
            else "Nothing was tagged: its version is free."
        )
        parts.append(Note(say("{}", kept)))
    return parts


def _steps(release: Release) -> list[Step]:
    order = [State.STARTING, *(state for _, _, state in _STEPS)]
    at = order.index(release.state)
    steps = []
    for key, title, state in _STEPS:
        there = order.index(state)
        now = StepState.DONE if there < at else StepState.ACTIVE if there == at else StepState.PENDING
        url = str(release.progress.get("url") or "") if key == "build" else ""
        if key == "build" and there < at and not release.build_run:
            now = StepState.SKIPPED
        steps.append(Step(key=key, title=title, state=now, url=url))
    return steps


def _standing(release: Release, view: View) -> list[Part]:
    parts: list[Part] = []
    where = ", ".join(map(_where, view.runs)) or "nowhere yet"
    page = say(" · {}", link(release.url, release.tag)) if release.url else say(" · tag {}", release.tag)
    parts.append(Note(say("Runs on {}{}", where, page)))
    for gate in view.gates:
        said = [one for one in view.said if one.environment == gate.of]
        words = [_opinion(one, release, view.name_of) for one in said]
        good = sum(1 for one in said if one.word is Word.ACCEPTED and one.digest == release.digest)
        missing = gate.count - good
        if missing > 0:
            words.append(say("{} more of {}", missing, " or ".join(gate.groups)))
        parts.append(Paragraph(say("*Sign-off on {}* for {}: {}", gate.of, gate.to, joined(" · ", words))))
    return parts


def _opinion(one: SignOff, release: Release, name_of: NameOf) -> Markup:
    why = f": {tame(one.reason, _TITLE)}" if one.reason else ""
    expired = "" if one.digest == release.digest else ", of another artifact: expired"
    return say("{} by @{} {}{}{}", one.word.value, name_of(one.person), moment(one.at), why, expired)


def _buttons(release: Release, view: View) -> list[Button]:
    found: list[Button] = []
    if release.parked_at is not None or release.state is State.FAILED:
        found.append(_retry(release))
    if release.state in {State.STARTING, State.BUILDING, State.TAGGING} and release.cancel_at is None:
        found.append(_cancel(release))
    if release.state is State.CUT:
        runs = {place.environment for place in view.runs}
        furthest = max((view.environments.index(name) for name in runs if name in view.environments), default=-1)
        if view.environments and furthest < 0:
            found.append(_deploy(release, view.environments[0]))
        elif furthest + 1 < len(view.environments):
            to = view.environments[furthest + 1]
            label = f"Promote to {to}…"[:75]
            found.append(Button(label=label, command="promote", args={"what": release.id, "environment": to}))
        for gate in view.gates:
            if gate.of in runs:
                found += _signing(release, gate)
    if release.notes:
        found.append(Button(label="Notes", command="release notes", args={"release": release.id}))
    if release.url.startswith(("https://", "http://")):
        found.append(Button(label=f"Open in {release.instance}"[:75], url=release.url))
    return found


def _deploy(release: Release, to: str) -> Button:
    confirm = Confirm(
        title=f"Deploy {release.version} to {to}?"[:100],
        text=f"{release.name} ({release.sha[:7]}) goes to {to}."[:300],
        yes="Deploy",
        no="Not now",
    )
    return Button(
        label=f"Deploy to {to}"[:75],
        command="deploy",
        args={"service": release.service, "version": release.id, "environment": to},
        style=Style.PRIMARY,
        confirm=confirm,
    )


def _signing(release: Release, gate: Gate) -> list[Button]:
    args = {"release": release.id, "on": gate.of}
    confirm = Confirm(
        title=f"Sign {release.version} off?"[:100],
        text=f"You have tried {release.name} on {gate.of}, and accept it for {gate.to}."[:300],
        yes="Sign off",
        no="Not now",
    )
    return [
        Button(label=f"Sign off on {gate.of}"[:75], command="signoff", args=args, style=Style.PRIMARY, confirm=confirm),
        Button(label="Reject…", command="signoff-reject", args={"release": release.id, "on": gate.of}, ask=True),
    ]


def _cancel(release: Release) -> Button:
    confirm = Confirm(
        title=f"Cancel {release.id}?", text=f"{release.name} is not tagged, and its version is free again."[:300],
        yes="Cancel it",
    )  # fmt: skip
    args = {"release": release.id}
    return Button(label="Cancel", command="release cancel", args=args, style=Style.DANGER, confirm=confirm)


def _retry(release: Release) -> Button:
    return Button(label="Try again", command="release retry", args={"release": release.id}, style=Style.PRIMARY)


def _where(place: Place) -> str:
    return "/".join(part for part in (place.environment, place.target) if part)

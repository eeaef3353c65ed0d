"""All wording of builds: the card of each state, what is told to whom, excerpts of logs.

The first line says what happened to what; the next move is a button; times are in the reader's zone; nothing is said
by colour or emoji alone; details go to the thread.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from bot.amounts import duration
from bot.builds import buttons, progress, waiting
from bot.builds.answers import Answer
from bot.builds.records import Build
from bot.builds.rules import State
from bot.builds.waiting import tame
from bot.identity import Person
from bot.reply import (
    Buttons,
    Code,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Part,
    Step,
    Steps,
    StepState,
    code,
    joined,
    link,
    moment,
    say,
    sentence,
)

NameOf = Callable[[Person], str]
_LINKS = 5
_TITLE = 100
_REASON = 300
_STANDS = {
    State.STARTING: "being started",
    State.QUEUED: "queued",
    State.RUNNING: "running",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "aborted",
    State.REFUSED: "not started",
}
_STEPS = {
    "queued": StepState.PENDING,
    "running": StepState.ACTIVE,
    "succeeded": StepState.DONE,
    "failed": StepState.FAILED,
    "cancelled": StepState.SKIPPED,
}


class View(Struct, frozen=True, kw_only=True):
    """What a card shows beside the row: names, and who answered what in it."""

    name_of: NameOf
    answers: tuple[Answer, ...] = ()


def stands(build: Build) -> str:
    """Return how a build stands, in a few words."""
    if build.parked_at is not None:
        return "stands still"
    if build.state is State.RUNNING and progress.actions(build.progress):
        return "waits for a person"
    return _STANDS[build.state]


def card(build: Build, view: View) -> Message:
    """Return the live card: one message from the first moment to the last."""
    parts: list[Part] = [Headline(say("{} · build of {}", build.id, build.name)), _status(build, view)]
    what = _what(build)
    if what:
        parts.append(Paragraph(what))
    parts += _state_parts(build)
    parts += waiting.answered(view.answers, view.name_of)
    if build.cancel_at is not None and build.cancel_by is not None and not build.ended:
        parts.append(Note(say("@{} asked to abort; passed on", view.name_of(build.cancel_by))))
    for name, words in (("artifacts", "Artifacts"), ("downstream", "Started")):
        links = _links(build, name)
        if links:
            parts.append(Note(say("{}: {}", words, links)))
    pressed = buttons.of(build)
    if pressed:
        parts.append(Buttons(pressed))
    return Message(summary=f"{build.id} build of {build.name}: {stands(build)}", parts=tuple(parts))


def told(build: Build) -> Message:
    """Return the new message that tells of a failed build."""
    summary = f"{build.id} build of {build.name}: {stands(build)}"
    line = say("*{}* build of {}: {}. {}", build.id, build.name, stands(build), sentence(build.words))
    return Message(
        summary=f"{summary}. {sentence(build.words)}".rstrip(),
        parts=(Paragraph(line), Buttons(buttons.after_failure(build))),
    )


def parked(build: Build) -> Message:
    """Return what who asked for it is told when the work stands still."""
    summary = f"{build.id} build of {build.name} stands still: {build.parked_why}"
    return Message(summary=summary, parts=(Paragraph(say("{}", summary)), Buttons(buttons.of(build))))


def excerpt(title: str, text: str) -> Message:
    """Return a piece of a build's log."""
    return Message(summary=title, parts=(Note(say("{}", title)), Code(text.strip("\n"))))


def line(build: Build, name_of: NameOf) -> Markup:
    """Return a build in one line of a list."""
    when = moment(build.ended_at or build.created_at, day=True)
    who = name_of(build.requested_by)
    return say("*{}* {}: {} · @{} · {}", build.id, build.name, stands(build), who, when)


def _status(build: Build, view: View) -> Note:
    name = view.name_of(build.requested_by)
    words = say("{} since {}", stands(build), moment(build.state_since))
    if build.ended:
        words = say("{} · {}{}", stands(build), moment(build.ended_at or build.state_since), _took(build))
    verb = "watched for" if build.watched else "asked by"
    retried = say(" · {} once more", build.retry_of) if build.retry_of else Markup("")
    again = say(" · retried as {}", build.retried_as) if build.retried_as else Markup("")
    number = build.progress.get("number")
    tool = say(" · {} {}", build.instance, number or build.job)
    asker = say("{} @{} · {}", verb, name, moment(build.created_at, day=True))
    return Note(say("{} · {}{}{}{}", words, asker, tool, retried, again))


def _took(build: Build) -> Markup:
    since, until = build.progress.get("since"), build.progress.get("until")
    if not (isinstance(since, str) and isinstance(until, str) and since and until):
        return Markup("")
    return say(" · took {}", duration(datetime.fromisoformat(until) - datetime.fromisoformat(since)))


def _what(build: Build) -> Markup:
    lines = []
    if build.sha:
        branch = say(" on {}", build.branch) if build.branch and build.branch != build.version else Markup("")
        lines.append(say("{} {}{}", code(build.sha[:7]), tame(build.title, _TITLE), branch))
    if build.parameters:
        pairs = [say("{}={}", code(name), tame(value, 60)) for name, value in build.parameters.items()]
        more = f" and {len(pairs) - _LINKS} more" if len(pairs) > _LINKS else ""
        lines.append(say("With {}{}", joined(", ", pairs[:_LINKS]), more))
    return joined("\n", lines)


def _state_parts(build: Build) -> list[Part]:
    parts: list[Part] = []
    reason = str(build.progress.get("reason") or "")
    if build.parked_at is not None:
        parts.append(Paragraph(say("*Stands still* since {}: {}", moment(build.parked_at), build.parked_why)))
    elif build.state is State.QUEUED and reason:
        parts.append(Paragraph(say("Waits: {}", tame(reason, _REASON))))
    steps = tuple(_step(number, one) for number, one in enumerate(progress.rows(build.progress, "stages")))
    if steps:
        parts.append(Steps(title="Stages", steps=steps))
    if build.ended and build.words:
        reason_code = say("   ({})", build.code) if build.code else Markup("")
        parts.append(Paragraph(say("{}{}", sentence(build.words), reason_code)))
    if not build.ended:
        parts += waiting.parts(progress.actions(build.progress))
        silent = build.progress.get("silent") or build.progress.get("not_ended")
        if silent:
            parts.append(Note(say("{}", silent)))
    return parts


def _step(number: int, row: list[str] | tuple[str, ...] | object) -> Step:
    name, state, began, ended, url = (list(row) + [""] * 5)[:5] if isinstance(row, list | tuple) else [""] * 5
    took = Markup("")
    if began and ended:
        took = say("{}", duration(datetime.fromisoformat(ended) - datetime.fromisoformat(began)))
    return Step(
        key=str(number), title=tame(name, 200), state=_STEPS.get(state, StepState.PENDING), detail=took, url=url
    )


def _links(build: Build, name: str) -> Markup:
    found = []
    for row in progress.rows(build.progress, name):
        title, url = row[0], row[-1]
        state = f" ({row[1]})" if name == "downstream" else ""
        found.append(say("{}{}", link(url, tame(title, 60)), state))
    more = say(" and {} more", len(found) - _LINKS) if len(found) > _LINKS else Markup("")
    return joined(" · ", found[:_LINKS]) + more if found else Markup("")

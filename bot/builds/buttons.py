"""The buttons of runs and builds: each runs a command with arguments, as if typed by who presses it."""

from collections.abc import Iterable

from bot.builds import progress
from bot.builds.records import Build
from bot.builds.rules import State
from bot.reply import Button, Confirm, Style
from integrations.capabilities.runs import ManualAction

_MAX_LABEL = 75


def of(build: Build) -> tuple[Button, ...]:
    """Return the buttons of a card: what a person may do about it now."""
    found: list[Button] = []
    if build.parked_at is not None:
        found.append(_retry(build, "Try again"))
    if not build.ended:
        found += of_actions(build.id, progress.actions(build.progress), by_person=bool(build.progress.get("by_person")))
        if build.cancel_at is None:
            found.append(_abort(build))
    elif build.state in {State.FAILED, State.CANCELLED, State.REFUSED} and not build.retried_as:
        found.append(_retry(build, "Retry"))
    if build.run:
        found.append(Button(label="Logs", command="build logs", args={"build": build.id}))
    url = build.progress.get("url")
    if isinstance(url, str) and url.startswith(("https://", "http://")):
        found.append(Button(label=f"Open in {build.instance}"[:_MAX_LABEL], url=url))
    return tuple(found)


def after_failure(build: Build) -> tuple[Button, ...]:
    """Return what may follow a failure."""
    logs = (Button(label="Logs", command="build logs", args={"build": build.id}),) if build.run else ()
    return (_retry(build, "Retry"), *logs)


def of_actions(subject: str, actions: Iterable[ManualAction], *, by_person: bool = False) -> list[Button]:
    """Return a button for each action that waits for a person; a link where the tool wants to know who that is."""
    found = []
    for action in actions:
        if by_person and action.url:
            found.append(Button(label=action.label[:_MAX_LABEL], url=action.url))
            continue
        asks = bool(action.parameters)
        label = f"{action.label[: _MAX_LABEL - 1]}…" if asks else action.label[:_MAX_LABEL]
        confirm = Confirm(
            title=f"{action.label}?"[:100],
            text=(action.text or f"{subject} goes on with “{action.label}”.")[:300],
            yes=action.label[:30],
            no="Not now",
        )
        found.append(
            Button(
                label=label,
                command="answer",
                args={"run": subject, "action": action.id},
                style=Style.PRIMARY,
                confirm=None if asks else confirm,
                ask=asks,
            )
        )
    return found


def _abort(build: Build) -> Button:
    confirm = Confirm(title=f"Abort {build.id}?", text=f"The build of {build.name} is ended."[:300], yes="Abort it")
    return Button(label="Abort", command="build abort", args={"build": build.id}, style=Style.DANGER, confirm=confirm)


def _retry(build: Build, label: str) -> Button:
    return Button(label=label, command="build retry", args={"build": build.id}, style=Style.PRIMARY)

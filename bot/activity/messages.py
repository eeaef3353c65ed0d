"""All wording of what happens in a repository."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.amounts import count, duration
from bot.reply import (
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
    say,
)
from integrations.capabilities.runs import Run, RunState
from integrations.contract import WebhookEvent

_COMMITS = 5
_STANDS = {
    RunState.QUEUED: "is queued",
    RunState.RUNNING: "is running",
    RunState.SUCCEEDED: "succeeded",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was cancelled",
}
_STEPS = {
    RunState.QUEUED: StepState.PENDING,
    RunState.RUNNING: StepState.ACTIVE,
    RunState.SUCCEEDED: StepState.DONE,
    RunState.FAILED: StepState.FAILED,
    RunState.CANCELLED: StepState.SKIPPED,
}


def pipeline(service: str, run: Run, about: Mapping[str, Any], cause: str) -> Message:
    """Return the message of a pipeline: how it stands, of which commit, its stages, and why it failed."""
    name = f"{service} {about.get('branch') or run.branch}".strip()
    number = str(about.get("number") or run.number)
    stands = _STANDS[run.state]
    took = ""
    if run.state.final and run.started_at and run.ended_at:
        took = f" after {duration(run.ended_at - run.started_at)}"
    parts: list[Part] = [Headline(say("{}: {} {}{}", name, link(run.url, f"pipeline {number}"), stands, took))]
    if cause:
        parts.append(Paragraph(say("{}", cause)))
    if run.stages:
        parts.append(
            Steps(
                "Jobs", tuple(Step(key=stage.name, title=stage.name, state=_STEPS[stage.state]) for stage in run.stages)
            )
        )
    commit = say("{} {}", code((about.get("sha") or run.sha)[:7]), str(about.get("title") or ""))
    by = say(" · {}", about["user"]) if about.get("user") else Markup("")
    parts.append(Note(say("{}{}", commit, by)))
    return Message(summary=f"{name}: pipeline {number} {stands}{took}", parts=tuple(parts))


def why(service: str, excerpts: Sequence[tuple[str, str]]) -> Message:
    """Return the excerpts that say why a pipeline failed, for its thread."""
    parts: list[Part] = []
    for title, text in excerpts:
        parts += [Note(say("{}", title)), Code(text.strip("\n"))]
    return Message(summary=f"{service}: why it failed", parts=tuple(parts))


def push(service: str, event: WebhookEvent) -> Message:
    """Return the message of a push."""
    data: Mapping[str, Any] = event.data
    total, commits = int(data["total"]), data["commits"]
    name = str(data["name"])
    what = f"{count(total, 'commit')} to {name}" if not data.get("deleted") else f"deleted {name}"
    verb = "pushed " if not data.get("deleted") else ""
    summary = f"{service}: {data.get('user') or 'somebody'} {verb}{what}"
    lines = [
        say("{} {} · {}", link(str(one["url"]), str(one["sha"])[:7]), one["title"], one["author"])
        for one in reversed(commits[-_COMMITS:])
    ]
    if total > len(lines) and lines:
        lines.append(say("… and {} more", total - len(lines)))
    parts: list[Part] = [Headline(say("{}", summary))]
    if lines:
        parts.append(Paragraph(joined("\n", lines)))
    return Message(summary=summary, parts=tuple(parts))


def merged(service: str, event: WebhookEvent) -> Message:
    """Return the message of a merge."""
    data: Mapping[str, Any] = event.data
    by = f" by {data['user']}" if data.get("user") else ""
    summary = f"{service}: !{data['number']} {data['title']} was merged into {data['target']}{by}"
    title = link(str(data["url"]), f"!{data['number']} {data['title']}")
    line = say("{}: {} was merged into {}{}", service, title, str(data["target"]), by)
    return Message(summary=summary, parts=(Paragraph(line),))

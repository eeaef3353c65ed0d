"""All wording of what happens in a repository."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.amounts import count, duration
from bot.reply import (
    Button,
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
    say,
)
from integrations.capabilities.runs import Run, RunState
from integrations.contract import WebhookEvent

_COMMITS = 5
_NOTE = 400
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


def review(service: str, event: WebhookEvent, standing: str) -> Message:
    """Return the message of a merge request as it stands after an event."""
    data: Mapping[str, Any] = event.data
    draft = " · draft" if data.get("draft") and standing == "open" else ""
    user = f" by {data['user']}" if data.get("user") and standing != "open" else ""
    asked = [str(one) for one in data.get("reviewers") or ()]
    asks = f" · to review: {', '.join(asked)}" if asked and standing == "open" else ""
    name = f"!{data['number']} {data['title']}"
    line = say("{}: {} · {}{}", service, link(str(data["url"]), name), f"{standing}{user}", f"{draft}{asks}")
    about = say("{} → {}", str(data["source"]), str(data["target"]))
    show = Button(label=f"Show !{data['number']}", command="mr show", args=_of(service, data))
    buttons = (Buttons((show,)),) if standing == "open" else ()
    return Message(summary=f"{service}: {name} is {standing}{user}", parts=(Paragraph(line), Note(about), *buttons))


def said_of_review(event: WebhookEvent, what: str) -> Message | None:
    """Return what the thread of a merge request hears of an event, None for what its message says."""
    who = str(event.data.get("user") or "somebody")
    told = {
        "approved": f"{who} approved it",
        "unapproved": f"{who} took the approval back",
        "reopened": f"{who} opened it again",
    }
    pushed = f"{who} pushed to it: its head is {str(event.data.get('sha') or '')[:7]}"
    text = pushed if what == "updated" and event.data.get("pushed") else told.get(what, "")
    return Message(summary=text, parts=(Paragraph(say("{}", text)),)) if text else None


def note(event: WebhookEvent) -> Message:
    """Return what somebody said about a merge request, cut, with a link to all of it."""
    data: Mapping[str, Any] = event.data
    who, text = str(data.get("user") or "somebody"), " ".join(str(data["text"]).split())
    cut = text if len(text) <= _NOTE else f"{text[: _NOTE - 1]}…"
    line = say("{}: {}", link(str(data["url"]), who), cut)
    return Message(summary=f"{who}: {cut}", parts=(Paragraph(line),))


def issue(service: str, event: WebhookEvent) -> Message:
    """Return the message of an issue that was opened or closed."""
    data: Mapping[str, Any] = event.data
    done = {"opened": "opened", "reopened": "opened again", "closed": "closed"}[event.kind.partition(".")[2]]
    by = f" by {data['user']}" if data.get("user") else ""
    name = f"#{data['key']} {data['title']}"
    line = say("{}: {} was {}{}", service, link(str(data["url"]), name), done, by)
    return Message(summary=f"{service}: {name} was {done}{by}", parts=(Paragraph(line),))


def tag(service: str, event: WebhookEvent) -> Message:
    """Return the message of a new tag, with a button that asks where it is to be deployed."""
    name, sha = str(event.data["name"]), str(event.data["sha"])
    by = f" by {event.data['user']}" if event.data.get("user") else ""
    line = say("{}: {} was tagged{} at {}", service, name, by, code(sha[:7]))
    deploy = Button(label="Deploy…", command="deploy", args={"service": service, "version": name}, ask=True)
    return Message(summary=f"{service}: {name} was tagged{by}", parts=(Paragraph(line), Buttons((deploy,))))


def deployed(service: str, environment: str, event: WebhookEvent) -> Message:
    """Return the message of a deployment that Shipmate did not make."""
    data: Mapping[str, Any] = event.data
    by = f" by {data['user']}" if data.get("user") else ""
    version = " ".join(dict.fromkeys(part for part in (str(data.get("branch") or ""), str(data["sha"])[:7]) if part))
    what = f"{event.instance} deployed {version} to {service}/{environment}{by}, not through Shipmate"
    where = Button(label="Where", command="where", args={"what": service})
    open_ = (Button(label=f"Open in {event.instance}"[:75], url=str(data["url"])),) if data.get("url") else ()
    return Message(summary=what, parts=(Paragraph(say("{}", what)), Buttons((where, *open_))))


def _of(service: str, data: Mapping[str, Any]) -> Mapping[str, str]:
    return {"service": service, "number": str(data["number"])}

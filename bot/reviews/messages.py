"""What people read of merge requests."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from bot.errors import BadInput, Refused
from bot.grants.messages import connect_button, proposed
from bot.grants.proposals import Proposal
from bot.identity import Person
from bot.reply import Button, Buttons, Confirm, Headline, Markup, Note, Paragraph, Part, Reply, Style, code, link, say
from integrations.capabilities.merge_requests import MergeRequest, MergeState
from integrations.capabilities.runs import RunState

SHORT = 8
"""Characters of a commit's SHA that people are shown."""
_PIPELINE = {
    RunState.QUEUED: "pipeline queued",
    RunState.RUNNING: "pipeline running",
    RunState.SUCCEEDED: "pipeline passed",
    RunState.FAILED: "pipeline failed",
    RunState.CANCELLED: "pipeline cancelled",
}
_BUTTONS_IN_LIST = 5
_REMINDED = 10


class Viewer(Struct, frozen=True, kw_only=True):
    """Who looks. `account` is their linked account's user name, "" without one; `linkable` that they could link one.

    `proposal` is the account that may be theirs, as long as they have linked none.
    """

    instance: str
    account: str = ""
    linkable: bool = False
    proposal: Proposal | None = None


def listed(service: str, found: Sequence[MergeRequest], now: datetime) -> Reply:
    """Return the open merge requests of a service, with buttons for the first ones."""
    if not found:
        return Reply(
            summary=f"No merge request of {service} is open",
            parts=(Paragraph(say("No merge request of *{}* is open.", service)),),
        )
    first = f"{_count(found)} of {service}"
    buttons = tuple(show_button(service, one.number) for one in found[:_BUTTONS_IN_LIST])
    lines = tuple(Paragraph(_line(one, now)) for one in found)
    return Reply(summary=first, parts=(Headline(say("{}", first)), *lines, Buttons(buttons)))


def shown(service: str, one: MergeRequest, viewer: Viewer, now: datetime) -> Reply:
    """Return one merge request: what it is, what stands in its way, and what this person can do."""
    about = [f"by @{one.author}", f"{one.source} → {one.target}"]
    if one.created_at:
        about.append(f"opened {age(one.created_at, now)} ago")
    parts: list[Part] = [
        Headline(say("{} · {}", link(one.url, f"!{one.number} {one.title}"), service)),
        Paragraph(say("{} · {} · head {}", one.state.value, " · ".join(about), code(one.sha[:SHORT]))),
    ]
    facts = _facts(one)
    if facts:
        parts.append(Paragraph(say("{}", " · ".join(facts))))
    parts.append(Paragraph(_standing(one)))
    parts.append(Buttons(_moves(service, one, viewer)))
    if one.state is MergeState.OPEN and not viewer.account and viewer.linkable:
        note = say("Connect your account of {} once, and you approve and merge from here, as you.", viewer.instance)
        known = say(" {}", proposed(viewer.instance, viewer.proposal)) if viewer.proposal else Markup("")
        parts.append(Note(note + known))
    return Reply(summary=f"!{one.number} {one.title} ({service}): {one.state.value}", parts=tuple(parts))


def look_first(service: str, one: MergeRequest, viewer: Viewer, verb: str, now: datetime) -> Reply:
    """Return the merge request to somebody who would decide it without having named the head they saw."""
    reply = shown(service, one, viewer, now)
    words = say(
        "Not {}d yet: this is what it is now. Press the button, or type {}",
        verb,
        code(f"mr {verb} {service} {one.number} --sha {one.sha[:SHORT]}"),
    )
    return Reply(summary=f"Look at !{one.number} first: {one.title}", parts=(Paragraph(words), *reply.parts))


def approved(service: str, one: MergeRequest, account: str) -> Reply:
    """Return the answer to an approval."""
    left = _approvals(one)
    tail = say(" · {}", left) if left else Markup("")
    line = say("✓ {} of *{}* approved by @{} at {}{}", _named(one), service, account, code(one.sha[:SHORT]), tail)
    return Reply(
        summary=f"!{one.number} of {service} approved by @{account}",
        parts=(Paragraph(line), Buttons((show_button(service, one.number),))),
        share=True,
    )


def merged(service: str, one: MergeRequest, account: str, *, ours: bool) -> Reply:
    """Return the answer to a merge: by this person (`ours`), or by somebody else meanwhile, if it is known by whom."""
    at = say(" as {}", code(one.merge_sha[:SHORT])) if one.merge_sha else Markup("")
    if ours:
        line = say("✓ {} of *{}* merged into {} by @{}{}", _named(one), service, one.target, account, at)
        return Reply(summary=f"!{one.number} of {service} merged by @{account}", parts=(Paragraph(line),), share=True)
    by = f" by @{one.merged_by}" if one.merged_by else ""
    line = say("{} of *{}* was merged{} meanwhile{}; nothing was left to do.", _named(one), service, by, at)
    return Reply(summary=f"!{one.number} of {service} was merged{by} meanwhile", parts=(Paragraph(line),))


def not_open(service: str, one: MergeRequest) -> Refused:
    """Refuse to decide what is closed, or merged at another head."""
    by = f" by @{one.merged_by}" if one.merged_by else ""
    at = f" as {one.merge_sha[:SHORT]}" if one.merge_sha else ""
    how = f"was merged{by}{at}" if one.state is MergeState.MERGED else "is closed"
    return Refused(
        "not_open", f"!{one.number} of {service} {how}: nothing is left to decide.", moves=(_open_button(one),)
    )


def moved(service: str, one: MergeRequest, seen: str) -> Refused:
    """Refuse to decide what has changed since the person looked."""
    return Refused(
        "changed",
        f"!{one.number} of {service} changed since you looked: its head was {seen[:SHORT]} and is {one.sha[:SHORT]}. "
        "Nothing was done. Look again.",
        moves=(show_button(service, one.number, "Show again"),),
    )


def in_the_way(service: str, one: MergeRequest, instance: str, why: str) -> Refused:
    """Refuse what the tool refused, in its own words."""
    return Refused(
        "tool_refused",
        f"{instance} says no to !{one.number} of {service}: {why}",
        moves=(show_button(service, one.number, "Show again"), _open_button(one)),
    )


def unknown(service: str, number: int, numbers: Sequence[int]) -> BadInput:
    """Say that there is no such merge request, and which there are."""
    there = ", ".join(f"!{one}" for one in numbers)
    hint = f"Open are {there}." if there else "None is open."
    moves = tuple(show_button(service, one) for one in numbers[:_BUTTONS_IN_LIST])
    return BadInput("unknown_merge_request", f"{service} has no merge request !{number}. {hint}", moves=moves)


def reminder(
    service: str, found: Sequence[MergeRequest], now: datetime, person_of: Callable[[str], Person | None]
) -> Reply:
    """Return the message that names what waits longest for whom; people who are known by their account are told."""
    if not found:
        return Reply(
            summary=f"Nothing of {service} waits for a review",
            parts=(Paragraph(say("Nothing of *{}* waits for a review.", service)),),
        )
    first = f"{len(found)} of {service} wait{'s' if len(found) == 1 else ''} for a review, the longest first"
    lines = []
    for one in found[:_REMINDED]:
        waits = age(one.updated_at or one.created_at or now, now)
        named = [_mention(name, person_of(name)) for name in one.reviewers] or [Markup("nobody is asked to review")]
        lines.append(
            Paragraph(say("{} · by @{} · unchanged for {} · {}", _named(one), one.author, waits, _joined(named)))
        )
    buttons = tuple(show_button(service, one.number) for one in found[:_BUTTONS_IN_LIST])
    more = [Note(say("and {} more", len(found) - _REMINDED))] if len(found) > _REMINDED else []
    return Reply(summary=first, parts=(Headline(say("{}", first)), *lines, *more, Buttons(buttons)), share=True)


def show_button(service: str, number: int, label: str = "") -> Button:
    """Return the button that shows a merge request."""
    return Button(label=label or f"Show !{number}", command="mr show", args={"service": service, "number": str(number)})


def age(since: datetime, now: datetime) -> str:
    """Return how long ago something was, in its largest unit: 12 min, 5 h, 3 d."""
    past = max(now - since, timedelta())
    if past >= timedelta(days=2):
        return f"{past.days} d"
    if past >= timedelta(hours=2):
        return f"{past // timedelta(hours=1)} h"
    return f"{past // timedelta(minutes=1)} min"


def _moves(service: str, one: MergeRequest, viewer: Viewer) -> tuple[Button, ...]:
    if one.state is not MergeState.OPEN:
        return (_open_button(one),)
    if not viewer.account:
        links = [
            Button(label=f"Approve in {viewer.instance}", url=one.url),
            Button(label=f"Merge in {viewer.instance}", url=one.url),
        ]
        return (*links, connect_button(viewer.instance)) if viewer.linkable else tuple(links)
    args = {"service": service, "number": str(one.number), "sha": one.sha}
    buttons = []
    if viewer.account not in {one.author, *one.approved_by}:
        buttons.append(Button(label="Approve", command="mr approve", args=args, style=Style.PRIMARY))
    if not one.obstacles:
        confirm = Confirm(
            title=f"Merge !{one.number}?",
            text=f"{one.title}\ninto {one.target} at {one.sha[:SHORT]}, as @{viewer.account}",
            yes="Merge",
        )
        buttons.append(Button(label="Merge…", command="mr merge", args=args, confirm=confirm))
    return (*buttons, _open_button(one))


def _open_button(one: MergeRequest) -> Button:
    return Button(label=f"Open !{one.number}", url=one.url)


def _standing(one: MergeRequest) -> Markup:
    if one.state is MergeState.MERGED:
        by = say(" by @{}", one.merged_by) if one.merged_by else Markup("")
        at = say(" as {}", code(one.merge_sha[:SHORT])) if one.merge_sha else Markup("")
        return say("Merged{}{}.", by, at)
    if one.state is MergeState.CLOSED:
        return Markup("Closed without a merge.")
    if one.obstacles is None:
        return Markup("Whether it can be merged is still being found out: look again in a moment.")
    if one.obstacles:
        return say("*Cannot be merged now:* {}.", "; ".join(one.obstacles))
    return Markup("Nothing stands in the way of a merge.")


def _line(one: MergeRequest, now: datetime) -> Markup:
    facts = [f"@{one.author}"]
    if one.created_at:
        facts.append(age(one.created_at, now))
    facts += ["draft"] if one.draft else []
    facts += ["conflicts with its target"] if one.conflicts else []
    facts += [fact for fact in (_approvals(one), _pipeline(one)) if fact]
    return say("{} · {}", _named(one), " · ".join(facts))


def _named(one: MergeRequest) -> Markup:
    return link(one.url, f"!{one.number} {one.title}")


def _facts(one: MergeRequest) -> list[str]:
    facts = [_approvals(one), _pipeline(one)]
    facts += ["draft"] if one.draft else []
    facts += ["conflicts with its target"] if one.conflicts else []
    facts += [f"approved by {', '.join(f'@{name}' for name in one.approved_by)}"] if one.approved_by else []
    facts += [f"to review: {', '.join(f'@{name}' for name in one.reviewers)}"] if one.reviewers else []
    facts += [f"labels: {', '.join(one.labels)}"] if one.labels else []
    return [fact for fact in facts if fact]


def _approvals(one: MergeRequest) -> str:
    if one.approvals_left is None:
        return ""
    if not one.approvals_left:
        return "approved"
    return f"{one.approvals_left} approval{'' if one.approvals_left == 1 else 's'} left"


def _pipeline(one: MergeRequest) -> str:
    return _PIPELINE[one.pipeline] if one.pipeline else "no pipeline"


def _count(found: Sequence[MergeRequest]) -> str:
    return f"{len(found)} open merge request{'' if len(found) == 1 else 's'}"


def _mention(username: str, person: Person | None) -> Markup:
    return say("@{}", username) if person is None else Markup(f"<@{person.user}>")


def _joined(words: Iterable[Markup]) -> Markup:
    joined = Markup("")
    for number, word in enumerate(words):
        joined = joined + (Markup(", ") if number else Markup("")) + word
    return joined

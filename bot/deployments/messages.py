"""All wording of deployments: the card of each state, what is told to whom, and the look of a plan.

The first line says what happened to what; the next move is a button; times are in the reader's zone; nothing is said
by colour or emoji alone; details go to the thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.amounts import count
from bot.approvals.approvals import Standing
from bot.approvals.records import Approval
from bot.approvals.rules import Rule
from bot.builds import progress, waiting
from bot.builds.answers import Answer
from bot.deployments import buttons, stages
from bot.deployments.obstacles import Obstacle
from bot.deployments.plan import Plan
from bot.deployments.records import Deployment
from bot.deployments.rules import FREEZES, NOT_FROZEN, State
from bot.identity import Person
from bot.locks.rules import Scope
from bot.reply import (
    Buttons,
    Code,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Part,
    code,
    joined,
    link,
    moment,
    say,
    sentence,
)

NameOf = Callable[[Person], str]
_LINES = 3
_TITLE = 100
_TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_WORTH_SAYING = frozenset({"required checks", "promotion order", "locks"})
_REASON = 140  # what a card shows of it; the record keeps it whole
_ACCOUNT = "account"

_STANDS = {
    State.PLANNING: "planning",
    State.AWAITING_APPROVAL: "waits for approval",
    State.QUEUED: "queued",
    State.DEPLOYING: "deploying",
    State.VERIFYING: "being verified",
    State.INCONCLUSIVE: "could not be verified: keep it or roll back?",
    State.ROLLING_BACK: "rolling back",
    State.SUCCEEDED: "done",
    State.FAILED: "failed",
    State.ROLLED_BACK: "rolled back",
    State.ROLLBACK_FAILED: "rollback failed",
    State.REFUSED: "not deployed",
    State.REJECTED: "rejected",
    State.EXPIRED: "not approved in time",
    State.VOID: "void",
    State.CANCELLED: "cancelled",
}
_NEWS = frozenset({State.FAILED, State.ROLLED_BACK, State.ROLLBACK_FAILED, State.INCONCLUSIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a card shows beside the row: names, votes, who is ahead in the queue, the lock or freeze in the way."""

    name_of: NameOf
    standing: Standing | None = None
    ahead: str = ""
    obstacle: Obstacle | None = None
    answered: tuple[Answer, ...] = ()


def mention(person: Person, name_of: NameOf) -> Markup:
    """Return what notifies a person in a new message; accounts have only a name."""
    return say("@{}", name_of(person)) if person.team == _ACCOUNT else Markup(f"<@{person.user}>")


def scope_of(deployment: Deployment) -> Scope:
    """Return the scope whose locks concern a deployment."""
    return Scope(deployment.service, deployment.environment, deployment.target)


def stands(deployment: Deployment) -> str:
    """Return how a deployment stands, in a few words."""
    if deployment.parked_at is not None:
        return "stands still"
    if deployment.state is State.ROLLED_BACK:
        return f"rolled back to {deployment.previous.name}"
    return _STANDS[deployment.state]


def card(deployment: Deployment, view: View) -> Message:
    """Return the live card: one message from the first moment to the last."""
    parts: list[Part] = [Headline(say("{} · {}", deployment.id, _title(deployment))), _status(deployment, view)]
    if not deployment.ended and deployment.state is not State.ROLLING_BACK:
        parts += _change_lines(deployment.the_plan, deployment)
    parts += _state_parts(deployment, view)
    parts += _through_a_freeze(deployment)
    if deployment.parked_at is not None:
        parts.append(Paragraph(say("*Stands still* since {}: {}", moment(deployment.parked_at), deployment.parked_why)))
    frozen = view.obstacle is not None and view.obstacle.freeze is not None
    pressed = (*buttons.of(deployment), *(buttons.through(deployment) if frozen else ()))
    if pressed:
        parts.append(Buttons(pressed))
    return Message(summary=f"{deployment.id} {deployment.title}: {stands(deployment)}", parts=tuple(parts))


def broadcast(deployment: Deployment, name_of: NameOf) -> Message | None:
    """Return the new message for the channel where an edit of the card would be missed, None elsewhere."""
    if deployment.state not in _NEWS or deployment.parked_at is not None:
        return None
    if deployment.state is State.FAILED and not deployment.deploy_run:
        return None  # nothing was changed: who asked for it is told
    summary = f"{deployment.id} {deployment.title}: {stands(deployment)}"
    line = say("*{}* {}: {}. {}", deployment.id, _title(deployment), stands(deployment), sentence(deployment.words))
    if deployment.state is State.INCONCLUSIVE:
        line = say("{} {}", line, mention(deployment.requested_by, name_of))
    pressed = buttons.of(deployment)
    parts: tuple[Part, ...] = (Paragraph(line),)
    return Message(
        summary=f"{summary}. {sentence(deployment.words)}".rstrip(),
        parts=(*parts, Buttons(pressed)) if pressed else parts,
    )


def told(deployment: Deployment, name_of: NameOf) -> Message:
    """Return what who asked for it is told when it has ended."""
    del name_of
    summary = f"{deployment.id} {deployment.title}: {stands(deployment)}"
    line = say("*{}* {}: {}. {}", deployment.id, _title(deployment), stands(deployment), sentence(deployment.words))
    parts: tuple[Part, ...] = (Paragraph(line),)
    pressed = buttons.after_the_end(deployment)
    return Message(
        summary=f"{summary}. {sentence(deployment.words)}".rstrip(),
        parts=(*parts, Buttons(pressed)) if pressed else parts,
    )


def parked(deployment: Deployment, name_of: NameOf) -> Message:
    """Return what who asked for it is told when the work stands still."""
    del name_of
    summary = f"{deployment.id} {deployment.title} stands still: {deployment.parked_why}"
    line = say("*{}* {} stands still: {}", deployment.id, _title(deployment), deployment.parked_why)
    return Message(summary=summary, parts=(Paragraph(line), Buttons(buttons.to_go_on(deployment))))


def asked(deployment: Deployment, approval: Approval, approvers: Sequence[Person], name_of: NameOf) -> Message:
    """Return the new message that asks for approval; it mentions who may give it."""
    who = joined(", ", (mention(person, name_of) for person in approvers)) if approvers else Markup("")
    groups = wanted(approval.rules)
    asker = say("@{}", name_of(deployment.requested_by))
    line = say("{} asks for approval of *{}*: {}", asker, deployment.title, groups)
    parts: list[Part] = [Paragraph(say("{}. {}", line, who) if who else line)]
    parts.append(Note(say("{} · until {}", _diff(deployment), moment(approval.expires_at, day=True))))
    parts.append(Buttons(buttons.to_vote(deployment)))
    summary = f"Approval wanted: {deployment.id} {deployment.title}, asked by @{name_of(deployment.requested_by)}"
    return Message(summary=summary, parts=tuple(parts))


def asked_alone(deployment: Deployment, approval: Approval, name_of: NameOf) -> Message:
    """Return the direct message that asks one person for approval."""
    message = asked(deployment, approval, (), name_of)
    return Message(summary=message.summary, parts=(*message.parts[:-1], *_plan_parts(deployment), message.parts[-1]))


def answered(deployment: Deployment, words: str) -> Message:
    """Return what becomes of a message that asked for approval, once that is decided: no buttons any more."""
    line = say("Approval of *{}* ({}): {}", deployment.title, deployment.id, words)
    return Message(summary=f"Approval of {deployment.id} {deployment.title}: {words}", parts=(Paragraph(line),))


def excerpt(what: str, text: str) -> Message:
    """Return a piece of a run's log for the thread."""
    return Message(summary=f"Log of the {what}", parts=(Note(say("Log of the {}", what)), Code(text.strip("\n"))))


def details(deployment: Deployment) -> Message | None:
    """Return the commits that the card has no room for, for its thread; None when it shows them all."""
    plan = deployment.the_plan
    if plan.total <= _LINES:
        return None
    summary = f"{deployment.id}: {count(plan.total, 'commit')}"
    return Message(summary=summary, parts=(Note(_what_changes(plan)), Paragraph(_lines(plan, len(plan.lines)))))


def wanted(rules: Sequence[Rule]) -> Markup:
    """Return what approval needs: "1 of release-managers and 1 of owners"."""
    return joined(" and ", (say("{} of {}", rule.count, " or ".join(rule.groups)) for rule in rules))


def plan_parts(plan: Plan, *, lines: int = 10) -> list[Part]:
    """Return a plan in full: commits, warnings, rules."""
    parts: list[Part] = [Paragraph(_what_changes(plan))]
    if plan.lines:
        parts.append(Paragraph(_lines(plan, lines)))
    parts += [Paragraph(warning) for warning in warnings(plan)]
    return parts


def files(paths: Sequence[str]) -> str:
    """Return which parts of the repository differ: "12 files: src 9, docs 2, README.md"."""
    tops: dict[str, int] = {}
    for path in paths:
        tops[path.partition("/")[0]] = tops.get(path.partition("/")[0], 0) + 1
    most = sorted(tops.items(), key=lambda item: -item[1])[:_LINES]
    named = ", ".join(f"{top} {number}" if number > 1 else top for top, number in most)
    return f"{count(len(paths), 'file')}: {named}{', …' if len(tops) > len(most) else ''}"


def warnings(plan: Plan) -> list[Markup]:
    """Return what must not be overlooked in a plan."""
    found = []
    if plan.left_behind:
        found.append(
            say(
                "*Leaves behind {}* that {} now: the asked commit is no descendant of what runs.",
                count(plan.left_behind, "commit"),
                "runs" if plan.left_behind == 1 else "run",
            )
        )
    if plan.irreversible:
        names = joined(", ", (code(path) for path in plan.irreversible[:_LINES]))
        found.append(say("*Cannot be undone*: a migration marked irreversible ({}).", names))
    if plan.added and plan.total > len(plan.added):
        read = len(plan.added)
        found.append(
            say("*Only the newest {} of {} commits were read*: authors of the others are not known.", read, plan.total)
        )
    if plan.drift:
        found.append(say("*Not as recorded*: {}.", plan.drift))
    return found


def _title(deployment: Deployment) -> Markup:
    return say("{}", deployment.title)


def _status(deployment: Deployment, view: View) -> Note:
    name = view.name_of(deployment.requested_by)
    words = say("{} since {}", stands(deployment), moment(deployment.state_since))
    if deployment.ended:
        words = say("{} · {}", stands(deployment), moment(deployment.ended_at or deployment.state_since))
    asker = say("asked by @{} · {}", name, moment(deployment.created_at, day=True))
    reason = say(" · “{}”", _cut(deployment.reason, _REASON)) if deployment.reason else Markup("")
    return Note(say("{} · {}{}", words, asker, reason))


def _change_lines(plan: Plan, deployment: Deployment) -> list[Part]:
    if deployment.plan is None:
        return []
    parts: list[Part] = [Paragraph(_what_changes(plan))]
    if plan.lines and deployment.state in {State.PLANNING, State.AWAITING_APPROVAL}:
        parts.append(Paragraph(_lines(plan, _LINES, where=" in the thread")))
    return parts + [Paragraph(warning) for warning in warnings(plan)]


def _what_changes(plan: Plan) -> Markup:
    if not plan.base.sha:
        return Markup("First deployment there: nothing to compare with")
    commits = count(plan.total, "commit") if plan.total else "no new commits"
    if plan.left_behind and not plan.total:
        commits = f"{count(plan.left_behind, 'commit')} less"
    authors = joined(", ", (say("{}", author) for author in plan.authors[:4]))
    by = say(" by {}", authors) if plan.authors else Markup("")
    tickets = joined(", ", (link(url, name) for name, url in plan.tickets[:6]))
    about = say(" · {}", tickets) if plan.tickets else Markup("")
    diff = say(" · since {}", plan.base.name)
    more = say(" ({})", link(plan.url, "compare")) if plan.url else Markup("")
    return say("{}{}{}{}{}", commits, by, about, diff, more)


def _diff(deployment: Deployment) -> Markup:
    return _what_changes(deployment.the_plan)


def _plan_parts(deployment: Deployment) -> list[Part]:
    return plan_parts(deployment.the_plan, lines=_LINES)[1:]


def _state_parts(deployment: Deployment, view: View) -> list[Part]:
    state = deployment.state
    parts: list[Part] = []
    if state is State.AWAITING_APPROVAL and view.standing is not None:
        parts += _awaiting(deployment, view, view.standing)
    elif state is State.QUEUED:
        parts.append(Paragraph(_waits_for(view)))
    elif state in {State.PLANNING, State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK, State.INCONCLUSIVE}:
        parts.append(stages.of(deployment))
        parts += waiting.parts(progress.actions(deployment.progress.get("run")))
        if state in {State.ROLLING_BACK, State.INCONCLUSIVE} and deployment.words:
            parts.append(Paragraph(say("{}", sentence(deployment.words))))
    else:
        if deployment.deploy_run:
            parts.append(stages.of(deployment))
        parts.append(Paragraph(_ended(deployment)))
    parts += waiting.answered(view.answered, view.name_of)
    silent = deployment.progress.get("silent") or deployment.progress.get("not_ended")
    if silent and not deployment.ended:
        parts.append(Note(say("{}", silent)))
    if deployment.cancel_at is not None and not deployment.ended and deployment.cancel_by is not None:
        parts.append(Note(say("@{} asked to cancel; passed on", view.name_of(deployment.cancel_by))))
    return parts


def _awaiting(deployment: Deployment, view: View, standing: Standing) -> list[Part]:
    """Return what a card says while it waits for approval: the checks, the votes, what comes after."""
    parts: list[Part] = []
    checks = [one for one in deployment.the_plan.verdicts[:-1] if one.rule in _WORTH_SAYING]
    if checks:
        verdicts = "  ".join(f"{'✓' if one.ok else '✗'} {one.rule}: {one.words}" for one in checks)
        parts.append(Note(say("Checks  {}", verdicts)))
    parts.append(Paragraph(_approvals(standing, view.name_of)))
    if deployment.words:
        parts.append(Paragraph(say("*Asked again*: {}; what was approved before is void.", deployment.words)))
    if view.obstacle is not None:
        parts.append(Paragraph(say("Once approved it waits: {}.", view.obstacle.line(view.name_of))))
    return parts


def _through_a_freeze(deployment: Deployment) -> list[Part]:
    """Return the line about a freeze that lets this through, or that refused it."""
    verdict = next((one for one in deployment.the_plan.verdicts if one.rule == FREEZES), None)
    if verdict is None or verdict.words == NOT_FROZEN or not (verdict.ok or deployment.state is State.REFUSED):
        return []
    until = say("Until {}", moment(verdict.until, day=True)) if verdict.until else Markup("It has no end yet")
    return [Note(say("{}. {}", until, sentence(verdict.words)) if verdict.ok else say("{}.", until))]


def _waits_for(view: View) -> Markup:
    if view.obstacle is not None:
        return say("Queued: {}. It starts by itself when that ends.", view.obstacle.line(view.name_of))
    return say("Queued behind {}; it starts by itself.", view.ahead or "another deployment")


def _approvals(standing: Standing, name_of: NameOf) -> Markup:
    approval = standing.approval
    wanted_count = sum(rule.count for rule in approval.rules)
    have = wanted_count - sum(standing.tally.missing)
    given = [say("✓ @{} {}", name_of(cast.person), moment(cast.at)) for cast in approval.approvers]
    counted = joined(", ", given)
    not_counted = [say("@{} ({})", name_of(person), why) for person, why in approval.excluded.items()]
    if approval.excluded_emails:
        not_counted.append(Markup("nor who wrote the commits"))
    excluded = joined(", ", not_counted)
    votes = say(": {}", counted) if given else Markup("")
    until = moment(approval.expires_at, day=True)
    return say(
        "Approvals  {} of {} ({}){} · until {} · not {}",
        have,
        wanted_count,
        wanted(approval.rules),
        votes,
        until,
        excluded,
    )


def _ended(deployment: Deployment) -> Markup:
    words = sentence(deployment.words)
    place = deployment.place
    if deployment.state is State.SUCCEEDED:
        return say("{} runs *{}*. {}", place, deployment.version, words)
    if deployment.state is State.ROLLED_BACK:
        return say(
            "{} runs *{}* again since {}. {}",
            place,
            deployment.previous.name,
            moment(deployment.ended_at or deployment.state_since),
            words,
        )
    if deployment.code:
        return say("{}   ({})", words, deployment.code)
    return say("{}", words)


def _lines(plan: Plan, most: int, *, where: str = "") -> Markup:
    shown = [_line(line.sha, line.title, line.author) for line in plan.lines[:most]]
    more = plan.total - len(shown)
    return joined("\n", [*shown, say("…{} more{}", more, where)] if more > 0 else shown)


def _line(sha: str, title: str, author: str) -> Markup:
    return say("{} {}   {}", code(sha[:7]), _cut(_tame(title), _TITLE), _tame(author))


def _tame(text: str) -> str:
    # Three backticks would make code of all lines that follow, marks of direction would disguise what stands behind.
    return text.replace("```", "'''").translate(_TURNS)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

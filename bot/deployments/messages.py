"""The wording of deployments: the card of each state, and what is told to whom.

The first line says what happened to what; the next move is a button; times are in the reader's zone; nothing is said
by colour or emoji alone; details go to the thread.
"""

from collections.abc import Callable

from msgspec import Struct

from bot.approvals.approvals import Standing
from bot.builds import progress, waiting
from bot.builds.answers import Answer
from bot.deployments import buttons, class_messages, stages
from bot.deployments.approval_messages import because, counted, differing, mention
from bot.deployments.blocks import Block
from bot.deployments.change_reviews import ChangeReview
from bot.deployments.obstacles import Obstacle
from bot.deployments.plan import Plan
from bot.deployments.plan_messages import SHOWN, cut, lines_of, warnings, what_changes
from bot.deployments.reasking import compared
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.identity import Person
from bot.locks.rules import Scope
from bot.policy.rules import FREEZES, NOT_FROZEN
from bot.reply import (
    Buttons,
    Code,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Part,
    moment,
    say,
    sentence,
)

NameOf = Callable[[Person], str]
_WORTH_SAYING = frozenset({"required checks", "promotion order", "locks"})
_WORDS = 300  # of what one rule says
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


class View(Struct, frozen=True, kw_only=True):
    """What a card shows beside the row: names, votes, who is ahead in the queue, the lock or freeze in the way."""

    name_of: NameOf
    standing: Standing | None = None
    ahead: str = ""
    obstacle: Obstacle | None = None
    answered: tuple[Answer, ...] = ()
    review: ChangeReview | None = None
    block: Block | None = None


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
    parts += _skipped(deployment)
    parts += _through_a_freeze(deployment)
    parts += class_messages.lines(deployment, view.review, view.name_of)
    if deployment.parked_at is not None:
        parts.append(Paragraph(say("*Stands still* since {}: {}", moment(deployment.parked_at), deployment.parked_why)))
    frozen = view.obstacle is not None and view.obstacle.freeze is not None
    pressed = (*buttons.of(deployment), *(buttons.through(deployment) if frozen else ()))
    if view.standing is not None and any(not cast.dropped for cast in view.standing.approval.approvers):
        pressed = (*pressed, buttons.to_revoke(deployment))
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


def excerpt(what: str, text: str) -> Message:
    """Return a piece of a run's log for the thread."""
    return Message(summary=f"Log of the {what}", parts=(Note(say("Log of the {}", what)), Code(text.strip("\n"))))


def _skipped(deployment: Deployment) -> list[Part]:
    """Return which deployments this one replaced while they waited."""
    names = deployment.progress.get("skipped")
    return [Note(say("skipped {}", ", ".join(str(one) for one in names)))] if isinstance(names, list) and names else []


def _title(deployment: Deployment) -> Markup:
    return say("{}", deployment.title)


def _status(deployment: Deployment, view: View) -> Note:
    name = view.name_of(deployment.requested_by)
    words = say("{} since {}", stands(deployment), moment(deployment.state_since))
    if deployment.ended:
        words = say("{} · {}", stands(deployment), moment(deployment.ended_at or deployment.state_since))
    asker = say("asked by @{} · {}", name, moment(deployment.created_at, day=True))
    reason = say(" · “{}”", cut(deployment.reason, _REASON)) if deployment.reason else Markup("")
    return Note(say("{} · {}{}", words, asker, reason))


def _change_lines(plan: Plan, deployment: Deployment) -> list[Part]:
    if deployment.plan is None:
        return []
    parts: list[Part] = [Paragraph(what_changes(plan))]
    if plan.lines and deployment.state in {State.PLANNING, State.AWAITING_APPROVAL}:
        parts.append(Paragraph(lines_of(plan, SHOWN, where=" in the thread")))
    return parts + [Paragraph(warning) for warning in warnings(plan)]


def _state_parts(deployment: Deployment, view: View) -> list[Part]:
    state = deployment.state
    parts: list[Part] = []
    if state is State.AWAITING_APPROVAL and view.standing is not None:
        parts += _awaiting(deployment, view, view.standing)
    elif state is State.QUEUED:
        parts.append(Paragraph(_waits_for(view)))
        if view.standing is not None:
            parts.append(Paragraph(counted(view.standing, view.name_of)))
    elif state in {State.PLANNING, State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK, State.INCONCLUSIVE}:
        parts.append(stages.of(deployment))
        parts += waiting.parts(progress.actions(deployment.progress.get("run")))
        if state in {State.ROLLING_BACK, State.INCONCLUSIVE} and deployment.words:
            parts.append(Paragraph(say("{}", sentence(deployment.words))))
    else:
        if deployment.deploy_run:
            parts.append(stages.of(deployment))
        parts.append(Paragraph(_ended(deployment)))
        parts += class_messages.blocked(deployment, view.block, view.name_of)
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
        verdicts = "  ".join(f"{'✓' if one.ok else '✗'} {one.rule}: {cut(one.words, _WORDS)}" for one in checks)
        parts.append(Note(say("Checks  {}", verdicts)))
    parts.append(Paragraph(counted(standing, view.name_of)))
    parts += because(deployment.the_plan)
    if deployment.asked_before is not None:
        parts.append(Paragraph(Markup("*Asked again*: what was approved before is void.")))
        differs = compared(deployment.asked_before, deployment.release, deployment.the_plan)
        parts += differing(deployment, differs)
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

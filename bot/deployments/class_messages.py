"""What is said of changes that went another way than usual: pre-approved, emergencies, forced, and their review."""

from collections.abc import Callable, Sequence

from bot.deployments.approval_messages import mention
from bot.deployments.blocks import Block, bad_release
from bot.deployments.change_reviews import ChangeReview
from bot.deployments.plan import Plan
from bot.deployments.records import Deployment
from bot.identity import Person
from bot.policy.evaluator import EMERGENCY, FORCED, STANDARD
from bot.policy.rules import CLASS
from bot.reply import Button, Buttons, Markup, Message, Note, Paragraph, Part, Reply, joined, moment, say, sentence

NameOf = Callable[[Person], str]


def passed_over(plan: Plan) -> tuple[str, ...]:
    """Return the names of the rules that force passed over."""
    return tuple(verdict.rule for verdict in plan.verdicts if verdict.skipped)


def lines(deployment: Deployment, review: ChangeReview | None, name_of: NameOf) -> list[Part]:
    """Return what a card says of the class of a change; nothing of a normal one."""
    plan = deployment.the_plan
    if plan.change_class == STANDARD:
        words = next((one.words for one in plan.verdicts if one.rule == CLASS), "standard change")
        return [Note(say("{}", sentence(words)))]
    if plan.change_class not in {EMERGENCY, FORCED}:
        return []
    parts: list[Part] = [Paragraph(_head(deployment, plan, name_of))]
    if review is not None:
        parts.append(Note(_stands(review, name_of)))
        if review.open and deployment.ended:
            parts.append(Buttons((_button(deployment),)))
    return parts


def blocked(deployment: Deployment, block: Block | None, name_of: NameOf) -> list[Part]:
    """Return what a card says of a release that was taken back: that it is blocked, or who lifted that and why."""
    bad = bad_release(deployment)
    if bad is None:
        return []
    if block is None or block.lifted_at is None:
        line = say("{} is blocked here until its commits are fixed or reverted. A fix may be deployed.", bad.name)
        return [Paragraph(line)]
    by = say(" by @{}", name_of(block.lifted_by)) if block.lifted_by is not None else Markup("")
    at = moment(block.lifted_at, day=True)
    return [Note(say("{} may come here again{}, since {}: {}", bad.name, by, at, block.lifted_why))]


def loud(deployment: Deployment, review: ChangeReview, name_of: NameOf) -> Message:
    """Return the new message for the channel when such a change starts."""
    head = _head(deployment, deployment.the_plan, name_of)
    line = say("*{}* {}: {} {}", deployment.id, deployment.title, head, _stands(review, name_of))
    what = "forced" if review.change_class == FORCED else "an emergency"
    summary = f"{deployment.id} {deployment.title} is {what} by @{name_of(review.person)}: {review.reason}"
    return Message(summary=summary, parts=(Paragraph(line),))


def reminder(deployment: Deployment, review: ChangeReview, people: Sequence[Person], name_of: NameOf) -> Message:
    """Return the new message that asks once more for a review."""
    who = joined(", ", (mention(person, name_of) for person in people))
    wanted = who or (say("{}", " or ".join(review.groups)) if review.groups else Markup("Somebody"))
    what = "was forced" if review.change_class == FORCED else "was an emergency"
    line = say("{}: *{}* {} {} and nobody has reviewed it yet.", wanted, deployment.id, deployment.title, what)
    summary = f"Review wanted: {deployment.id} {deployment.title} {what}"
    asker, opened = name_of(review.person), moment(review.opened_at, day=True)
    why = Note(say("“{}” · asked by @{} · {}", review.reason, asker, opened))
    return Message(summary=summary, parts=(Paragraph(line), why, Buttons((_button(deployment),))))


def signed(deployment: Deployment) -> Reply:
    """Answer that a review was noted."""
    return Reply(
        summary=f"{deployment.id} is reviewed.",
        parts=(Paragraph(say("*{}* {} is reviewed; its card says by whom.", deployment.id, deployment.title)),),
        subject=deployment.id,
    )


def _head(deployment: Deployment, plan: Plan, name_of: NameOf) -> Markup:
    name = name_of(deployment.requested_by)
    if plan.change_class == EMERGENCY:
        return say("*Emergency*, asked by @{}: “{}”.", name, deployment.reason)
    rules = ", ".join(passed_over(plan)) or "no rule was in the way"
    return say("*Forced* by @{}: “{}”. Passed over: {}.", name, deployment.forced, rules)


def _stands(review: ChangeReview, name_of: NameOf) -> Markup:
    if review.signed_by is not None and review.signed_at is not None:
        note = say(": “{}”", review.note) if review.note else Markup("")
        return say("Reviewed by @{} · {}{}", name_of(review.signed_by), moment(review.signed_at, day=True), note)
    if review.dropped_at is not None:
        return Markup("Nothing was sent, so nobody has to review it.")
    who = f" by {' or '.join(review.groups)}" if review.groups else ""
    return say(
        "To be reviewed{} until {}, not by who asked, wrote or approved it.", who, moment(review.due_at, day=True)
    )


def _button(deployment: Deployment) -> Button:
    return Button(label="Review…", command="review", args={"deployment": deployment.id}, ask=True)

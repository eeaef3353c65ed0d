"""What is said of approvals: who is asked for what, and how the counting stands."""

from collections.abc import Callable, Sequence

from bot.approvals.approvals import Standing
from bot.approvals.records import Approval
from bot.approvals.rules import Rule
from bot.deployments import buttons
from bot.deployments.plan_messages import SHOWN, plan_parts, what_changes
from bot.deployments.records import Deployment
from bot.identity import Person
from bot.reply import Buttons, Markup, Message, Note, Paragraph, Part, joined, moment, say

NameOf = Callable[[Person], str]
_ACCOUNT = "account"


def asked(deployment: Deployment, approval: Approval, approvers: Sequence[Person], name_of: NameOf) -> Message:
    """Return the new message that asks for approval; it mentions who may give it."""
    who = joined(", ", (mention(person, name_of) for person in approvers)) if approvers else Markup("")
    groups = wanted(approval.rules)
    asker = say("@{}", name_of(deployment.requested_by))
    line = say("{} asks for approval of *{}*: {}", asker, deployment.title, groups)
    parts: list[Part] = [Paragraph(say("{}. {}", line, who) if who else line)]
    parts.append(Note(say("{} · until {}", what_changes(deployment.the_plan), moment(approval.expires_at, day=True))))
    parts.append(Buttons(buttons.to_vote(deployment)))
    summary = f"Approval wanted: {deployment.id} {deployment.title}, asked by @{name_of(deployment.requested_by)}"
    return Message(summary=summary, parts=tuple(parts))


def asked_alone(deployment: Deployment, approval: Approval, name_of: NameOf) -> Message:
    """Return the direct message that asks one person for approval."""
    message = asked(deployment, approval, (), name_of)
    return Message(
        summary=message.summary,
        parts=(*message.parts[:-1], *plan_parts(deployment.the_plan, lines=SHOWN)[1:], message.parts[-1]),
    )


def answered(deployment: Deployment, words: str) -> Message:
    """Return what becomes of a message that asked for approval, once that is decided: no buttons any more."""
    line = say("Approval of *{}* ({}): {}", deployment.title, deployment.id, words)
    return Message(summary=f"Approval of {deployment.id} {deployment.title}: {words}", parts=(Paragraph(line),))


def wanted(rules: Sequence[Rule]) -> Markup:
    """Return what approval needs: "1 of release-managers and 1 of owners"."""
    return joined(" and ", (say("{} of {}", rule.count, " or ".join(rule.groups)) for rule in rules))


def counted(standing: Standing, name_of: NameOf) -> Markup:
    """Return how many approvals there are, of whom, until when, and whose never count."""
    approval = standing.approval
    wanted_count = sum(rule.count for rule in approval.rules)
    have = wanted_count - sum(standing.tally.missing)
    given = [say("✓ @{} {}", name_of(cast.person), moment(cast.at)) for cast in approval.approvers]
    not_counted = [say("@{} ({})", name_of(person), why) for person, why in approval.excluded.items()]
    if approval.excluded_emails:
        not_counted.append(Markup("nor who wrote the commits"))
    excluded = joined(", ", not_counted)
    votes = say(": {}", joined(", ", given)) if given else Markup("")
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


def mention(person: Person, name_of: NameOf) -> Markup:
    """Return what notifies a person in a new message; accounts have only a name."""
    return say("@{}", name_of(person)) if person.team == _ACCOUNT else Markup(f"<@{person.user}>")

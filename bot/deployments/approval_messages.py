"""What is said of approvals: who is asked for what, and how the counting stands."""

from collections.abc import Callable, Sequence

from bot.approvals.approvals import Standing
from bot.approvals.records import Approval, Cast
from bot.approvals.rules import Rule, Vote
from bot.deployments import buttons
from bot.deployments.plan import Plan
from bot.deployments.plan_messages import SHOWN, commit_line, cut, plan_parts, some, what_changes
from bot.deployments.reasking import Comparison
from bot.deployments.records import Deployment
from bot.identity import Person
from bot.reply import Buttons, Markup, Message, Note, Paragraph, Part, joined, moment, say, sentence

NameOf = Callable[[Person], str]
_ACCOUNT = "account"
_MENTIONED = 50  # whom one message notifies
_VOTES = 8
_NAMED = 4
_LONG = 200


def asked(
    deployment: Deployment,
    approval: Approval,
    approvers: Sequence[Person],
    name_of: NameOf,
    differs: Comparison | None = None,
    *,
    why: str = "",
) -> Message:
    """Return the new message that asks for approval; it mentions who may give it.

    Where it was asked before it says what differs, or `why` it is asked once more for the same.
    """
    who = some([mention(person, name_of) for person in approvers], _MENTIONED)
    groups = wanted(approval.rules)
    asker = say("@{}", name_of(deployment.requested_by))
    again = " again" if differs is not None or why else ""
    line = say("{} asks{} for approval of *{}*: {}", asker, again, deployment.title, groups)
    parts: list[Part] = [Paragraph(say("{}. {}", line, who) if who else line)]
    if differs is not None:
        parts += differing(deployment, differs)
    elif why:
        parts.append(Paragraph(say("{}", sentence(why))))
    parts.append(Note(say("{} · until {}", what_changes(deployment.the_plan), moment(approval.expires_at, day=True))))
    parts += because(deployment.the_plan)
    parts.append(Buttons(buttons.to_vote(deployment)))
    asked_by = f"{deployment.id} {deployment.title}, asked by @{name_of(deployment.requested_by)}"
    summary = f"Approval wanted{again}: {asked_by}" + (f"; {why or deployment.words}" if again else "")
    return Message(summary=summary, parts=tuple(parts))


def asked_alone(
    deployment: Deployment,
    approval: Approval,
    name_of: NameOf,
    differs: Comparison | None = None,
    *,
    had_approved: bool = False,
) -> Message:
    """Return the direct message that asks one person for approval; who had approved reads that this is void."""
    message = asked(deployment, approval, (), name_of, differs)
    void = (Paragraph(Markup("*Your approval is void.*")),) if had_approved else ()
    return Message(
        summary=message.summary,
        parts=(*void, *message.parts[:-1], *plan_parts(deployment.the_plan, lines=SHOWN)[1:], message.parts[-1]),
    )


def answered(deployment: Deployment, words: str) -> Message:
    """Return what becomes of a message that asked for approval, once that is decided: no buttons any more."""
    line = say("Approval of *{}* ({}): {}", deployment.title, deployment.id, words)
    return Message(summary=f"Approval of {deployment.id} {deployment.title}: {words}", parts=(Paragraph(line),))


def asked_anew(deployment: Deployment, differs: Comparison, *, had_approved: bool) -> Message:
    """Return what who asked for it is told, or who had approved and is not asked now: it is asked again."""
    void = "Your approval is void" if had_approved else "What was approved is void"
    line = say("*{}* {} is asked again. {}.", deployment.id, deployment.title, void)
    summary = f"{deployment.id} {deployment.title} is asked again: {deployment.words}. {void}."
    return Message(summary=summary, parts=(Paragraph(line), *differing(deployment, differs)))


def void_for_good(deployment: Deployment, words: str) -> Message:
    """Return what who had approved is told where nothing is asked again."""
    line = say("Your approval of *{}* ({}) is void, and it has ended: {}", deployment.title, deployment.id, words)
    return Message(summary=f"Your approval of {deployment.id} is void: {words}", parts=(Paragraph(line),))


def reminded(deployment: Deployment, standing: Standing, name_of: NameOf) -> Message:
    """Return the one reminder for who may still approve and has not."""
    approval, missing = standing.approval, sum(standing.tally.missing)
    asker = name_of(deployment.requested_by)
    more = "approval is" if missing == 1 else "approvals are"
    line = say("*{}* {} still waits: {} more {} needed, ", deployment.id, deployment.title, missing, more)
    until = say("until {} · asked by @{}", moment(approval.expires_at, day=True), asker)
    return Message(
        summary=f"Still waits for approval: {deployment.id} {deployment.title}, asked by @{asker}",
        parts=(Paragraph(line + until), Buttons(buttons.to_vote(deployment))),
    )


def differing(deployment: Deployment, differs: Comparison) -> list[Part]:
    """Return why it is asked again, and what differs from what was asked before: each from → to, and the commits."""
    lines = [say("*What changed*: {}.", deployment.words.rstrip("."))]
    lines += [say("• {}: {} → *{}*", one.what, cut(one.was, _LONG), cut(one.now, _LONG)) for one in differs.differences]
    for sign, commits in (("in:", differs.added), ("out:", differs.removed)):
        lines += [say("{} {}", sign, commit_line(one)) for one in commits[:SHOWN]]
        if len(commits) > SHOWN:
            lines.append(say("{} {} more", sign, len(commits) - SHOWN))
    return [Paragraph(joined("\n", lines))]


def wanted(rules: Sequence[Rule]) -> Markup:
    """Return what approval needs: "1 of release-managers and 1 of owners"."""
    each = [
        say("{} of {}", rule.count, some([say("{}", one) for one in rule.groups], _NAMED, " or ")) for rule in rules
    ]
    return some(each, _NAMED, " and ")


def because(plan: Plan) -> list[Part]:
    """Return why groups are asked that are not asked about every change."""
    special = [(some([say("{}", one) for one in ask.groups], _NAMED, " or "), ask.why) for ask in plan.asks if ask.why]
    whys = [say("{} is asked because {}", groups, cut(why, _LONG)) for groups, why in special]
    return [Note(some(whys, _NAMED, " · "))] if whys else []


def counted(standing: Standing, name_of: NameOf) -> Markup:
    """Return how many approvals there are, of whom, until when, and whose never count."""
    approval = standing.approval
    wanted_count = sum(rule.count for rule in approval.rules)
    have = wanted_count - sum(standing.tally.missing)
    given = [
        say("✓ @{}{} {}", name_of(cast.person), _for(cast, name_of), moment(cast.at))
        for cast in approval.approvers
        if not cast.dropped
    ]
    gone = [
        say("@{} is not counted any more: {}", name_of(cast.person), cast.dropped)
        for cast in approval.approvers
        if cast.dropped
    ]
    gone += [
        say("@{} took theirs back {}", name_of(cast.person), moment(cast.at))
        for cast in approval.votes
        if cast.vote is Vote.REVOKE
    ]
    not_counted = [say("@{} ({})", name_of(person), why) for person, why in approval.excluded.items()]
    if approval.excluded_emails:
        not_counted.append(Markup("nor who wrote the commits"))
    excluded = some(not_counted, _NAMED)
    votes = say(": {}", some(given, _VOTES)) if given else Markup("")
    until = moment(approval.expires_at, day=True)
    return say(
        "Approvals  {} of {} ({}){} · until {} · not {}{}",
        have,
        wanted_count,
        wanted(approval.rules),
        votes,
        until,
        excluded,
        say("\n{}", some(gone, _VOTES, "\n")) if gone else Markup(""),
    )


def _for(cast: Cast, name_of: NameOf) -> Markup:
    return Markup("") if cast.principal is None else say(" for @{}", name_of(cast.principal))


def mention(person: Person, name_of: NameOf) -> Markup:
    """Return what notifies a person in a new message; accounts have only a name."""
    return say("@{}", name_of(person)) if person.team == _ACCOUNT else Markup(f"<@{person.user}>")

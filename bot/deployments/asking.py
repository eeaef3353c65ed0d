"""Asking for approval, and asking again when what was read is not what would happen any more."""

from collections.abc import Sequence

from msgspec.structs import replace

from bot.approvals.approvals import Standing
from bot.approvals.records import Approval, get as approval_of
from bot.approvals.rules import Rule
from bot.deployments import approval_messages, places, records
from bot.deployments.ledger import PLAN, Book, Said
from bot.deployments.reasking import MOST_MOVES, Before, Comparison, compared
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.deployments.wishes import Moved, Survey
from bot.identity import Person
from bot.policy.evaluator import EMERGENCY, FORCED
from bot.signin.rules import why_bound
from bot.slack.notice import About
from bot.store.starts import want

ASKED_BY_MESSAGE = 10


def rules_of(survey: Survey) -> tuple[Rule, ...]:
    """Return the approval rules of a plan."""
    return tuple(Rule(ask.count, ask.groups) for ask in survey.plan.asks)


def urgent_for(deployment: Deployment) -> bool:
    """Tell whether whoever is asked for approval is told now, whatever they want: in an emergency."""
    return deployment.the_plan.change_class in {EMERGENCY, FORCED}


async def ask(book: Book, deployment: Deployment, survey: Survey, approvers: tuple[Person, ...]) -> None:
    """Open the request for approval of a plan, and tell who may give it by new messages: edits notify nobody.

    Where it was asked before, all of them say what differs, and who had approved is told that this is void.
    """
    parts, now = book.parts, book.parts.clock.now()
    environment = parts.catalog().environment(deployment.place)
    lasts = environment.approval_expires
    approval = Approval(
        id=deployment.approval_id,
        subject=deployment.id,
        digest=survey.plan_digest,
        rules=rules_of(survey),
        requester=deployment.requested_by,
        expires_at=now + lasts,
        opened_at=now,
        remind_at=now + (environment.approval_reminder or lasts / 2),
        excluded={deployment.requested_by: "asked for it"},
        excluded_emails=dict.fromkeys(survey.plan.emails, "wrote it"),
        bound=why_bound(
            environment.sign_in_for,
            required=environment.sign_in_required,
            risks={
                "production_like": environment.production_like,
                "irreversible": bool(survey.plan.irreversible),
                "emergency": deployment.change_class == "emergency",
                "forced": bool(deployment.forced),
            },
        ),
    )
    await parts.approvals.open(book.tx, approval)
    moved = await book.move(
        deployment.id, State.AWAITING_APPROVAL, Said(text="waits for approval"), at=[State.PLANNING]
    )
    if moved is None:
        return
    before = moved.asked_before
    differs = None if before is None else compared(before, moved.release, moved.the_plan)
    if before is not None and differs is not None:
        await _tell_void(book, moved, before, differs, without=approvers[:ASKED_BY_MESSAGE])
    asked = approval_messages.asked(moved, approval, approvers, parts.name_of, differs)
    if moved.channel is not None:
        key = f"{moved.id}/ask/{moved.generation}"
        await parts.outbox.post(
            book.tx, key, moved.channel, asked, in_thread_of=moved.id, also_to_channel=True, urgent=True
        )
    had = () if before is None else before.approvers
    for person in approvers[:ASKED_BY_MESSAGE]:
        key = f"{moved.id}/ask/{moved.generation}/{person.key}"
        told = approval_messages.asked_alone(moved, approval, parts.name_of, differs, had_approved=person in had)
        about = About.MENTIONS if person in had else About.APPROVALS  # that theirs is void does not wait for others
        await parts.outbox.direct(book.tx, key, person, told, subject=moved.id, about=about, urgent=urgent_for(moved))


async def asked_over(book: Book, deployment: Deployment, standing: Standing, why: str) -> None:
    """Ask for approval of the same plan again, by new messages, because one that was given does not count any more."""
    approval, people, parts = standing.approval, tuple(standing.could), book.parts
    key = f"{deployment.id}/ask/{deployment.generation}"
    await parts.outbox.amend(book.tx, key, approval_messages.answered(deployment, why))
    key = f"{key}/{int(approval.opened_at.timestamp() * 1e6)}"
    if deployment.channel is not None:
        asked = approval_messages.asked(deployment, approval, people, parts.name_of, why=why)
        await parts.outbox.post(
            book.tx, key, deployment.channel, asked, in_thread_of=deployment.id, also_to_channel=True, urgent=True
        )
    for person in people:
        told = approval_messages.asked(deployment, approval, (), parts.name_of, why=why)
        await parts.outbox.direct(
            book.tx,
            f"{key}/{person.key}",
            person,
            told,
            subject=deployment.id,
            about=About.APPROVALS,
            urgent=urgent_for(deployment),
        )


async def ask_again(book: Book, deployment: Deployment, moved: Moved) -> Deployment | None:
    """Void what was approved, give the claim back and plan anew, for another commit where the ref names one now.

    A ref that has moved too often ends the deployment instead.
    """
    approval = await approval_of(book.tx.conn, deployment.approval_id)
    given = () if approval is None else tuple(cast.person for cast in approval.approvers if not cast.dropped)
    before = _before(deployment, given, followed=moved.release is not None)
    if before.moves > MOST_MOVES:
        text = f"{moved.text}, once more; ask for a tag or a commit instead"
        ended = await book.end(deployment, State.VOID, Said(text=text, code=moved.code))
        if ended is not None:
            await tell_ended(book, replace(ended, before=before.to_json()), text)
        return None
    await book.parts.approvals.void(book.tx, deployment.id, moved.text)
    await places.hold(book.tx, deployment.place)
    generation = deployment.generation + 1
    values: dict[str, object] = {"generation": generation, "words": moved.text, "before": before.to_json()}
    if moved.release is not None:
        values |= _of_release(moved)
    said = Said(text=moved.text, code=moved.code)
    again = await book.move(deployment.id, State.PLANNING, said, at=[State.DEPLOYING], sent_at=None, **values)
    if again is None:
        return None
    key = f"{again.id}/plan/{generation}/{again.attempt}"
    await want(book.tx, key, PLAN, again.id, generation, again.attempt)
    book.enter(
        again,
        "deployment.asked_again",
        "void",
        said,
        plan=before.plan_digest,
        was=before.release.sha,
        approved_by=list(before.approved_by),
    )
    await book.free(deployment)
    return again


async def tell_ended(book: Book, deployment: Deployment, words: str) -> None:
    """Tell who had approved that this is void, where nothing is asked again."""
    before = deployment.asked_before
    if before is None:
        return
    for person in before.approvers:
        told = approval_messages.void_for_good(deployment, words)
        key = f"{deployment.id}/void/{deployment.generation}/{person.key}"
        await book.parts.outbox.direct(book.tx, key, person, told, subject=deployment.id)


async def _tell_void(
    book: Book, deployment: Deployment, before: Before, differs: Comparison, *, without: Sequence[Person]
) -> None:
    """Tell who had approved and is not asked now, and who asked for it; have the old questions say that it is over."""
    old = f"{deployment.id}/ask/{before.generation}"
    await book.parts.outbox.amend(book.tx, old, approval_messages.answered(deployment, f"void: {deployment.words}"))
    people = [person for person in before.approvers if person not in without]
    if deployment.requested_by.team != "account":
        people.append(deployment.requested_by)
    for person in dict.fromkeys(people):
        mine = person in before.approvers
        told = approval_messages.asked_anew(deployment, differs, had_approved=mine)
        key = f"{deployment.id}/void/{deployment.generation}/{person.key}"
        await book.parts.outbox.direct(book.tx, key, person, told, subject=deployment.id)
    await records.note(
        book.tx,
        deployment.id,
        "asked_again",
        "; ".join(str(one) for one in differs.differences) or deployment.words,
        at=book.parts.clock.now(),
    )


def _before(deployment: Deployment, approved_by: Sequence[Person], *, followed: bool) -> Before:
    plan, earlier = deployment.the_plan, deployment.asked_before
    return Before(
        generation=deployment.generation,
        plan_digest=deployment.plan_digest,
        release=deployment.release,
        base=plan.base,
        asks=plan.asks,
        lines=plan.lines,
        added=plan.added,
        total=plan.total,
        irreversible=plan.irreversible,
        approved_by=tuple(person.key for person in approved_by),
        moves=(0 if earlier is None else earlier.moves) + followed,
    )


def _of_release(moved: Moved) -> dict[str, object]:
    """Return the columns of a deployment that follows its ref: it is built and planned as a new one would be."""
    release = moved.release
    if release is None:
        return {}
    return {
        "sha": release.sha,
        "version": release.version,
        "artifact": release.artifact,
        "digest": release.digest,
        "build_run": "",
        "plan": None,
        "plan_digest": "",
        "progress": {},
    }

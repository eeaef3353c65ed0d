"""`Reviewing`: what was forced, or an emergency, is told loudly when it starts, and looked at afterwards."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals import records as approvals
from bot.command import Call
from bot.deployments import change_reviews, class_messages, records
from bot.deployments.change_reviews import ChangeReview
from bot.deployments.ledger import Book, Ledger, Said
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.errors import BadInput, Refused, UserError
from bot.identity import Person
from bot.permissions import MembershipUnreadable
from bot.policy.classes import review_due
from bot.policy.evaluator import EMERGENCY, FORCED
from bot.policy.policy import ReviewBy
from bot.reply import Reply
from bot.store import Tx
from bot.store.starts import want

REMIND = "deployment.review.v1"
_MENTIONED = 5


class Reviewing:
    """Opens reviews, reminds of them, and takes the word of whoever looked."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def begun(self, book: Book, deployment: Deployment) -> None:
        """Have a review wanted of a deployment that starts another way than usual, and tell the channel; once."""
        plan, now = deployment.the_plan, self._parts.clock.now()
        if plan.change_class not in {EMERGENCY, FORCED}:
            return
        by = self._review_by(deployment)
        reason = deployment.forced if plan.change_class == FORCED else deployment.reason
        review = ChangeReview(
            deployment=deployment.id,
            change_class=plan.change_class,
            person=deployment.requested_by,
            reason=reason,
            skipped=class_messages.passed_over(plan),
            groups=by.groups,
            opened_at=now,
            due_at=review_due(now, hour=by.hour, timezone=by.timezone),
        )
        if not await change_reviews.add(book.tx, review):
            return
        await want(book.tx, f"{deployment.id}/review/1", REMIND, deployment.id, 1, at=review.due_at)
        said = Said(text=reason, person=deployment.requested_by, request_id=deployment.request_id)
        book.enter(deployment, f"deployment.{plan.change_class}", "allowed", said, skipped=list(review.skipped))
        await records.note(book.tx, deployment.id, plan.change_class, reason, at=now, person=deployment.requested_by)
        if deployment.channel is not None:
            await self._parts.outbox.post(
                book.tx,
                f"{deployment.id}/{plan.change_class}",
                deployment.channel,
                class_messages.loud(deployment, review, self._parts.name_of),
                in_thread_of=deployment.id,
                also_to_channel=True,
                urgent=True,
            )
        await book.show(deployment, urgent=True)

    async def ended(self, tx: Tx, deployment: Deployment) -> None:
        """Want no review of what ended before anything was sent."""
        if deployment.state in {State.VOID, State.CANCELLED} and not deployment.deploy_run:
            await change_reviews.drop(tx, deployment.id, at=self._parts.clock.now())

    async def sign(self, call: Call, deployment_id: str, note: str) -> Reply:
        """Note that somebody looked at it who neither asked for it, nor wrote or approved any of it.

        Raises:
            BadInput: there is no such deployment (`unknown_deployment`).
            Refused: it needs no review (`no_review`), has had one (`reviewed`), goes on still (`under_way`), or this
                person took part in it (`not_by_you`).
        """
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None:
                raise BadInput("unknown_deployment", f"There is no deployment {deployment_id}. /deploys lists them.")
            review = await change_reviews.get(tx.conn, deployment.id)
            if review is None or review.dropped_at is not None:
                raise Refused("no_review", f"{deployment.id} needs no review: only emergencies and what was forced do.")
            if review.signed_by == call.person:
                return class_messages.signed(deployment)
            if not deployment.ended:
                raise Refused("under_way", f"{deployment.id} goes on still. Review it when it has ended.")
            took_part = await self._part_in(tx.conn, deployment, call.person)
            if took_part:
                raise Refused("not_by_you", f"{deployment.id} is not reviewed by you: who {took_part} it cannot.")
            now = self._parts.clock.now()
            if not await change_reviews.sign(tx, deployment.id, by=call.person, at=now, note=note):
                now_signed = await change_reviews.get(tx.conn, deployment.id) or review
                name = self._parts.name_of(now_signed.signed_by or call.person)
                raise Refused("reviewed", f"{deployment.id} has been reviewed by @{name} already.")
            said = Said(text=note or "reviewed", person=call.person, request_id=call.request_id)
            book.enter(deployment, "deployment.review", "signed", said, change_class=review.change_class)
            await records.note(tx, deployment.id, "reviewed", said.text, at=now, person=call.person)
            await book.show(deployment, urgent=True)
            return class_messages.signed(deployment)

    async def waiting(self) -> Sequence[Deployment]:
        """Return what is to be reviewed, the longest due first."""
        async with self._parts.store.read() as conn:
            wanted = await change_reviews.waiting(conn)
            found = [await records.get(conn, one.deployment) for one in wanted]
        return [one for one in found if one is not None]

    async def remind(self, deployment_id: str, number: int) -> None:
        """Remind of a review for the `number`th time, and again on the next working day; not once it is done."""
        async with self._parts.store.read() as conn:
            review = await change_reviews.get(conn, deployment_id)
        if review is None or not review.open or review.nags >= number:
            return
        people = await self._reviewers(review)
        async with self._parts.store.write() as tx:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None:
                return
            by = self._review_by(deployment)
            due = review_due(self._parts.clock.now(), hour=by.hour, timezone=by.timezone)
            if not await change_reviews.nag(tx, deployment_id, number, due=due):
                return
            await want(tx, f"{deployment_id}/review/{number + 1}", REMIND, deployment_id, number + 1, at=due)
            if deployment.channel is not None:
                message = class_messages.reminder(deployment, review, people, self._parts.name_of)
                key = f"{deployment_id}/review/{number}"
                await self._parts.outbox.post(
                    tx, key, deployment.channel, message, in_thread_of=deployment_id, also_to_channel=True
                )

    async def _part_in(self, conn: AsyncConnection, deployment: Deployment, person: Person) -> str:
        """Return what a person did for a deployment, "" where they took no part."""
        if person in {deployment.requested_by, deployment.rollback_by}:
            return "asked for"
        if person in await approvals.approvers_of(conn, deployment.id):
            return "approved"
        wrote = self._parts.permissions.emails_of(person) & set(deployment.the_facts.emails)
        return "wrote" if wrote else ""

    async def _reviewers(self, review: ChangeReview) -> tuple[Person, ...]:
        found: set[Person] = set()
        for group in review.groups:
            try:
                found |= await self._parts.permissions.members(group)
            except MembershipUnreadable:
                continue
        return tuple(sorted(found - {review.person}))[:_MENTIONED]

    def _review_by(self, deployment: Deployment) -> ReviewBy:
        try:
            return self._parts.catalog().environment(deployment.place).policy.review
        except UserError:
            return ReviewBy()  # not in the catalog any more: it is reviewed all the same

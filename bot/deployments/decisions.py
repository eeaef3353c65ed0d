"""`Decisions`: what people decide about a deployment under way: approve, reject, cancel, keep, try again."""

from collections.abc import Sequence

from pydantic import JsonValue

from bot.approvals.approvals import Ballot, Standing
from bot.approvals.rules import State as ApprovalState, Vote
from bot.command import Call
from bot.deployments import approval_messages, places, records, replies
from bot.deployments.asking import asked_over, urgent_for
from bot.deployments.ledger import EXECUTE, PLAN, ROLL_BACK, Book, Ledger, Said
from bot.deployments.records import Deployment, deployments
from bot.deployments.rules import State
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.reply import Reply
from bot.slack.notice import About
from bot.store import Tx
from bot.store.starts import want


class Decisions:
    """Each is one transaction; of racing clicks one wins, the others are told what became of it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def get(self, deployment_id: str) -> Deployment:
        """Return a deployment. Raises: BadInput (`unknown_deployment`)."""
        async with self._parts.store.read() as conn:
            deployment = await records.get(conn, deployment_id)
        if deployment is None:
            raise BadInput("unknown_deployment", f"There is no deployment {deployment_id}. /deploys lists them.")
        return deployment

    async def vote(self, call: Call, deployment_id: str, vote: Vote, *, digest: str = "", reason: str = "") -> Reply:
        """Count an approval or rejection; `digest` names the plan that was read.

        Raises:
            Refused: it does not wait for approval, the card is old, or this person may not.
        """
        deployment = await self.get(deployment_id)
        if deployment.state is State.AWAITING_APPROVAL and digest and digest != deployment.plan_digest:
            raise replies.stale_card(deployment)
        if deployment.state is not State.AWAITING_APPROVAL and not await self._voted(call, deployment, vote):
            raise replies.not_waiting(deployment)
        ballot = Ballot(
            approval_id=deployment.approval_id,
            person=call.person,
            vote=vote,
            reason=reason,
            digest=digest,
            request_id=call.request_id,
        )
        standing = await self._parts.approvals.vote(ballot)
        return replies.voted(await self.get(deployment_id), standing, vote)

    async def revoke(self, call: Call, deployment_id: str, reason: str = "") -> Reply:
        """Take one's approval back, as long as nothing was sent.

        Raises:
            Refused: there is none of this person, or it is too late (`nothing_to_revoke`, `too_late_to_revoke`).
        """
        deployment = await self.get(deployment_id)
        if deployment.state not in {State.AWAITING_APPROVAL, State.QUEUED, State.DEPLOYING}:
            raise replies.too_late_to_revoke(deployment)
        ballot = Ballot(
            approval_id=deployment.approval_id,
            person=call.person,
            vote=Vote.REVOKE,
            reason=reason,
            request_id=call.request_id,
        )
        standing = await self._parts.approvals.revoke(ballot)
        return replies.revoked(await self.get(deployment_id), standing)

    async def on_remind(self, tx: Tx, standing: Standing, people: Sequence[Person]) -> None:
        """Remind, once, those who may still approve."""
        deployment = await records.get(tx.conn, standing.approval.subject)
        if deployment is None or deployment.approval_id != standing.approval.id:
            return
        for person in people:
            key = f"{deployment.id}/ask/{deployment.generation}/{person.key}/again"
            message = approval_messages.reminded(deployment, standing, self._parts.name_of)
            await self._parts.outbox.direct(
                tx,
                key,
                person,
                message,
                subject=deployment.id,
                about=About.REMINDERS,
                urgent=urgent_for(deployment),
            )

    async def on_approval(self, tx: Tx, standing: Standing, ballot: Ballot | None) -> None:
        """Let a deployment go on, or end it, in the transaction of the vote or expiry that decided."""
        approval = standing.approval
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, approval.subject)
            if deployment is None or deployment.approval_id != approval.id:
                return
            if ballot is not None:
                self._note_vote(book, deployment, standing, ballot)
            for person, why in standing.dropped.items():
                said = Said(text=f"the approval of @{self._parts.name_of(person)} is not counted any more: {why}")
                book.enter(deployment, "deployment.vote.dropped", "dropped", said, person=person.key)
            if standing.reopened:
                await self._reopened(book, deployment, standing, ballot)
            elif approval.state is ApprovalState.APPROVED and deployment.state is not State.AWAITING_APPROVAL:
                await book.show(deployment, urgent=True)  # taken back or dropped, and those of others suffice
            elif approval.state is ApprovalState.APPROVED:
                counted = [cast for cast in approval.approvers if not cast.dropped]
                names = ", ".join(f"@{self._parts.name_of(cast.person)}" for cast in counted)
                await book.claim_or_queue(deployment, _said(f"approved by {names}", ballot))
                await book.answered(deployment, f"approved by {names}")
            elif approval.state is ApprovalState.REJECTED:
                name = self._parts.name_of(approval.decided_by) if approval.decided_by else "somebody"
                said = _said(f"rejected by @{name}: {approval.reason}", ballot, code="rejected")
                await book.end(deployment, State.REJECTED, said)
                await book.answered(deployment, said.text)
            elif approval.state is ApprovalState.EXPIRED:
                said = _said("nobody approved it in time", None, code="expired")
                await book.end(deployment, State.EXPIRED, said)
                await book.answered(deployment, said.text)
            else:
                await book.show(deployment, urgent=True)

    async def _reopened(self, book: Book, deployment: Deployment, standing: Standing, ballot: Ballot | None) -> None:
        """Have it wait for approval again: of this and its start in the same moment, one wins."""
        names = [self._parts.name_of(person) for person in standing.dropped]
        if ballot is not None:
            said = _said(f"@{self._parts.name_of(ballot.person)} took their approval back", ballot)
        else:
            said = Said(text=f"waits for approval again: that of @{', @'.join(names)} is not counted any more")
        await places.hold(book.tx, deployment.place)
        unsent = deployments.c.sent_at.is_(None)
        states = [State.QUEUED, State.DEPLOYING]
        if await records.change(book.tx, deployment.id, states, unsent, queued_at=None) is None:
            raise replies.too_late_to_revoke(deployment)
        moved = await book.move(deployment.id, State.AWAITING_APPROVAL, said, at=states)
        if moved is None:
            raise replies.raced(deployment)
        await book.free(deployment)
        await asked_over(book, moved, standing, said.text)

    async def cancel(self, call: Call, deployment_id: str) -> Reply:
        """End a deployment that waits, or pass the wish on to the run under way.

        Raises:
            Refused: it has ended (`ended`), or runs already (`too_late_to_cancel`).
        """
        now = self._parts.clock.now()
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            deployment = await self._in(tx, deployment_id)
            said = Said(
                text=f"cancelled by @{self._parts.name_of(call.person)}",
                person=call.person,
                code="cancelled",
                request_id=call.request_id,
            )
            if deployment.cancel_by == call.person and not deployment.ended:
                return replies.cancelling(deployment)
            if deployment.state in {State.AWAITING_APPROVAL, State.QUEUED}:
                ended = await book.end(
                    deployment, State.CANCELLED, said, at=[deployment.state], cancel_by=call.person, cancel_at=now
                )
                if ended is None:
                    raise replies.raced(deployment)
                return replies.cancelled(ended)
            if deployment.state not in {State.PLANNING, State.DEPLOYING}:
                raise replies.not_cancellable(deployment)
            marked = await book.change(deployment, cancel_by=call.person, cancel_at=now)
            if marked is None:
                raise replies.raced(deployment)
            book.enter(marked, "deployment.cancel", "asked", said)
            await records.note(tx, marked.id, "cancel", "asked to cancel", at=now, person=call.person)
            if marked.parked_at is not None:
                await self._go_on(book, marked)
            tx.after_commit(self._parts.watch.wake_all)
            return replies.cancelling(marked)

    async def keep(self, call: Call, deployment_id: str) -> Reply:
        """Keep a release that could not be verified. Raises: Refused (`not_inconclusive`)."""
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            deployment = await self._in(tx, deployment_id)
            name = self._parts.name_of(call.person)
            said = Said(text=f"kept by @{name}, not verified", person=call.person, request_id=call.request_id)
            kept = await book.end(
                deployment, State.SUCCEEDED, said, at=[State.INCONCLUSIVE], running=deployment.release
            )
            if kept is None:
                if deployment.state is State.SUCCEEDED:
                    return replies.kept(deployment)
                raise Refused(
                    "not_inconclusive", f"{deployment.id} is not waiting for this: it {replies.now_words(deployment)}."
                )
            return replies.kept(kept)

    async def retry(self, call: Call, deployment_id: str) -> Reply:
        """Let work that stands still go on from where it stands. Raises: Refused (`not_parked`)."""
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            deployment = await self._in(tx, deployment_id)
            said = Said(text="tried again", person=call.person, request_id=call.request_id)
            if deployment.parked_at is None:
                raise Refused(
                    "not_parked", f"{deployment.id} does not stand still: it {replies.now_words(deployment)}."
                )
            if not await self._go_on(book, deployment):
                raise replies.raced(deployment)
            book.enter(deployment, "deployment.retry", "started", said)
            now = self._parts.clock.now()
            await records.note(tx, deployment.id, "retry", said.text, at=now, person=call.person)
            return replies.retried(deployment)

    async def _go_on(self, book: Book, deployment: Deployment) -> bool:
        attempt = deployment.attempt + 1
        same = deployments.c.attempt == deployment.attempt
        again = await records.change(
            book.tx, deployment.id, [deployment.state], same, attempt=attempt, parked_why="", parked_at=None
        )
        if again is None:
            return False
        await want_for(book.tx, again)
        await book.show(again, urgent=True)
        return True

    def _note_vote(self, book: Book, deployment: Deployment, standing: Standing, ballot: Ballot) -> None:
        said = Said(text=ballot.reason or ballot.vote.value, person=ballot.person, request_id=ballot.request_id)
        approval = standing.approval
        book.enter(
            deployment,
            f"deployment.vote.{ballot.vote.value}",
            "counted",
            said,
            plan=approval.digest,
            missing=sum(standing.tally.missing),
            **_for(standing, ballot),
            **({"signed_in": dict[str, JsonValue](ballot.proof.plain())} if ballot.proof else {}),
        )

    async def _voted(self, call: Call, deployment: Deployment, vote: Vote) -> bool:
        async with self._parts.store.read() as conn:
            standing = await self._parts.approvals.get(conn, deployment.approval_id)
        if standing is None:
            return False
        return any(cast.person == call.person and cast.vote is vote for cast in standing.approval.votes)

    async def _in(self, tx: Tx, deployment_id: str) -> Deployment:
        deployment = await records.get(tx.conn, deployment_id)
        if deployment is None:
            raise BadInput("unknown_deployment", f"There is no deployment {deployment_id}. /deploys lists them.")
        return deployment


def _for(standing: Standing, ballot: Ballot) -> dict[str, str]:
    """Return whose right was used, where it was lent."""
    cast = next((one for one in standing.approval.votes if one.person == ballot.person), None)
    return {} if cast is None or cast.principal is None else {"for": cast.principal.key}


async def want_for(tx: Tx, deployment: Deployment) -> None:
    """Have the workflow wanted that a deployment in this state needs; wanting it twice changes nothing."""
    one, attempt = deployment.id, deployment.attempt
    if deployment.state is State.PLANNING:
        generation = deployment.generation
        await want(tx, f"{one}/plan/{generation}/{attempt}", PLAN, one, generation, attempt)
    elif deployment.state in {State.DEPLOYING, State.VERIFYING}:
        await want(tx, f"{one}/execute/{deployment.fence}/{attempt}", EXECUTE, one, deployment.fence, attempt)
    elif deployment.state is State.ROLLING_BACK:
        await want(tx, f"{one}/rollback/{deployment.fence}/{attempt}", ROLL_BACK, one, deployment.fence, attempt)


def _said(text: str, ballot: Ballot | None, code: str = "") -> Said:
    if ballot is None:
        return Said(text=text, code=code)
    return Said(text=text, code=code, person=ballot.person, request_id=ballot.request_id, urgent=True)

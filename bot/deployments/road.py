"""The transactions of the road: each is one step of a workflow, and commits together with its checkpoint.

Every one asks the row first and changes nothing when the deployment is no longer where the workflow thinks it is:
somebody cancelled it, or a newer workflow took over.
"""

from enum import StrEnum

from msgspec import Struct

from bot.deployments import messages, plan_messages, records
from bot.deployments.asking import ask, ask_again, tell_ended
from bot.deployments.effects import RunEnd, looks_wanted
from bot.deployments.ledger import Book, Ledger, Said
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State, may_roll_back_itself
from bot.deployments.verification import Outcome
from bot.deployments.wishes import Moved, Survey
from bot.errors import UserError
from bot.identity import Person
from bot.store import Tx


class Leg(Struct, frozen=True):
    """Where a workflow stands when it begins or goes on: the state, and runs that were started before."""

    state: State
    build_run: str = ""
    deploy_run: str = ""
    rollback_run: str = ""
    wants_build: bool = False
    looks: int = 0
    failures_allowed: int = 0
    pause: float = 0.0
    settle: float = 0.0


class Next(StrEnum):
    """What follows the last look before something is sent."""

    GO = "go"
    REPLAN = "replan"
    STOP = "stop"


class Road:
    """What the workflows write."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def begin_plan(self, tx: Tx, deployment_id: str, generation: int, attempt: int) -> Leg | None:
        """Return where planning stands, None when there is nothing to plan any more."""
        deployment = await records.get(tx.conn, deployment_id)
        if deployment is None or deployment.state is not State.PLANNING:
            return None
        if (deployment.generation, deployment.attempt) != (generation, attempt):
            return None
        service = self._parts.catalog().service(deployment.service)
        wanted = service.build is not None and deployment.kind is Kind.DEPLOY and not deployment.digest
        return Leg(state=State.PLANNING, build_run=deployment.build_run, wants_build=wanted)

    async def note_run(self, tx: Tx, deployment_id: str, what: str, ref: str) -> None:
        """Write the reference of a run that was started."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or deployment.ended:
                return
            now = self._parts.clock.now()
            values: dict[str, object] = {f"{what}_run": ref}
            if what == "deploy" and deployment.started_at is None:
                values["started_at"] = now
            await book.change(deployment, **values)

    async def built(self, tx: Tx, deployment_id: str, end: RunEnd) -> bool:
        """Note what a build made; answer whether planning goes on."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or deployment.state is not State.PLANNING:
                return False
            if deployment.cancel_at is not None:
                said = Said(text="cancelled while it was built", person=deployment.cancel_by, code="cancelled")
                await book.end(deployment, State.CANCELLED, said)
                return False
            if not end.succeeded:
                said = Said(text=f"the build failed: {end.words or end.state}", code="build_failed")
                await book.end(deployment, State.FAILED, said)
                return False
            kept = await book.change(deployment, artifact=end.artifact, digest=end.digest)
            return kept is not None

    async def planned(
        self, tx: Tx, deployment_id: str, generation: int, survey: Survey, approvers: tuple[Person, ...]
    ) -> None:
        """Write the plan, then refuse, ask for approval, queue, or start."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or (deployment.state, deployment.generation) != (State.PLANNING, generation):
                return
            if deployment.cancel_at is not None:
                said = Said(text="cancelled while it was planned", person=deployment.cancel_by, code="cancelled")
                await book.end(deployment, State.CANCELLED, said)
                return
            refusal = survey.plan.refused(patient=deployment.patient)
            if refusal is not None:
                again = f"{deployment.words}; " if deployment.before is not None else ""
                said = Said(text=f"{again}{refusal.words}", code=refusal.code)
                await book.end(deployment, State.REFUSED, said, plan=survey.plan.to_json())
                await tell_ended(book, deployment, said.text)
                return
            written = await records.change(tx, deployment.id, [State.PLANNING], **_planned(survey))
            if written is None:
                return
            await self._tell_the_plan(tx, written)
            if survey.plan.asks:
                await ask(book, written, survey, approvers)
            else:
                await book.claim_or_queue(written, Said(text="no approval is needed"))

    async def begin_execution(self, tx: Tx, deployment_id: str, fence: int, attempt: int) -> Leg | None:
        """Return where the execution stands, None when this claim is no longer the newest."""
        deployment = await records.get(tx.conn, deployment_id)
        if deployment is None or (deployment.fence, deployment.attempt) != (fence, attempt):
            return None
        if deployment.state not in {State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK}:
            return None
        return self._leg(deployment)

    async def checked(self, tx: Tx, deployment_id: str, fence: int, moved: Moved | None) -> Next:
        """Decide, just before something is sent, whether what was planned still holds.

        Where people approved the plan, a plan that moved is void and asked again; where nobody had to, it is made
        anew under the claim that is held.
        """
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or (deployment.state, deployment.fence) != (State.DEPLOYING, fence):
                return Next.STOP
            if deployment.cancel_at is not None:
                said = Said(text="cancelled before it began", person=deployment.cancel_by, code="cancelled")
                await book.end(deployment, State.CANCELLED, said)
                return Next.STOP
            if moved is not None and moved.gone:
                await book.end(deployment, State.VOID, Said(text=moved.text, code=moved.code))
                return Next.STOP
            if await self._waits(book, deployment):
                return Next.STOP
            if moved is not None:
                return await self._moved(book, deployment, moved)
            return Next.GO if await self._send(tx, deployment) else Next.STOP

    async def _send(self, tx: Tx, deployment: Deployment) -> bool:
        """Note that it is about to be sent: of this and of who takes an approval back in the same moment, one wins."""
        now = self._parts.clock.now()
        return await records.change(tx, deployment.id, [State.DEPLOYING], sent_at=now) is not None

    async def _moved(self, book: Book, deployment: Deployment, moved: Moved) -> Next:
        if moved.dropped is not None:
            await self._parts.approvals.drop(book.tx, deployment.approval_id, moved.dropped, moved.approvers)
            now = await records.get(book.tx.conn, deployment.id)
            holds = now is not None and now.state is State.DEPLOYING and now.fence == deployment.fence
            return Next.GO if holds and await self._send(book.tx, deployment) else Next.STOP
        if moved.code == "moved" and not deployment.the_plan.asks:
            return Next.REPLAN
        await ask_again(book, deployment, moved)
        return Next.STOP

    async def replanned(self, tx: Tx, deployment_id: str, fence: int, survey: Survey) -> bool:
        """Write a plan made anew under the claim; answer whether to go on."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or (deployment.state, deployment.fence) != (State.DEPLOYING, fence):
                return False
            refusal = survey.plan.refused(patient=True)
            if refusal is not None:
                await book.end(deployment, State.VOID, Said(text=refusal.words, code=refusal.code))
                return False
            changed = await book.change(deployment, **_planned(survey))
            return changed is not None and not await self._waits(book, changed) and await self._send(tx, changed)

    async def refused_by_tool(self, tx: Tx, deployment_id: str, words: str, code: str) -> None:
        """End a deployment that the tool refused to start: nothing was changed."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is not None and deployment.state in {State.PLANNING, State.DEPLOYING}:
                await book.end(deployment, State.FAILED, Said(text=f"not started: {words}", code=code))

    async def deployed(self, tx: Tx, deployment_id: str, end: RunEnd, running: Release | None) -> Leg | None:
        """Decide what follows a deploy run that ended: verify, done, back, or failed."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or deployment.state is not State.DEPLOYING:
                return None if deployment is None else self._leg(deployment)
            moved: Deployment | None
            if end.succeeded:
                environment = self._parts.catalog().environment(deployment.place)
                if environment.verify is None:
                    said = Said(text="deployed; nothing is verified here", code="")
                    moved = await book.end(deployment, State.SUCCEEDED, said, running=deployment.release)
                else:
                    moved = await book.move(deployment.id, State.VERIFYING, Said(text="deployed; being verified"))
            else:
                moved = await self._deploy_failed(book, deployment, end, running)
            return None if moved is None else self._leg(moved)

    async def verified(self, tx: Tx, deployment_id: str, outcome: Outcome, words: str) -> None:
        """Write the verdict: done, a question, or back."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or deployment.state is not State.VERIFYING:
                return
            if outcome is Outcome.SUCCESSFUL:
                said = Said(text=f"verified: {words}" if words else "verified")
                await book.end(deployment, State.SUCCEEDED, said, running=deployment.release)
            elif outcome is Outcome.INCONCLUSIVE:
                said = Said(text=f"could not be verified: {words}", code="inconclusive")
                await book.move(deployment.id, State.INCONCLUSIVE, said, code=said.code, words=said.text)
            else:
                said = Said(text=f"verification failed: {words}", code="verification_failed")
                await self._back_or_failed(book, deployment, said, running=deployment.release)

    async def rolled_back(self, tx: Tx, deployment_id: str, end: RunEnd, running: Release | None) -> None:
        """Write how the way back ended."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or deployment.state is not State.ROLLING_BACK:
                return
            previous = deployment.previous
            why = f" ({deployment.words})" if deployment.words else ""
            if end.succeeded:
                said = Said(text=deployment.words or f"{previous.name} runs again", code="rolled_back")
                await book.end(deployment, State.ROLLED_BACK, said, running=previous)
            else:
                said = Said(
                    text=f"the way back to {previous.name} failed: {end.words or end.state}{why}",
                    code="rollback_failed",
                )
                await book.end(deployment, State.ROLLBACK_FAILED, said, running=running)

    async def park(self, tx: Tx, deployment_id: str, why: str, *, attempt: int) -> None:
        """Note that the work stands still, show it, and tell who asked for it. It keeps what it holds."""
        async with self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            if deployment is None or deployment.ended or deployment.attempt != attempt:
                return
            now = self._parts.clock.now()
            parked = await book.change(deployment, parked_why=why, parked_at=now)
            if parked is None:
                return
            await records.note(tx, parked.id, "parked", why, at=now)
            book.enter(parked, "deployment.parked", "parked", Said(text=why))
            if parked.requested_by.team != "account":
                key = f"{parked.id}/parked/{parked.attempt}/{parked.state.value}"
                message = messages.parked(parked, self._parts.name_of)
                await self._parts.outbox.direct(tx, key, parked.requested_by, message, subject=parked.id)

    def _leg(self, deployment: Deployment) -> Leg:
        verify = self._parts.catalog().environment(deployment.place).verify
        return Leg(
            state=deployment.state,
            build_run=deployment.build_run,
            deploy_run=deployment.deploy_run,
            rollback_run=deployment.rollback_run,
            looks=looks_wanted(verify) if verify else 0,
            failures_allowed=verify.failures_allowed if verify else 0,
            pause=verify.interval.total_seconds() if verify else 0.0,
            settle=verify.settle.total_seconds() if verify else 0.0,
        )

    async def _tell_the_plan(self, tx: Tx, deployment: Deployment) -> None:
        """Put what the card has no room for into its thread, once for each plan."""
        details = plan_messages.details(deployment)
        if details is not None and deployment.channel is not None:
            key = f"{deployment.id}/details/{deployment.generation}"
            await self._parts.outbox.post(tx, key, deployment.channel, details, in_thread_of=deployment.id)

    async def _waits(self, book: Book, deployment: Deployment) -> bool:
        """Give the claim back where a lock or freeze came in the way; answer whether that was so."""
        await book.may_queue()
        try:
            obstacle = await book.obstacle(deployment)
        except UserError as error:  # what cannot be read is in the way
            await book.back_to_queue(deployment, Said(text=str(error.text)))
            return True
        if obstacle is None:
            return False
        await book.back_to_queue(deployment, Said(text=obstacle.words(self._parts.name_of)))
        return True

    async def _deploy_failed(
        self, book: Book, deployment: Deployment, end: RunEnd, running: Release | None
    ) -> Deployment | None:
        untouched = running is not None and running.sha == deployment.previous_sha
        cancelled = deployment.cancel_at is not None
        if cancelled:
            words, code = "cancelled while it was deployed", "cancelled"
        else:
            words, code = f"the deploy failed: {end.words or end.state}", "deploy_failed"
        said = Said(text=words, code=code, person=deployment.cancel_by if cancelled else None)
        if untouched:
            still = f"; {deployment.place} still runs {deployment.previous.name}"
            said = Said(text=words + still, code=code, person=said.person)
            to = State.CANCELLED if cancelled else State.FAILED
            return await book.end(deployment, to, said)
        return await self._back_or_failed(book, deployment, said, running=running)

    async def _back_or_failed(
        self, book: Book, deployment: Deployment, said: Said, *, running: Release | None
    ) -> Deployment | None:
        environment = self._parts.catalog().environment(deployment.place)
        itself, why_not = may_roll_back_itself(
            policy=environment.rollback,
            previous_sha=deployment.previous_sha,
            irreversible=deployment.irreversible,
            is_rollback=deployment.kind is Kind.ROLLBACK,
        )
        if itself:
            told = Said(text=f"{said.text}; going back to {deployment.previous.name}", code=said.code)
            moved = await book.roll_back(deployment, told, at=[State.DEPLOYING, State.VERIFYING])
            if moved is None:
                return None
            return await records.change(book.tx, moved.id, [State.ROLLING_BACK], words=said.text, code=said.code)
        told = Said(text=f"{said.text}; not rolled back by itself: {why_not}", code=said.code, person=said.person)
        return await book.end(deployment, State.FAILED, told, running=running)


def _planned(survey: Survey) -> dict[str, object]:
    base = survey.plan.base
    return {
        "plan": survey.plan.to_json(),
        "plan_digest": survey.plan_digest,
        "facts": survey.facts.to_json(),
        "policy_digest": survey.policy,
        "artifact": survey.release.artifact,
        "digest": survey.release.digest,
        "irreversible": bool(survey.plan.irreversible),
        "previous_sha": base.sha,
        "previous_version": base.version,
        "previous_artifact": base.artifact,
        "previous_digest": base.digest,
        "previous_deployment": base.deployment,
    }

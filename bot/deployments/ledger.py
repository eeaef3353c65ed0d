"""The one place where deployments move: row, timeline, card, messages, claim, audit and next workflow, or nothing.

Rows are always locked in the same order (approval, lock or freeze, the gate of the queues, place, deployment, card,
audit head), so that two transactions never wait for each other; that is why a `Book` writes its audit entries last.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from msgspec import Struct
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import SHIPMATE
from bot.audit.entries import canonical
from bot.builds import progress, waiting as waits
from bot.builds.answers import ask_key
from bot.changes import records as changes
from bot.command import Resource
from bot.deployments import approval_messages, messages, obstacles, places, records
from bot.deployments.board import Board
from bot.deployments.obstacles import Obstacle
from bot.deployments.parts import Parts
from bot.deployments.plan import Plan, Release
from bot.deployments.records import Deployment
from bot.deployments.rules import ENDED, Kind, State, sources
from bot.deployments.views import view_of
from bot.errors import UserError
from bot.identity import Person
from bot.locks.rules import Scope
from bot.reply import Message
from bot.slack.notice import About
from bot.store import Tx, gates
from bot.store.starts import want

PLAN = "deployment.plan.v1"
EXECUTE = "deployment.execute.v1"
ROLL_BACK = "deployment.rollback.v1"

_ENDS_THAT_CHANGED = {
    State.SUCCEEDED: changes.Kind.DEPLOYED,
    State.FAILED: changes.Kind.DEPLOYMENT_FAILED,
    State.ROLLED_BACK: changes.Kind.ROLLED_BACK,
    State.ROLLBACK_FAILED: changes.Kind.DEPLOYMENT_FAILED,
}
_ACCOUNT = "account"
_QUEUES = "deployment queues"
"""The gate between those who queue because of a lock or freeze, and those who end one and look for who waits."""


class Said(Struct, frozen=True, kw_only=True):
    """What is told of a move: a line for the timeline, who did it (None: Shipmate), the reason code, and the wish."""

    text: str
    person: Person | None = None
    code: str = ""
    request_id: str = ""
    urgent: bool = False


OnStart = Callable[["Book", Deployment], Awaitable[None]]


class Ledger:
    """Opens a `Book` on a transaction; draws cards. `on_start` hears, in its transaction, of each that starts."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.on_start: list[OnStart] = []
        self.board = Board(parts)

    @asynccontextmanager
    async def open(self, tx: Tx) -> AsyncIterator["Book"]:
        """Lend what moves deployments in this transaction; audit entries are written when the block ends."""
        book = Book(self, tx)
        yield book
        await book.settle()

    async def card(self, conn: AsyncConnection, deployment: Deployment) -> Message:
        """Return the card of a deployment as it stands."""
        return messages.card(deployment, await view_of(self.parts, conn, deployment))


class Book:
    """Moves deployments in one transaction. Made by `Ledger.open`."""

    def __init__(self, ledger: Ledger, tx: Tx) -> None:
        self.tx = tx
        self._ledger = ledger
        self.parts = ledger.parts
        self._entries: list[tuple[Deployment, str, str, Said, dict[str, JsonValue]]] = []

    async def move(
        self, deployment_id: str, to: State, said: Said, *, at: Collection[State] | None = None, **values: object
    ) -> Deployment | None:
        """Move a deployment to `to` if it stands where that is legal (or at one of `at`): one winner, None for others.

        The claim of its place is not touched; `end` does that.
        """
        now = self.parts.clock.now()
        values = {"state": to.value, "state_since": now, "parked_why": "", "parked_at": None, **values}
        if to in ENDED:
            values = {"ended_at": now, "code": said.code, "words": said.text, **values}
        else:
            values = {"ended_at": None, **values}
        legal = sources(to) if at is None else sources(to) & frozenset(at)
        moved = await records.change(self.tx, deployment_id, legal, **values)
        if moved is None:
            return None
        await records.note(self.tx, moved.id, to.value, said.text, at=now, person=said.person)
        self.enter(moved, f"deployment.{to.value}", _outcome(to), said)
        await self.show(moved, urgent=said.urgent or said.person is not None)
        await self._ledger.board.moved(self.tx, moved)
        if to in ENDED:
            await self._tell_the_end(moved, said)
        return moved

    async def change(self, deployment: Deployment, **values: object) -> Deployment | None:
        """Change the row of a deployment that still stands in this state and generation, and draw its card anew."""
        changed = await records.change(self.tx, deployment.id, [deployment.state], **values)
        if changed is not None:
            await self.show(changed)
        return changed

    async def answered(self, deployment: Deployment, words: str) -> None:
        """Have the messages that asked for approval say how that came out, without their buttons."""
        message = approval_messages.answered(deployment, words)
        await self.parts.outbox.amend(self.tx, f"{deployment.id}/ask/{deployment.generation}", message)

    async def show(self, deployment: Deployment, *, urgent: bool = False) -> None:
        """Have the card of a deployment drawn as it stands; bad ends are told to the channel too."""
        if deployment.channel is None:
            return
        message = await self._ledger.card(self.tx.conn, deployment)
        await self.parts.outbox.show(
            self.tx,
            deployment.id,
            deployment.channel,
            message,
            urgent=urgent,
            final=deployment.ended,
            broadcast=messages.broadcast(deployment, self.parts.name_of),
        )

    async def ask_to_answer(self, deployment: Deployment, run: str, action: str) -> None:
        """Tell who asked, and the thread, that the run waits for a person: an edit of the card notifies nobody."""
        actions = progress.actions(deployment.progress.get("run"))
        by_person = bool(deployment.progress.get("by_person"))
        message = waits.asked(deployment.id, deployment.title, actions, by_person=by_person)
        key, outbox = ask_key(deployment.id, run, action), self.parts.outbox
        if deployment.requested_by.team != _ACCOUNT:
            who = deployment.requested_by
            await outbox.direct(self.tx, f"{key}/{who.user}", who, message, subject=deployment.id)
        if deployment.channel is not None:
            await outbox.post(self.tx, key, deployment.channel, message, in_thread_of=deployment.id, urgent=True)

    def enter(self, deployment: Deployment, action: str, outcome: str, said: Said, **data: JsonValue) -> None:
        """Keep an audit entry for the end of the transaction."""
        self._entries.append((deployment, action, outcome, said, data))

    async def settle(self) -> None:
        """Write the audit entries that were kept."""
        for deployment, action, outcome, said, data in self._entries:
            await self.parts.audit.record(
                self.tx,
                actor=said.person or SHIPMATE,
                action=action,
                outcome=outcome,
                resource=Resource(deployment.service, deployment.environment, deployment.target),
                request_id=said.request_id,
                subject=deployment.id,
                data={**_seen(deployment), "words": said.text, **data},
            )
        self._entries.clear()

    async def claim_or_queue(self, deployment: Deployment, said: Said) -> Deployment | None:
        """Start a deployment that may go, or queue it behind who holds its place or its lock."""
        place = deployment.place
        await self.may_queue()
        standing = await places.hold(self.tx, place)
        now = self.parts.clock.now()
        obstacle = await self.obstacle(deployment)
        waiting = await records.queue(self.tx.conn, place)
        if standing.holder in {"", deployment.id} and not waiting and obstacle is None:
            return await self._start(deployment, said)
        behind = waiting[-1] if waiting else standing.holder
        why = f"queued behind {behind}" if obstacle is None else obstacle.words(self.parts.name_of)
        said = Said(text=f"{said.text}; {why}", person=said.person, request_id=said.request_id)
        queued = await self.move(deployment.id, State.QUEUED, said, queued_at=now)
        if queued is not None and not standing.holder:
            await self._give_next(queued)  # those ahead may wait for a lock that is not in this one's way
        return queued

    async def may_queue(self) -> None:
        """Announce that a deployment may be queued because of what is read next: a lock, a freeze.

        Whoever ends a lock or freeze meanwhile waits for us and finds it, or was kept before and is seen.
        """
        await gates.through(self.tx, _QUEUES)

    async def may_free(self) -> None:
        """Let nobody queue until this transaction ends: said before the queues are looked at, and before any place."""
        await gates.shut(self.tx, _QUEUES)

    async def obstacle(self, deployment: Deployment) -> Obstacle | None:
        """Return what is in the way of a deployment now; the end of a freeze will look at it again.

        Raises:
            Refused: a lock or freeze cannot be read.
        """
        obstacle = await obstacles.in_the_way(self.parts, self.tx.conn, deployment)
        if obstacle is not None and obstacle.freeze is not None:
            await self.parts.freezes.wait(self.tx, obstacle.place, obstacle.opens)
        return obstacle

    async def back_to_queue(self, deployment: Deployment, said: Said) -> Deployment | None:
        """Give the claim back and queue again, at the place in the queue that it had."""
        await places.hold(self.tx, deployment.place)
        queued_at = deployment.queued_at or deployment.created_at
        moved = await self.move(
            deployment.id, State.QUEUED, said, at=[State.DEPLOYING], queued_at=queued_at, sent_at=None
        )
        if moved is not None:
            await self.free(deployment)
        return moved

    async def end(
        self,
        deployment: Deployment,
        to: State,
        said: Said,
        *,
        at: Collection[State] | None = None,
        running: Release | None = None,
        **values: object,
    ) -> Deployment | None:
        """End a deployment, give its claim to the next in the queue, and note what `running` is there now."""
        if to in {State.VOID, State.CANCELLED} and await self.parts.approvals.void(self.tx, deployment.id, said.text):
            await self.answered(deployment, f"{to.value}: {said.text}")
        standing = await places.hold(self.tx, deployment.place)
        moved = await self.move(deployment.id, to, said, at=at, **values)
        if moved is None:
            return None
        if running is not None:
            await self._note_running(moved, standing.running, running, said)
        kind = _ENDS_THAT_CHANGED.get(to)
        if kind is not None and (moved.deploy_run or to is State.SUCCEEDED):
            await changes.record(self.tx, _changed(kind, moved, said))
        await self.free(deployment)
        for told in self.parts.above.on_end:
            await told(self.tx, moved)
        return moved

    async def roll_back(self, deployment: Deployment, said: Said, *, at: Collection[State]) -> Deployment | None:
        """Send a deployment on its way back, under a claim of its place: a new one where it had ended."""
        standing = await places.hold(self.tx, deployment.place)
        if standing.holder not in {"", deployment.id}:
            return None
        fence = await places.claim(self.tx, deployment.place, deployment.id)
        moved = await self.move(
            deployment.id, State.ROLLING_BACK, said, at=at, fence=fence, rollback_by=said.person, code="", words=""
        )
        if moved is None:
            if standing.holder != deployment.id:
                await places.release(self.tx, deployment.place, deployment.id)
            return None
        await want(
            self.tx, f"{moved.id}/rollback/{moved.fence}/{moved.attempt}", ROLL_BACK, moved.id, fence, moved.attempt
        )
        return moved

    async def next_for(self, scope: Scope) -> None:
        """Start whoever waits for what a released lock, or a freeze that is over, covered."""
        await self.may_free()
        for deployment in await records.unfinished(self.tx.conn, states=[State.QUEUED]):
            place = (deployment.service, deployment.environment)
            if not scope.service or place == (scope.service, scope.environment):
                await places.hold(self.tx, deployment.place)
                await self._give_next(deployment)

    async def _start(self, deployment: Deployment, said: Said) -> Deployment | None:
        fence = await places.claim(self.tx, deployment.place, deployment.id)
        moved = await self.move(deployment.id, State.DEPLOYING, said, fence=fence)
        if moved is None:
            await places.release(self.tx, deployment.place, deployment.id)
            return None
        await want(self.tx, f"{moved.id}/execute/{fence}/{moved.attempt}", EXECUTE, moved.id, fence, moved.attempt)
        for hook in self._ledger.on_start:
            await hook(self, moved)
        return moved

    async def free(self, deployment: Deployment) -> None:
        """Give the claim of its place back, if it holds it, to the next in the queue."""
        if await places.release(self.tx, deployment.place, deployment.id):
            await self._give_next(deployment)

    async def _give_next(self, freed: Deployment) -> None:
        if (await places.get(self.tx.conn, freed.place)).holder:
            return
        for waiting in await records.queue(self.tx.conn, freed.place):
            deployment = await records.get(self.tx.conn, waiting)
            if deployment is None:
                continue
            try:
                obstacle = await self.obstacle(deployment)
            except UserError:
                return  # a lock or freeze that cannot be read blocks
            if obstacle is None and await self._start(deployment, Said(text="its turn has come")):
                return

    async def _note_running(self, moved: Deployment, was: Release, running: Release, said: Said) -> None:
        plan: Plan = moved.the_plan
        forward = running.sha == moved.sha
        unchanged = was.sha == running.sha and bool(was.deployment)
        if unchanged and moved.kind is Kind.DEPLOY and not forward:
            return  # it runs again what it ran before, under the deployment that brought it
        back = was.sha == moved.sha and running.sha == moved.previous_sha
        added, removed = (plan.added, plan.removed) if forward else (plan.removed, plan.added) if back else ((), ())
        await places.note_running(
            self.tx,
            moved.place,
            running,
            at=self.parts.clock.now(),
            by=moved.requested_by if forward else said.person,
            added=added,
            removed=removed,
        )

    async def _tell_the_end(self, moved: Deployment, said: Said) -> None:
        requester = moved.requested_by
        if requester.team == _ACCOUNT or said.person == requester:
            return
        key = f"{moved.id}/end/{moved.state.value}/{moved.generation}"
        await self.parts.outbox.direct(
            self.tx, key, requester, messages.told(moved, self.parts.name_of), subject=moved.id, about=About.ENDS
        )


def scope_of(deployment: Deployment) -> Scope:
    """Return the scope whose locks concern a deployment."""
    return Scope(deployment.service, deployment.environment, deployment.target)


def _outcome(to: State) -> str:
    if to in {State.SUCCEEDED, State.ROLLED_BACK}:
        return "succeeded"
    if to in {State.REFUSED, State.REJECTED}:
        return "refused"
    if to in {State.FAILED, State.ROLLBACK_FAILED}:
        return "failed"
    return to.value


def _changed(kind: changes.Kind, moved: Deployment, said: Said) -> changes.Change:
    data: Mapping[str, JsonValue] = {
        "sha": moved.sha,
        "version": moved.version,
        "previous_sha": moved.previous_sha,
        "previous_version": moved.previous_version,
        "kind": moved.kind.value,
        "irreversible": moved.irreversible,
        "begun_at": (moved.started_at or moved.created_at).isoformat(),
    }
    return changes.Change(
        kind=kind,
        subject=moved.id,
        summary=f"{moved.title}: {said.text}",
        at=moved.state_since,
        service=moved.service,
        environment=moved.environment,
        target=moved.target,
        person=moved.requested_by,
        data=data,
    )


def _seen(deployment: Deployment) -> dict[str, str]:
    """Return what an audit entry says of what was decided on: digests of facts, policy and plan, the reason code."""
    facts = "" if deployment.facts is None else hashlib.sha256(canonical(deployment.facts).encode()).hexdigest()
    told = {"facts": facts, "policy": deployment.policy_digest, "plan": deployment.plan_digest, "code": deployment.code}
    return {
        "sha": deployment.sha,
        "version": deployment.version,
        **{name: value for name, value in told.items() if value},
    }

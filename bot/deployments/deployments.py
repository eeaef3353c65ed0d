"""`Deployments`: the road as a whole, made of its parts, hooked to approvals and locks, bound to the workflows."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from bot.builds import progress
from bot.builds.answers import Waiting
from bot.command import Resource
from bot.deployments import records, workflow
from bot.deployments.adoption import Adoption
from bot.deployments.beginnings import Beginnings
from bot.deployments.blocking import Blocking
from bot.deployments.decisions import Decisions, want_for
from bot.deployments.differences import Differences
from bot.deployments.drift import Drift
from bot.deployments.effects import Effects
from bot.deployments.exceptions import Exceptions
from bot.deployments.homepage import Homepage
from bot.deployments.ledger import Ledger
from bot.deployments.outside import Outside
from bot.deployments.overview import Overview
from bot.deployments.parts import Above, Parts
from bot.deployments.planner import Planner
from bot.deployments.records import Deployment
from bot.deployments.reviewing import Reviewing
from bot.deployments.road import Road
from bot.deployments.rules import State
from bot.deployments.superseding import Superseding
from bot.deployments.surveyor import Surveyor
from bot.identity import Person
from bot.locks.rules import Scope
from bot.reply import Message, Part
from bot.store import Tx
from integrations.capabilities.runs import ManualAction

HomeSection = Callable[[Person], Awaitable[Sequence[Part]]]
_WORKING = frozenset({State.PLANNING, State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK})


class Deployments:
    """What commands and `bot.app` use: its parts answer people; the rest is done by the workflows."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ledger = Ledger(parts)
        self.planner = Planner(parts)
        self.surveyor = Surveyor(parts, self.planner)
        self._road = Road(self._ledger)
        self._effects = Effects(self._ledger)
        self.beginnings = Beginnings(self._ledger, self.planner)
        self.decisions = Decisions(self._ledger)
        self.exceptions = Exceptions(self._ledger)
        self.overview = Overview(self._ledger)
        self.outside = Outside(parts)
        self.differences = Differences(self._ledger, self.planner)
        self.drift = Drift(self._ledger)
        self.reviewing = Reviewing(self._ledger)
        self._ledger.on_start.append(self.reviewing.begun)
        self.blocking = Blocking(self._ledger)
        parts.above.on_end += [self.reviewing.ended, self.blocking.ended]
        self.superseding = Superseding(self._ledger)
        parts.approvals.on_change.append(self.decisions.on_approval)
        parts.approvals.on_remind.append(self.decisions.on_remind)
        parts.locks.on_released.append(self._lock_released)
        parts.freezes.on_change.append(self._freeze_changed)

    @property
    def ledger(self) -> Ledger:
        """What moves deployments."""
        return self._ledger

    @property
    def above(self) -> Above:
        """Where layers above put in what they add."""
        return self._parts.above

    def bind(self) -> None:
        """Give the workflows what they work with; called before the engine is launched."""
        workflow.bind(workflow.Bound(self._road, self._effects, self.surveyor, self._ledger.board, self.reviewing))

    async def parked(self, workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        """Note on a deployment that its workflow stands still; told by the engine."""
        del workflow_id
        if not name.startswith("deployment."):
            return
        async with self._parts.store.write() as tx:
            await self._road.park(tx, str(args[0]), why, attempt=int(args[2]))

    async def reconcile(self) -> int:
        """Want again, idempotently, what every unfinished deployment needs; return how many work or queue.

        Called at start. A crash leaves no row behind, because a wish is written with the state it belongs to; this
        mends what a restored backup may have lost.
        """
        async with self._parts.store.read() as conn:
            unfinished = await records.unfinished(conn, states=_WORKING | {State.QUEUED})
        for deployment in unfinished:
            if deployment.state in _WORKING and deployment.parked_at is None:
                async with self._parts.store.write() as tx:
                    await want_for(tx, deployment)
        if any(one.state is State.QUEUED for one in unfinished):
            async with self._parts.store.write() as tx:
                await self._lock_released(tx, Scope())
        return len(unfinished)

    async def adopt(self) -> int:
        """Note what already runs on places that we never deployed to (see `adoption`); return how many.

        From then on what changes there by another's hand is noticed (see `outside`).
        """
        adopted = await Adoption(self._parts).adopt()
        self.outside.start()
        return adopted

    def follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a deployment whenever it changes, until it has ended."""
        return self.overview.follow(subject)

    def home_sections(self) -> tuple[HomeSection, ...]:
        """Return what a person's home page says of deployments."""
        homepage = Homepage(self._parts, self.overview)
        return (homepage.waiting, homepage.mine, homepage.running)

    async def waiting(self, subject: str) -> Waiting:
        """Return the run of a deployment that may wait for a person. Raises: BadInput (`unknown_deployment`)."""
        deployment = await self.decisions.get(subject)
        under_way = deployment.progress.get("run")
        what = under_way.get("what") if isinstance(under_way, dict) else ""
        runs = {"build": deployment.build_run, "deploy": deployment.deploy_run, "rollback": deployment.rollback_run}

        async def now(tx: Tx) -> Sequence[ManualAction]:
            current = await records.get(tx.conn, deployment.id)
            return _actions(current) if current is not None else ()

        async def redraw(tx: Tx, *, by_person: bool) -> None:
            async with self._ledger.open(tx) as book:
                current = await records.get(tx.conn, deployment.id)
                if current is not None and by_person:
                    await book.change(current, progress={**current.progress, "by_person": True})
                elif current is not None:
                    await book.show(current, urgent=True)

        return Waiting(
            subject=deployment.id,
            resource=Resource(deployment.service, deployment.environment, deployment.target),
            run=runs.get(str(what), ""),
            actions=_actions(deployment),
            now=now,
            redraw=redraw,
        )

    async def close(self) -> None:
        """Let go of the client for probes."""
        await self.outside.stop()
        await self._effects.close()

    async def _lock_released(self, tx: Tx, scope: Scope) -> None:
        async with self._ledger.open(tx) as book:
            await book.next_for(scope)

    async def _freeze_changed(self, tx: Tx, scope: Scope) -> None:
        """Start what may go, and have the cards of what waits say how it stands."""
        states = [State.AWAITING_APPROVAL, State.QUEUED]
        async with self._ledger.open(tx) as book:
            await book.next_for(scope if scope.service and scope.environment else Scope())
            for one in await records.unfinished(tx.conn, states=states):
                if scope.service in {"", one.service} and scope.environment in {"", one.environment}:
                    await book.show(one)


def _actions(deployment: Deployment) -> tuple[ManualAction, ...]:
    return () if deployment.ended else progress.actions(deployment.progress.get("run"))

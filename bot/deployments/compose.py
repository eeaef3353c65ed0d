"""Puts the deployment road together; called by the composition root before the engine is launched."""

from dataclasses import dataclass
from typing import Any

from bot.approvals import workflow as approval_workflow
from bot.deployments import records, workflow
from bot.deployments.decisions import Decisions, want_for
from bot.deployments.deployments import Deployments
from bot.deployments.effects import Effects
from bot.deployments.ledger import Ledger
from bot.deployments.overview import Overview
from bot.deployments.parts import Parts
from bot.deployments.planner import Planner
from bot.deployments.road import Road
from bot.deployments.rules import State
from bot.deployments.surveyor import Surveyor
from bot.locks import workflow as lock_workflow
from bot.locks.rules import Scope
from bot.store import Tx


@dataclass(frozen=True, slots=True)
class Composition:
    """The road, ready to be put into the `World`: `deployments`, `decisions` and `overview` answer commands."""

    parts: Parts
    ledger: Ledger
    road: Road
    effects: Effects
    deployments: Deployments
    decisions: Decisions
    overview: Overview

    async def on_parked(self, workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        """Note on a deployment that its workflow stands still; given to the engine."""
        del workflow_id
        if not name.startswith("deployment."):
            return
        async with self.parts.store.write() as tx:
            await self.road.park(tx, str(args[0]), why, attempt=int(args[2]))

    async def reconcile(self) -> int:
        """Want again, idempotently, what every unfinished deployment needs; return how many there are.

        Called at start: no row is left behind by a crash, because a wish is written with the state it belongs to;
        this mends what a restored backup may have lost.
        """
        async with self.parts.store.read() as conn:
            unfinished = await records.unfinished(conn)
        working = {State.PLANNING, State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK}
        to_mend = [one for one in unfinished if one.state in working and one.parked_at is None]
        for deployment in to_mend:
            async with self.parts.store.write() as tx:
                await want_for(tx, deployment)
        if any(one.state is State.QUEUED for one in unfinished):
            async with self.parts.store.write() as tx, self.ledger.open(tx) as book:
                await book.next_for(Scope())
        return len(unfinished)

    async def close(self) -> None:
        """Let go of the client for probes."""
        await self.effects.close()


def compose(parts: Parts) -> Composition:
    """Make the road of these parts, hook it to approvals and locks, and bind the workflows."""
    ledger = Ledger(parts)
    planner = Planner(parts)
    road = Road(ledger)
    effects = Effects(ledger)
    decisions = Decisions(ledger)

    async def lock_released(tx: Tx, scope: Scope) -> None:
        async with ledger.open(tx) as book:
            await book.next_for(scope)

    parts.approvals.on_change.append(decisions.on_approval)
    parts.locks.on_released.append(lock_released)
    workflow.bind(workflow.Bound(road, effects, Surveyor(parts, planner)))
    approval_workflow.bind(parts.approvals)
    lock_workflow.bind(parts.locks)
    return Composition(parts, ledger, road, effects, Deployments(ledger, planner), decisions, Overview(ledger))

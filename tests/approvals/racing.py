"""Rounds of racing clicks: twenty people decide one deployment in the same moment, on the road of every click.

Each click goes through the dispatcher: permission, audit, vote, audit again. No workflow runs: what is measured is the
decision.
"""

import asyncio
import copy
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bot.approvals.records import votes
from bot.command import Invocation, Trigger
from bot.deliveries import Deliveries
from bot.deployments import records
from bot.deployments.ledger import Ledger, Said
from bot.deployments.records import Deployment, events
from bot.deployments.road import Road
from bot.deployments.rules import State
from bot.dispatch import Dispatcher
from bot.identity import Person
from bot.reply import Reply
from bot.store import Tx
from tests.deployments.rig import CHECKOUT, CONFIG, MIA, Rig, person, up

CLICKS = 20
TOLD = frozenset({"decided", "not_waiting"})
"""What who came too late is told: what became of it."""
REJECTS = 5  # every fifth click is a rejection
DECIDED = (State.DEPLOYING.value, State.QUEUED.value, State.REJECTED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What came of one round: the answers by code ("" is a vote that counted), what was kept, and the seconds."""

    answers: Counter[str]
    counted: int
    decisions: int
    seconds: float

    @property
    def fault(self) -> str:
        """What is wrong with it, "" when one decided and everybody else was told so."""
        if sum(self.answers.values()) != CLICKS or not set(self.answers) <= {"", *TOLD}:
            return f"a click was lost, or told something else: {dict(self.answers)}"
        if (self.answers[""], self.counted, self.decisions) != (1, 1, 1):
            return f"{self.answers['']} told that they won, {self.counted} counted, {self.decisions} decisions"
        return ""


class Arena:
    """A store with deployments to race for."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._ledger = Ledger(rig.parts())
        self._road = Road(self._ledger)
        self._numbers = itertools.count(1)
        self._dispatcher = Dispatcher(
            registry=rig.registry,
            permissions=rig.permissions,
            audit=rig.audit,
            deliveries=Deliveries(rig.store, rig.clock, "arena"),
            store=rig.store,
            world=rig.world,
            clock=rig.clock,
            replier=_nobody,
        )

    async def round(self) -> Round:
        """Ask for a deployment, have everybody click at once, and return what came of it."""
        asked = await self._asked()
        started = time.perf_counter()
        replies = await asyncio.gather(*(self._click(asked, who, number) for number, who in enumerate(people())))
        took = time.perf_counter() - started
        found = await self._found(asked, Counter(reply.code for reply in replies), took)
        await self._clear(asked.id)
        return found

    async def _asked(self) -> Deployment:
        """Return a deployment that waits for approval."""
        begun = await self.rig.run(MIA, "deploy checkout@v1.4.1 to production --again")
        surveyor = self.rig.deployments.surveyor
        survey = await surveyor.survey(begun.subject)
        approvers = await surveyor.approvers(begun.subject, survey)
        async with self.rig.store.write() as tx:
            await self._road.planned(tx, begun.subject, 1, survey, approvers)
        asked = await self.rig.get(begun.subject)
        assert asked.state is State.AWAITING_APPROVAL, asked.words
        return asked

    async def _click(self, asked: Deployment, who: Person, number: int) -> Reply:
        rejects = number % REJECTS == REJECTS - 1
        args = {"deployment": asked.id, **({"reason": "not today"} if rejects else {"plan": asked.plan_digest})}
        invocation = Invocation(
            delivery_id=f"click-{next(self._numbers)}",
            trigger=Trigger.BUTTON,
            person=who,
            at=self.rig.clock.now(),
            channel=CHECKOUT,
            command="reject" if rejects else "approve",
            args=args,
        )
        return await self._dispatcher.answer(invocation, self._dispatcher.parse(invocation))

    async def _found(self, asked: Deployment, answers: Counter[str], seconds: float) -> Round:
        count = sa.func.count()
        cast = sa.select(count).select_from(votes).where(votes.c.approval_id == asked.approval_id)
        of = (events.c.deployment_id == asked.id, events.c.kind.in_(DECIDED))
        decided = sa.select(count).select_from(events).where(*of)
        async with self.rig.store.read() as conn:
            counted = int((await conn.execute(cast)).scalar_one())
            decisions = int((await conn.execute(decided)).scalar_one())
        return Round(answers=answers, counted=counted, decisions=decisions, seconds=seconds)

    async def _clear(self, deployment_id: str) -> None:
        """End the deployment of a round, so that the next one finds its place free."""
        async with self.rig.store.write() as tx, self._ledger.open(tx) as book:
            deployment = await records.get(tx.conn, deployment_id)
            assert deployment is not None
            if not deployment.ended:
                await book.end(deployment, State.CANCELLED, Said(text="the round is over", code="cancelled"))


def people() -> list[Person]:
    """Return those who click."""
    return [person(f"c{number:02}") for number in range(CLICKS)]


@asynccontextmanager
async def open_arena(folder: Path, url: str = "") -> AsyncIterator[Arena]:
    """Open a store for rounds; an empty URL is SQLite in `folder`."""
    config = copy.deepcopy(CONFIG)
    names = [f"c{number:02}" for number in range(CLICKS)]
    config["people"] |= {
        name: {"slack": f"T0HOME/U0{name.upper()}", "emails": [f"{name}@example.org"]} for name in names
    }
    config["groups"]["release-managers"] = names
    production = config["services"]["checkout"]["environments"][1]
    production.pop("promote_from")
    async with up(folder, url=url, config=config, engine=False) as rig:
        rig.history()
        yield Arena(rig)


async def _nobody(_tx: Tx, _invocation: Invocation, _reply: Reply) -> None:
    """Hand an answer to nobody: the rounds look at it themselves."""

"""The story of a deployment, read top to bottom. The only file of the road that meets the durability engine.

A workflow works and never waits for people: where a person decides it ends, and the decision starts the next one.
Killed anywhere, it goes on from the last step that was recorded; a step that had finished but was not recorded runs
again, and looks for what it did before.
"""

from msgspec import Struct

from bot.builds.sending import UNKNOWN, Sent
from bot.deployments.board import CHECK, SHOW, Board
from bot.deployments.effects import Effects, RunEnd
from bot.deployments.ledger import EXECUTE, PLAN, ROLL_BACK
from bot.deployments.reviewing import REMIND, Reviewing
from bot.deployments.road import Leg, Next, Road
from bot.deployments.rules import State
from bot.deployments.surveyor import Surveyor
from bot.deployments.verification import Outcome, Reading, judge
from bot.engine import Parked, pause, step, transact, workflow


class Bound(Struct, frozen=True):
    """What the workflows work with."""

    road: Road
    effects: Effects
    surveyor: Surveyor
    board: Board
    reviewing: Reviewing


_bound: list[Bound] = []


def bind(bound: Bound) -> None:
    """Give the workflows what they work with; called by the composition root before the engine is launched."""
    _bound[:] = [bound]


@workflow(PLAN)
async def plan(deployment: str, generation: int, attempt: int) -> None:
    """Build where the service builds, find out what would happen, then ask, queue, start or refuse."""
    on = _bound[-1]
    leg: Leg | None = await transact("plan.begin", on.road.begin_plan, deployment, generation, attempt)
    if leg is None:
        return
    if leg.wants_build:
        sent = await _send("build", deployment, leg.build_run)
        if not sent.ref:
            return
        end = await step("build.follow", on.effects.follow, deployment, "build", sent.ref)
        if not await transact("build.end", on.road.built, deployment, end):
            return
    survey = await step("plan.survey", on.surveyor.survey, deployment)
    approvers = await step("plan.approvers", on.surveyor.approvers, deployment, survey)
    await transact("plan.end", on.road.planned, deployment, generation, survey, approvers)


@workflow(EXECUTE)
async def execute(deployment: str, fence: int, attempt: int) -> None:
    """Deploy under the claim that was taken, verify, and end well or go back."""
    on = _bound[-1]
    leg: Leg | None = await transact("execute.begin", on.road.begin_execution, deployment, fence, attempt)
    if leg is None:
        return
    if leg.state is State.DEPLOYING:
        known = leg.deploy_run
        if not known and attempt > 1:  # what had been sent before it was parked may have appeared meanwhile
            known = (await step("deploy.find", on.effects.find_deploy, deployment)).ref
        if not known and not await _still_holds(deployment, fence):
            return
        sent = await _send("deploy", deployment, known)
        if not sent.ref:
            return
        end = await step("deploy.follow", on.effects.follow, deployment, "deploy", sent.ref)
        running = await step("deploy.running", on.effects.running, deployment)
        leg = await transact("deploy.end", on.road.deployed, deployment, end, running)
    if leg is not None and leg.state is State.VERIFYING:
        await _verify(deployment, leg)


@workflow(ROLL_BACK)
async def roll_back(deployment: str, fence: int, attempt: int) -> None:
    """Put back what ran before."""
    on = _bound[-1]
    leg: Leg | None = await transact("rollback.begin", on.road.begin_execution, deployment, fence, attempt)
    if leg is None or leg.state is not State.ROLLING_BACK:
        return
    sent = await step("rollback.start", on.effects.start_rollback, deployment)
    if sent.code == UNKNOWN:
        raise Parked("rollback.start", sent.words)
    if sent.ref:
        await transact("rollback.sent", on.road.note_run, deployment, "rollback", sent.ref)
        end = await step("rollback.follow", on.effects.follow, deployment, "rollback", sent.ref)
    else:
        end = RunEnd(state="failed", words=sent.words)
    running = await step("rollback.running", on.effects.running, deployment)
    await transact("rollback.end", on.road.rolled_back, deployment, end, running)


async def _still_holds(deployment: str, fence: int) -> bool:
    """Look a last time whether what was planned is still so; answer whether to send it."""
    on = _bound[-1]
    moved = await step("execute.check", on.surveyor.moved, deployment)
    following: Next = await transact("execute.checked", on.road.checked, deployment, fence, moved)
    if following is not Next.REPLAN:
        return following is Next.GO
    survey = await step("execute.survey", on.surveyor.survey, deployment)
    holds: bool = await transact("execute.replanned", on.road.replanned, deployment, fence, survey)
    return holds


@workflow(REMIND)
async def remind(deployment: str, number: int) -> None:
    """Remind of the review of what was forced or an emergency."""
    await step("review.remind", _bound[-1].reviewing.remind, deployment, number)


@workflow(SHOW)
async def show(deployment: str) -> None:
    """Write at the Git host where a deployment stands."""
    await step("board.show", _bound[-1].board.show, deployment)


@workflow(CHECK)
async def check(deployment: str) -> None:
    """Write at the Git host how the deployed commit fares."""
    await step("board.check", _bound[-1].board.check, deployment)


async def _send(what: str, deployment: str, known: str) -> Sent:
    """Start a build or deploy, or find the one that was started; end the deployment where the tool says no."""
    on = _bound[-1]
    if known:
        await transact(f"{what}.known", on.road.note_run, deployment, what, known)
        return Sent(ref=known)
    start = on.effects.start_build if what == "build" else on.effects.start_deploy
    sent = await step(f"{what}.start", start, deployment)
    if sent.code == UNKNOWN:
        raise Parked(f"{what}.start", sent.words)
    if not sent.ref:
        await transact(f"{what}.refused", on.road.refused_by_tool, deployment, sent.words, sent.code)
        return sent
    await transact(f"{what}.sent", on.road.note_run, deployment, what, sent.ref)
    return sent


async def _verify(deployment: str, leg: Leg) -> None:
    """Look again and again until the verdict is clear."""
    on = _bound[-1]
    readings: list[Reading] = []
    outcome, words = Outcome.GOING, ""
    while outcome is Outcome.GOING:
        # A leg that was written before it had this field has none.
        settle = 0.0 if readings else getattr(leg, "settle", 0.0)
        await pause(settle + leg.pause)
        look = await step("verify.look", on.effects.look, deployment, len(readings) + 1, leg.looks)
        if look.stopped:
            return
        readings.append(look.reading)
        outcome = judge(readings, wanted=leg.looks, failures_allowed=leg.failures_allowed)
        words = " · ".join(one.words for one in look.measured if one.reading is look.reading)
    await transact("verify.end", on.road.verified, deployment, outcome, words)

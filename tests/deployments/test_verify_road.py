"""Verification, rollback, failures of tools, cancel, and work that stands still."""

from collections.abc import Awaitable
from typing import Any

from bot.deployments.adoption import Adoption
from bot.deployments.rules import State
from integrations.capabilities.deploys import Running
from integrations.capabilities.runs import RunRef, RunState
from integrations.errors import NotFound, OutcomeUnknown, Unavailable
from tests.deployments.rig import ANA, ERRORS, MIA, Rig, buttons, words
from tests.fakes.metrics import Answer
from tests.fakes.runs import FakeDeploys, Outcome

PRODUCTION = ("checkout/production", "checkout", "production", "")


async def in_production(rig: Rig, version: str = "v1.4.1") -> None:
    await rig.deploy(version)
    assert (await rig.deploy(version, "production")).state is State.SUCCEEDED


async def to_production(rig: Rig, version: str = "v1.4.2") -> str:
    """Approve a deployment to production and return its id."""
    await rig.deploy(version)
    reply = await rig.run(MIA, f"deploy checkout@{version} to production")
    await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    await rig.run(ANA, f"approve {reply.subject}")
    return reply.subject


async def test_rolls_back_by_itself(rig: Rig):
    rig.history()
    await in_production(rig)
    rig.metrics.answers[ERRORS] = [Answer(value=0.31)]

    at = await to_production(rig)

    ended = await rig.reaches(at, State.ROLLED_BACK)
    assert rig.deploys.running[PRODUCTION].version == "v1.4.1"
    assert [r.request_id for r in rig.deploys.requests][-2:] == [f"{at}/deploy", f"{at}/rollback"]
    card = words(await rig.card(at))
    assert "runs *v1.4.1* again" in card
    assert "errors 31 % (limit 1 %)" in card
    broadcast = [message for key, message in await rig.said("post") if "broadcast" in key]
    assert any("rolled back to v1.4.1" in message.summary for message in broadcast)
    assert ended.code == "rolled_back"
    where = words(await rig.run(MIA, "where checkout"))
    assert "*checkout/production*: *v1.4.1*" in where


async def test_irreversible_is_offered_not_done(rig: Rig):
    shas = rig.history()
    tip = rig.git.commit(
        "checkout", "Drop it", files={"migrations/7.sql": b"-- irreversible\n"}, parents=(shas["v1.4.2"],)
    )
    rig.git.tag("checkout", "v1.4.3", tip)
    await in_production(rig, "v1.4.2")
    rig.healthy(0.5)

    at = await to_production(rig, "v1.4.3")

    ended = await rig.reaches(at, State.FAILED)
    assert "irreversible" in ended.words
    assert rig.deploys.running[PRODUCTION].version == "v1.4.3"
    back = buttons(await rig.card(at))["Roll back to v1.4.2"]
    assert "irreversible" in back.confirm.text if back.confirm else False
    rig.healthy()
    await rig.run(MIA, command=back.command, **back.args)
    await rig.reaches(at, State.ROLLED_BACK)
    assert rig.deploys.running[PRODUCTION].version == "v1.4.2"


async def test_no_data_is_a_question_not_a_success(rig: Rig):
    rig.history()
    await in_production(rig)
    rig.metrics.answers[ERRORS] = []

    at = await to_production(rig)

    asked = await rig.reaches(at, State.INCONCLUSIVE)
    assert asked.code == "inconclusive"
    card = await rig.card(at)
    assert {"Keep it", "Roll back to v1.4.1"} <= set(buttons(card))
    await rig.run(MIA, f"keep {at}")
    done = await rig.reaches(at, State.SUCCEEDED)
    assert "kept by @mia" in done.words


async def test_prometheus_away_is_inconclusive(rig: Rig):
    rig.history()
    await in_production(rig)
    rig.metrics.failure = Unavailable("metrics", "connection refused")
    at = await to_production(rig)
    asked = await rig.reaches(at, State.INCONCLUSIVE)
    assert "metrics does not answer" in asked.words
    rig.metrics.failure = None
    back = buttons(await rig.card(at))["Roll back to v1.4.1"]
    await rig.run(ANA, command=back.command, **back.args)
    await rig.reaches(at, State.ROLLED_BACK)


async def test_the_build_fails(rig: Rig):
    rig.history()
    rig.builds.outcomes["checkout"] = Outcome(state=RunState.FAILED, reason="exit code 2", log="no space <b>\n")
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    failed = await rig.reaches(reply.subject, State.FAILED)
    assert (failed.code, failed.words) == ("build_failed", "the build failed: exit code 2")
    assert rig.deploys.requests == []
    assert any("log/build" in key for key, _ in await rig.said("post"))


async def test_the_deploy_fails_and_nothing_changed(rig: Rig):
    rig.history()
    await in_production(rig)
    rig.deploys.outcomes["checkout/production"] = Outcome(state=RunState.FAILED, reason="not healthy in 20 s")
    at = await to_production(rig)
    failed = await rig.reaches(at, State.FAILED)
    assert "still runs v1.4.1" in failed.words
    assert "still runs v1.4.1" in words(await rig.card(at))


async def test_cancel_while_it_builds(rig: Rig):
    rig.history()
    rig.builds.outcomes["checkout"] = Outcome(state=None)
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")

    async def builds() -> bool:
        return bool((await rig.get(reply.subject)).build_run)

    await rig.until(builds, lambda: text("it never builds"))
    await rig.run(MIA, f"cancel {reply.subject}")
    ended = await rig.reaches(reply.subject, State.CANCELLED)
    assert ended.cancel_by == MIA
    assert (await rig.builds.get_run(RunRef.parse(ended.build_run))).state is RunState.CANCELLED


async def test_cancel_while_it_is_deployed(rig: Rig):
    rig.history()
    rig.deploys.outcomes["checkout/staging"] = Outcome(state=None)
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(reply.subject, State.DEPLOYING)
    await rig.run(MIA, f"cancel {reply.subject}")
    ended = await rig.reaches(reply.subject, State.CANCELLED, State.FAILED)
    assert ended.code == "cancelled"


async def test_too_late_to_cancel(rig: Rig):
    rig.history()
    done = await rig.deploy("v1.4.1")
    error = await rig.refused(MIA, f"cancel {done.id}")
    assert error.code == "ended"


class Silent(FakeDeploys):
    """Takes what is sent and gives no answer; what was sent is found later, or never."""

    def __init__(self, *, kept: bool) -> None:
        super().__init__("deploys")
        self.kept = kept
        self.sent = 0

    async def start_deploy(self, request: Any) -> RunRef:
        self.sent += 1
        if self.kept:
            await super().start_deploy(request)
        raise OutcomeUnknown(self.instance, "the connection broke", request_id=request.request_id)


async def test_outcome_unknown_is_looked_up(rig: Rig):
    rig.history()
    silent = Silent(kept=True)
    rig.toolbox.add(silent)
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    await rig.reaches(reply.subject, State.SUCCEEDED)
    assert silent.sent == 1


async def test_outcome_unknown_waits_for_a_person(rig: Rig):
    rig.history()
    silent = Silent(kept=False)
    rig.toolbox.add(silent)
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    parked = await rig.stands_still(reply.subject)
    assert silent.sent == 1
    assert "nothing was sent twice" in parked.parked_why
    card = await rig.card(parked.id)
    assert {"Try again", "Cancel"} <= set(buttons(card))
    silent.kept = True
    await rig.run(MIA, f"retry {parked.id}")
    await rig.reaches(parked.id, State.SUCCEEDED)


async def test_parked_and_cancelled(rig: Rig):
    rig.history()
    rig.toolbox.add(Silent(kept=False))
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    parked = await rig.stands_still(reply.subject)
    await rig.run(MIA, f"cancel {parked.id}")
    await rig.reaches(parked.id, State.CANCELLED)


async def test_a_tool_that_stays_away_parks_the_plan(rig: Rig):
    rig.history()

    class Away(FakeDeploys):
        """Answers once, for the first look, and then no more."""

        looks = 0

        async def get_running(self, *place: str) -> Any:
            self.looks += 1
            if self.looks > 1 and self.away:
                raise Unavailable(self.instance, "502")
            return await super().get_running(*place)

        away = True

    tool = Away("deploys")
    rig.toolbox.add(tool)
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    parked = await rig.stands_still(reply.subject)
    assert "502" in parked.parked_why
    assert any("stands still" in message.summary for _, message in await rig.said("direct"))
    tool.away = False
    await rig.run(MIA, f"retry {parked.id}")
    await rig.reaches(parked.id, State.SUCCEEDED)


async def test_a_run_that_is_gone_is_a_failure(rig: Rig):
    rig.history()

    class Forgetful(FakeDeploys):
        async def get_run(self, ref: RunRef) -> Any:
            raise NotFound(self.instance, f"no run {ref}")

    rig.toolbox.add(Forgetful("deploys"))
    reply = await rig.run(MIA, "deploy checkout@v1.4.1")
    failed = await rig.reaches(reply.subject, State.FAILED)
    assert "no longer knows" in failed.words


def text(said: str) -> Awaitable[str]:
    async def say() -> str:
        return said

    return say()


async def test_what_ran_before_shipmate_came_may_be_gone_back_to_by_its_name(rig: Rig):
    shas = rig.history()
    place = ("checkout/staging", "checkout", "staging", "")
    rig.deploys.running[place] = Running(version="v1.4.0", sha=shas["v1.4.0"], since=rig.clock.now(), healthy=True)
    assert await Adoption(rig.parts()).adopt() == 1
    await rig.deploy("v1.4.1")
    assert (await rig.refused(MIA, "rollback checkout in staging to v1.4.2")).code == "never_ran_there"
    reply = await rig.run(MIA, "rollback checkout in staging to 1.4.0")
    ended = await rig.reaches(reply.subject, State.SUCCEEDED)
    assert (ended.sha, ended.version) == (shas["v1.4.0"], "v1.4.0")

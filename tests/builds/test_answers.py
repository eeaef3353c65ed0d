"""Runs that wait for a person: buttons on builds and deployments, one winner, parameters, and links instead."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest

from bot.builds.rules import State
from bot.deployments.rules import State as DeploymentState
from bot.errors import UserError
from bot.reply import Reply
from bot.watch import Hooks, Watch
from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.runs import ManualAction, Parameter, ParameterKind, Run, RunRef, RunState
from integrations.errors import NotPermitted, OutcomeUnknown, Refused, Unavailable
from tests.builds.rig import Rig
from tests.deployments.rig import ANA, MIA, RAJ, TOM, buttons
from tests.fakes.runs import FakeBuilds, Outcome

PROCEED = ManualAction(id="Proceed-1", label="Proceed", text="Roll out?", url="https://ci.example/7/input")
SLOT = Parameter(name="SLOT", kind=ParameterKind.CHOICE, choices=("blue", "green"), required=True)
PIN = Parameter(name="PIN", kind=ParameterKind.SECRET)
PICK = ManualAction(id="pick", label="Choose a slot", parameters=(SLOT, PIN))


async def waits(rig: Rig, *actions: ManualAction) -> tuple[str, RunRef]:
    """Start a build that waits for a person."""
    build, ref = await rig.begins()
    rig.put(ref, state=RunState.RUNNING, actions=actions)
    await rig.card_with(build.id, "waits for a person")
    return build.id, ref


async def attempt(coming: Awaitable[Reply]) -> Reply | UserError:
    try:
        return await coming
    except UserError as error:
        return error


async def test_a_button_lets_it_go_on(rig: Rig):
    build, ref = await waits(rig, PROCEED)
    card = await rig.card_with(build, "Roll out?", "[Proceed]")
    press = buttons(card)["Proceed"]
    assert press.confirm is not None
    assert press.confirm.text == "Roll out?"
    for kind in ("direct", "post"):
        (asked,) = [message for key, message in await rig.said(kind) if f"{build}/asks" in key]
        assert "Proceed" in buttons(asked)
    await rig.run(ANA, command=press.command, **press.args)
    assert (await rig.builds.get_run(ref)).actions == ()
    await rig.card_with(build, "“Proceed” answered by @ana")
    for kind in ("direct", "post"):
        (asked,) = [message for key, message in await rig.said(kind) if f"{build}/asks" in key]
        assert (asked.summary, buttons(asked)) == (f"{build}: @ana answered “Proceed”.", {})
    error = await rig.refused(RAJ, command=press.command, **press.args)
    assert error.code == "answered"
    assert "@ana answered" in str(error.text)
    rig.builds.finish(ref)
    await rig.comes_to(build, State.SUCCEEDED)
    card = await rig.card_with(build, "answered by @ana")
    assert "Proceed" not in buttons(card)
    assert (await rig.refused(RAJ, command=press.command, **press.args)).code == "answered"


async def test_two_presses_at_once_have_one_winner(rig: Rig):
    told: list[str] = []
    answer = rig.builds.answer

    async def slowly(ref, action, parameters):
        told.append(action)
        await asyncio.sleep(0)
        await answer(ref, action, parameters)

    rig.builds.answer = slowly  # type: ignore[method-assign]
    build, _ref = await waits(rig, PROCEED)
    both = await asyncio.gather(*(attempt(rig.run(who, f"answer {build} Proceed")) for who in (ANA, RAJ, TOM)))
    assert len([one for one in both if isinstance(one, Reply)]) == 1
    assert {one.code for one in both if isinstance(one, UserError)} == {"answered"}
    assert told == ["Proceed-1"]


async def test_parameters_are_checked_and_secrets_stay_secret(rig: Rig):
    build, _ref = await waits(rig, PICK)
    press = buttons(await rig.card(build))["Choose a slot…"]
    assert press.ask
    missing = await rig.refused(MIA, f"answer {build} pick")
    assert (missing.code, missing.moves[0].ask) == ("missing_parameter", True)
    assert (await rig.refused(MIA, f"answer {build} pick --param SLOT=red")).code == "bad_value"
    given: dict[str, str] = {}
    rig.builds.answer = _keeping(given)  # type: ignore[method-assign]
    await rig.run(MIA, f"answer {build} pick --param SLOT=green --param PIN=1234")
    assert given == {"SLOT": "green", "PIN": "1234"}
    async with rig.store.read() as conn:
        entries = str(
            (
                await conn.exec_driver_sql("SELECT data FROM audit_entries UNION ALL SELECT text FROM audit_personal")
            ).all()
        )
    assert "green" in entries
    assert "1234" not in entries


def _keeping(given: dict[str, str]):
    async def answer(_ref, _action, parameters):
        given.update(parameters)

    return answer


async def test_where_the_tool_decides_by_person_the_button_becomes_a_link(rig: Rig):
    build, _ref = await waits(rig, PROCEED)

    async def not_ours(*_):
        raise NotPermitted("builds", "submitter is release")

    rig.builds.answer = not_ours  # type: ignore[method-assign]
    error = await rig.refused(MIA, f"answer {build} Proceed")
    assert (error.code, error.moves[0].url) == ("answer_there", PROCEED.url)
    card = await rig.card_with(build, "[Proceed]")
    assert buttons(card)["Proceed"].url == PROCEED.url


@pytest.mark.parametrize("error", [Refused("builds", "no"), Unavailable("builds", "502")])
async def test_an_answer_that_did_not_arrive_may_be_given_again(rig: Rig, error: Exception):
    build, ref = await waits(rig, PROCEED)
    answer = rig.builds.answer

    async def fails(*_):
        raise error

    rig.builds.answer = fails  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        await rig.run(MIA, f"answer {build} Proceed")
    rig.builds.answer = answer  # type: ignore[method-assign]
    await rig.run(RAJ, f"answer {build} Proceed")
    assert (await rig.builds.get_run(ref)).actions == ()


async def test_an_answer_whose_fate_is_not_known_is_looked_up(rig: Rig):
    build, ref = await waits(rig, PROCEED)
    answer = rig.builds.answer

    async def lost(ref, action, parameters):
        await answer(ref, action, parameters)
        raise OutcomeUnknown("builds", "the answer was lost", request_id="")

    rig.builds.answer = lost  # type: ignore[method-assign]
    await rig.run(MIA, f"answer {build} Proceed", request_id="wish")
    await rig.card_with(build, "answered by @mia")
    assert "went on" in (await rig.run(MIA, f"answer {build} Proceed", request_id="wish")).summary
    rig.builds.finish(ref)


async def test_what_waits_again_may_be_answered_again(rig: Rig):
    build, ref = await waits(rig, PROCEED)
    await rig.run(MIA, f"answer {build} Proceed")
    await rig.card_with(build, "running since")
    rig.put(ref, actions=(PROCEED,))
    await rig.card_with(build, "waits for a person")
    await rig.run(RAJ, f"answer {build} Proceed")
    await rig.card_with(build, "answered by @raj")


async def test_nothing_waits(rig: Rig):
    build, _ref = await waits(rig, PROCEED)
    error = await rig.refused(MIA, f"answer {build} Procede")
    assert error.code == "not_waiting"
    assert "It waits for: Proceed" in str(error.text)


async def test_a_deployment_whose_run_waits_has_the_button(rig: Rig):
    rig.builds.outcomes["checkout"] = Outcome()
    rig.deploys.outcomes["checkout/staging"] = Outcome(state=None)
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to staging")).subject
    deployment = await rig.reaches(at, DeploymentState.DEPLOYING)

    async def sent():
        return (await rig.get(at)).deploy_run

    async def why():
        return str(deployment)

    ref = RunRef.parse(await rig.until(sent, why))
    rig.deploys.show(ref, actions=(PROCEED,))
    rig.watch.wake(ref)
    card = await rig.card_with(at, "Roll out?", "[Proceed]", "[Cancel]")
    assert [key for key in await rig.keys("direct") if f"{at}/asks" in key]
    found = await rig.followed.answers.find(at)
    assert (found.resource.service, found.resource.environment) == ("checkout", "staging")
    press = buttons(card)["Proceed"]
    await rig.run(ANA, command=press.command, **press.args)
    await rig.card_with(at, "“Proceed” answered by @ana")
    rig.deploys.finish(ref)
    rig.watch.wake(ref)
    assert (await rig.reaches(at, DeploymentState.SUCCEEDED)).version == "v1.4.1"


class _Clock:
    """Sleeping moves it on."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


async def test_a_run_that_waits_for_a_person_is_not_late():
    clock, tool = _Clock(), FakeBuilds()
    tool.outcomes["j"] = Outcome(state=None)
    ref = await tool.start_build(BuildRequest(request_id="r", job="j", project="p", sha="a" * 40, version="1"))
    tool.show(ref, actions=(PROCEED,))
    seen: list[Run] = []

    async def changed(run: Run) -> None:
        seen.append(run)

    async def nothing(*_: object) -> None:
        return None

    async def not_cancelled() -> bool:
        if clock.at.hour >= 20 and not (await tool.get_run(ref)).state.final:
            tool.show(ref)
            tool.finish(ref)
        return False

    hooks = Hooks(cancelled=not_cancelled, changed=changed, logged=nothing, silent=nothing)
    run = await Watch(clock).follow(tool, ref, hooks, deadline=clock.at + timedelta(minutes=5))
    assert run.state is RunState.SUCCEEDED
    assert [action.id for action in seen[0].actions] == ["Proceed-1"]

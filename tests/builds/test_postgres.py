"""Builds on PostgreSQL, where transactions truly run at the same time: one answer, one retry, one history of tests."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.builds.rules import State
from bot.errors import UserError
from bot.reply import Reply
from integrations.capabilities.builds import BuildJob
from integrations.capabilities.runs import ManualAction, RunState
from tests.builds.rig import PARAMETERS, Rig, read, up
from tests.builds.test_tests import TestedBuilds, built
from tests.deployments.rig import ANA, MIA, RAJ, TOM
from tests.fakes.runs import Outcome


@pytest.fixture
async def rig(postgres_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, url=postgres_url, builds=TestedBuilds()) as made:
        yield made


async def test_racing_presses_have_one_winner(rig: Rig):
    rig.builds.outcomes["checkout"] = Outcome(state=None)
    build, ref = await rig.begins()
    rig.put(ref, state=RunState.RUNNING, actions=(ManualAction(id="p", label="Proceed"),))
    await rig.card_with(build.id, "waits for a person")
    told: list[str] = []
    answer = rig.builds.answer

    async def counted(run, action, parameters):
        told.append(action)
        await answer(run, action, parameters)

    rig.builds.answer = counted  # type: ignore[method-assign]
    presses = [rig.run(who, f"answer {build.id} Proceed") for who in (ANA, RAJ, TOM, MIA)]
    replies = await asyncio.gather(*presses, return_exceptions=True)
    assert len([one for one in replies if isinstance(one, Reply)]) == 1
    assert [one for one in replies if isinstance(one, BaseException) and not isinstance(one, UserError)] == []
    assert told == ["p"]
    rig.builds.finish(ref, RunState.FAILED, "no")
    rig.watch.wake(ref)
    await rig.comes_to(build.id, State.FAILED)
    again = await asyncio.gather(
        *(rig.run(who, f"build retry {build.id}") for who in (ANA, RAJ, TOM)), return_exceptions=True
    )
    (winner,) = (one for one in again if isinstance(one, Reply))
    assert {one.code for one in again if isinstance(one, UserError)} == {"retried"}
    await rig.comes_to(winner.subject, State.RUNNING)
    assert len(rig.built) == 2


async def test_the_history_of_tests(rig: Rig):
    await built(rig, ref="v1.4.0")
    await built(rig, "adds", ref="v1.4.1")
    await built(rig, "adds", "removes")
    said = read(await rig.run(MIA, "tests checkout"))
    assert said.index("*new* `shop.Cart › removes`") < said.index("*known* `shop.Cart › adds`")
    assert (await rig.audit.verify()).ok


async def test_a_secret_that_another_replica_could_not_read_is_refused(rig: Rig):
    rig.builds.jobs["checkout"] = BuildJob(name="checkout", parameters=PARAMETERS)
    error = await rig.refused(MIA, "build run checkout main --param TOKEN=hunter2")
    assert (error.code, rig.built) == ("no_key", [])
    assert "encryption_keys" in str(error.text)

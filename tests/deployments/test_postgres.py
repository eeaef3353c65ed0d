"""The road on PostgreSQL, where transactions truly run at the same time: no deadlock, one winner, one holder."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.deployments.rules import State
from bot.errors import UserError
from tests.deployments.rig import ANA, ERRORS, MIA, RAJ, TOM, Rig, up, words
from tests.fakes.metrics import Answer


@pytest.fixture
async def rig(postgres_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, url=postgres_url) as made:
        yield made


async def test_there_and_back(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    assert (await rig.deploy("v1.4.1", "production")).state is State.SUCCEEDED
    await rig.deploy("v1.4.2")
    rig.metrics.answers[ERRORS] = [Answer(value=0.31)]
    ended = await rig.deploy("v1.4.2", "production")
    assert ended.state is State.ROLLED_BACK
    assert "*v1.4.1*" in words(await rig.run(MIA, "where checkout"))
    assert (await rig.audit.verify()).ok


async def test_racing_clicks(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.2")
    at = (await rig.run(MIA, "deploy checkout@v1.4.2 to production")).subject
    digest = (await rig.reaches(at, State.AWAITING_APPROVAL)).plan_digest

    votes = [rig.run(who, command="approve", deployment=at, plan=digest) for who in (ANA, RAJ, TOM, ANA)]
    answers = await asyncio.gather(
        *votes, rig.run(ANA, f"reject {at} too late"), rig.run(MIA, f"cancel {at}"), return_exceptions=True
    )

    ended = await rig.reaches(at, State.SUCCEEDED, State.REJECTED, State.CANCELLED)
    assert [one for one in answers if isinstance(one, BaseException) and not isinstance(one, UserError)] == []
    sent = [request.request_id for request in rig.deployed].count(f"{at}/deploy")
    assert sent == (1 if ended.state is State.SUCCEEDED or ended.deploy_run else 0)


async def test_many_at_once_on_one_place(rig: Rig):
    rig.history()
    replies = await asyncio.gather(
        *(rig.run(MIA, f"deploy checkout@{version}") for version in ("v1.4.0", "v1.4.1", "v1.4.2"))
    )
    for reply in replies:
        await rig.reaches(reply.subject, State.SUCCEEDED)
    fences = [request.fence for request in rig.deployed]
    assert fences == sorted(set(fences))
    assert (await rig.audit.verify()).ok

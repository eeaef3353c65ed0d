"""Freezes where transactions run at the same time: one freeze for each scope, and nothing that waits is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.deployments.rules import State
from bot.errors import UserError
from bot.freezes import records
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE, Rig, up, words


@pytest.fixture(params=["sqlite", "postgresql"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    async with up(tmp_path, url=url) as made:
        made.history()
        yield made


async def test_of_many_at_once_one_freezes_and_the_others_change_it(rig: Rig):
    asked = (rig.run(who, f'freeze staging --for {hours}h --reason "{who.user}"')
             for hours, who in enumerate((ANA, MIA, RAJ, TOM, ZOE), start=1))  # fmt: skip
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert {error.code for error in refused if isinstance(error, UserError)} <= {"freeze_raced"}
    assert all(isinstance(error, UserError) for error in refused)
    async with rig.store.read() as conn:
        assert len(await records.in_force(conn, rig.clock.now())) == 1
    actions = [entry.action for entry in await rig.audit.recent() if entry.action.startswith("freeze.")]
    assert actions.count("freeze.declare") == 1
    assert len(actions) + len(refused) == 5
    assert (await rig.audit.verify()).ok


async def test_deployments_that_race_with_a_freeze_end_or_wait(rig: Rig):
    """Whoever wins, nobody is forgotten: what did not start waits, and goes when the freeze is lifted."""
    replies = await asyncio.gather(
        rig.run(MIA, "deploy checkout@v1.4.1 --queue"),
        rig.run(ZOE, 'freeze staging --reason "stop everything"'),
        rig.run(TOM, "deploy checkout@v1.4.2 --queue"),
    )
    stands = [
        await rig.reaches(replies[number].subject, State.QUEUED, State.DEPLOYING, State.SUCCEEDED) for number in (0, 2)
    ]
    assert stands
    await rig.run(RAJ, "unfreeze staging")
    for one in stands:
        await rig.reaches(one.id, State.SUCCEEDED)


async def test_it_ends_by_itself(rig: Rig):
    await rig.run(ZOE, 'freeze checkout/staging --for 1h --reason "moving disks"')
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
    await rig.reaches(at, State.QUEUED)
    assert "frozen until" in words(await rig.run(MIA, "where checkout"))
    await rig.move_on(hours=1, minutes=1)
    await rig.reaches(at, State.SUCCEEDED)


async def test_who_declared_it_is_asked_whether_it_is_still_needed(rig: Rig):
    """Once before its end, and once a day where it has none; after the end nobody is asked."""

    async def asked() -> list[str]:
        return [message.summary for key, message in await rig.said("direct") if "/nag/" in key]

    async def asks(times: int) -> None:
        async def so() -> bool:
            return len(await asked()) == times

        await rig.until(so, lambda: _words(asked))

    await rig.run(ZOE, 'freeze checkout/staging --for 10h --reason "moving disks"')
    await rig.run(ZOE, 'freeze checkout/production --reason "auditors"')
    await rig.move_on(hours=9, minutes=1)
    await asks(1)
    assert await asked() == ["Your freeze of checkout/staging ends soon: is it still needed?"]
    for times in (2, 3):
        await rig.move_on(hours=24, minutes=1)
        await asks(times)
    assert (await asked())[1:] == ["Your freeze of checkout/production has no end: is it still needed?"] * 2


async def _words(asked: Callable[[], Awaitable[list[str]]]) -> str:
    return str(await asked())

"""On PostgreSQL, where transactions truly run at the same time: approve, take back, start and tell, all at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.deployments.rules import State
from bot.errors import UserError
from bot.notices import workflow
from bot.notices.notices import Notices
from tests.approvals.conftest import quick, settle
from tests.approvals.test_reasking import asked_again, asks, push
from tests.approvals.test_revoking import asks_again
from tests.deployments.rig import ANA, MIA, RAJ, TOM, Rig, up
from tests.notices.conftest import berlin


@pytest.fixture
async def rig(postgres_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, url=postgres_url, config=quick()) as made:
        settle(made)
        yield made


async def test_approved_and_taken_back_at_once(rig: Rig):
    """Whatever wins, what is sent is approved, nothing is sent twice, and everybody is answered."""
    for number in range(8):
        at = await asks(rig, "v1.4.2") if number == 0 else await asks_again(rig)
        sent = len(rig.deployed)
        clicks = [rig.run(who, f"approve {at.id}") for who in (ANA, RAJ, TOM)]
        answers = await asyncio.gather(
            *clicks, *(rig.run(ANA, f"revoke {at.id}") for _ in range(3)), return_exceptions=True
        )
        odd = [one for one in answers if isinstance(one, BaseException) and not isinstance(one, UserError)]
        assert odd == []
        now = await rig.reaches(at.id, State.AWAITING_APPROVAL, State.SUCCEEDED)
        async with rig.store.read() as conn:
            standing = await rig.approvals.get(conn, at.approval_id)
        assert standing is not None
        if now.state is State.SUCCEEDED:
            assert standing.tally.satisfied
            assert len(rig.deployed) == sent + 1
        else:
            assert not standing.tally.satisfied
            assert len(rig.deployed) == sent
            await rig.run(MIA, f"cancel {at.id}")
    assert (await rig.audit.verify()).ok


async def test_asked_again_while_others_click(rig: Rig):
    at = await asks(rig)
    newer = await push(rig)
    await rig.run(ANA, f"approve {at.id}")
    await asyncio.gather(
        *(rig.run(who, command="approve", deployment=at.id, plan=at.plan_digest) for who in (RAJ, TOM, ANA)),
        return_exceptions=True,
    )
    now = await asked_again(rig, at.id)
    assert rig.deployed == [], "no click on the old plan counts for the new one"
    await rig.run(RAJ, command="approve", deployment=at.id, plan=now.plan_digest)
    await rig.reaches(at.id, State.SUCCEEDED)
    assert [request.sha for request in rig.deployed] == [newer]


async def test_wake_ups_of_one_person_at_once(rig: Rig):
    notices = Notices(rig.store, rig.clock, rig.outbox, berlin, lambda: timedelta(minutes=2))
    rig.outbox.holder = notices
    workflow.bind(notices)
    for number in range(3):
        sha = (await rig.git.resolve_ref("checkout", "v1.4.0")).sha
        rig.git.tag("checkout", f"v3.0.{number}", rig.git.commit("checkout", f"Change {number}", parents=(sha,)))
        await asks(rig, f"v3.0.{number}")
    rig.clock.ahead += timedelta(minutes=2)
    await asyncio.gather(*(notices.send(number) for number in range(1, 10) for _ in range(3)))
    for who in (ANA, RAJ, TOM):
        assert len([key for key, _ in await rig.said("direct") if who.user in key]) == 2

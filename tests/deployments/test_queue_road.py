"""One at a time on a place: the queue, locks in the way, and who goes next."""

import asyncio

from bot.deployments import places
from bot.deployments.rules import State
from integrations.capabilities.runs import RunRef, RunState
from tests.deployments.rig import ANA, MIA, TOM, ZOE, Rig, buttons, words
from tests.fakes.runs import Outcome


async def test_a_second_one_queues_and_says_so(rig: Rig):
    rig.history()
    rig.deploys.outcomes["checkout/staging"] = Outcome(state=None)
    first = (await rig.run(MIA, "deploy checkout@v1.4.1")).subject
    await rig.reaches(first, State.DEPLOYING)
    second = (await rig.run(TOM, "deploy checkout@v1.4.2")).subject
    await rig.reaches(second, State.QUEUED)
    third = (await rig.run(ZOE, "deploy checkout@v1.4.0")).subject
    await rig.reaches(third, State.QUEUED)

    assert f"Queued behind {first}" in words(await rig.card(second))
    assert f"Queued behind {second}" in words(await rig.card(third))
    where = words(await rig.run(MIA, "where checkout"))
    assert f"{second} v1.4.2: queued" in where

    for one in (first, second, third):

        async def sent(one: str = one) -> str:
            return (await rig.get(one)).deploy_run

        async def why(one: str = one) -> str:
            return f"{one} was never sent: {await rig.get(one)}"

        run = await rig.until(sent, why)
        rig.deploys.finish(RunRef.parse(run))
        await rig.reaches(one, State.SUCCEEDED)
    fences = [request.fence for request in rig.deployed]
    assert [request.version for request in rig.deploys.requests] == ["v1.4.1", "v1.4.2", "v1.4.0"]
    assert fences == sorted(set(fences))


async def test_many_at_once_hold_the_place_one_by_one(rig: Rig):
    rig.history()
    replies = await asyncio.gather(
        *(rig.run(MIA, f"deploy checkout@{version}") for version in ("v1.4.0", "v1.4.1", "v1.4.2"))
    )
    for reply in replies:
        await rig.reaches(reply.subject, State.SUCCEEDED)
    async with rig.store.read() as conn:
        standing = await places.get(conn, (await rig.get(replies[0].subject)).place)
    assert standing.holder == ""
    assert standing.fence == 3


async def test_the_same_wish_delivered_twice_is_one_deployment(rig: Rig):
    rig.history()
    replies = await asyncio.gather(*(rig.run(MIA, "deploy checkout@v1.4.1", request_id="once") for _ in range(3)))
    assert len({reply.subject for reply in replies}) == 1


async def test_a_lock_refuses_and_offers(rig: Rig):
    rig.history()
    await rig.run(TOM, 'lock checkout staging --reason "migrating PAY-300" --for 2h')

    error = await rig.refused(MIA, "deploy checkout@v1.4.1 to staging")

    assert error.code == "locked"
    assert "migrating PAY-300" in str(error.text)
    assert [move.label for move in error.moves] == ["Wait in the queue", "Ask @tom", "Take over the lock…"]
    await rig.run(MIA, command="ask-holder", **error.moves[1].args)
    assert any("@mia asks" in message.summary for _, message in await rig.said("direct"))
    waits = (await rig.run(MIA, command="deploy", **error.moves[0].args)).subject
    await rig.reaches(waits, State.QUEUED)
    assert "locked by @tom" in words(await rig.card(waits))
    assert rig.deploys.requests == []
    mine = (await rig.run(TOM, "deploy checkout@v1.4.0")).subject
    await rig.reaches(mine, State.SUCCEEDED)  # one's own lock is not in one's way
    assert (await rig.get(waits)).state is State.QUEUED
    await rig.run(TOM, "unlock checkout staging")
    await rig.reaches(waits, State.SUCCEEDED)


async def test_a_lock_that_ends_lets_the_queue_go(rig: Rig):
    rig.history()
    await rig.run(TOM, "lock everything --for 10m")
    waits = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
    await rig.reaches(waits, State.QUEUED)
    await rig.move_on(minutes=11)
    await rig.reaches(waits, State.SUCCEEDED)
    assert any("has ended" in message.summary for _, message in await rig.said("direct"))


async def test_a_lock_taken_after_the_approval_holds_it_back(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    at = (await rig.run(MIA, "deploy checkout@v1.4.1 to production")).subject
    await rig.reaches(at, State.AWAITING_APPROVAL)
    await rig.run(ZOE, "lock checkout production")
    await rig.run(ANA, f"approve {at}")
    await rig.reaches(at, State.QUEUED)
    await rig.run(ZOE, "unlock checkout production")
    await rig.reaches(at, State.SUCCEEDED)


async def test_cancel_in_the_queue(rig: Rig):
    rig.history()
    await rig.run(TOM, "lock checkout staging")
    waits = (await rig.run(MIA, "deploy checkout@v1.4.1 --queue")).subject
    await rig.reaches(waits, State.QUEUED)
    await rig.run(MIA, f"cancel {waits}")
    ended = await rig.reaches(waits, State.CANCELLED)
    assert "Ask again for v1.4.1" in buttons(await rig.card(waits))
    await rig.run(TOM, "unlock checkout staging")
    assert (await rig.get(waits)).state_since == ended.state_since


async def test_after_a_failure_the_next_one_goes(rig: Rig):
    rig.history()
    rig.deploys.outcomes["checkout/staging"] = Outcome(state=None)
    first = (await rig.run(MIA, "deploy checkout@v1.4.1")).subject

    async def sent() -> str:
        return (await rig.get(first)).deploy_run

    async def why() -> str:
        return f"never sent: {await rig.get(first)}"

    run = await rig.until(sent, why)
    second = (await rig.run(MIA, "deploy checkout@v1.4.2")).subject
    await rig.reaches(second, State.QUEUED)
    rig.deploys.outcomes.clear()
    rig.deploys.finish(RunRef.parse(run), RunState.FAILED, "no")
    await rig.reaches(first, State.FAILED)
    await rig.reaches(second, State.SUCCEEDED)

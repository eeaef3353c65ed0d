"""Taken back before anything was sent: by who gave it, from wherever it waits; against the start one of them wins."""

import asyncio

from bot.approvals.rules import State as ApprovalState
from bot.deployments.rules import State
from bot.errors import UserError
from tests.approvals.reloading import use, with_production
from tests.approvals.test_reasking import asks
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE, Rig, buttons, words

TWO = {"count": 2, "from": ["release-managers"]}


async def test_the_first_of_two_is_taken_back(rig: Rig):
    use(rig, with_production(rig, approvals=[TWO]))
    at = await asks(rig, "v1.4.2")
    await rig.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
    card = await rig.card(at.id)
    assert "1 of 2" in words(card)

    pressed = buttons(card)["Take back my approval"]
    await rig.run(ANA, command=pressed.command, request_id="back", **pressed.args)
    await rig.run(ANA, command=pressed.command, request_id="back", **pressed.args)  # delivered again

    said = words(await rig.card(at.id))
    assert "0 of 2" in said
    assert "@ana took theirs back" in said
    assert "Take back my approval" not in buttons(await rig.card(at.id))
    await rig.run(RAJ, f"approve {at.id}")
    assert (await rig.get(at.id)).state is State.AWAITING_APPROVAL
    await rig.run(ANA, f"approve {at.id}")  # and may give it again
    await rig.reaches(at.id, State.SUCCEEDED)
    actions = [one.action for one in await rig.audit.recent(subject=at.id)]
    assert actions.count("deployment.vote.revoke") == 1


async def test_from_the_queue_it_waits_for_approval_again(rig: Rig):
    await rig.run(ZOE, "lock checkout production --reason busy")
    at = await asks_patiently(rig)
    await rig.run(ANA, f"approve {at.id}")
    await rig.reaches(at.id, State.QUEUED)
    assert "Take back my approval" in buttons(await rig.card(at.id))
    await rig.move_on(hours=3, minutes=59)

    await rig.run(ANA, f"revoke {at.id} the tests are red")

    back = await rig.reaches(at.id, State.AWAITING_APPROVAL)
    async with rig.store.read() as conn:
        standing = await rig.approvals.get(conn, at.approval_id)
    assert standing is not None
    assert standing.approval.state is ApprovalState.OPEN
    left = standing.approval.expires_at - rig.clock.now()
    assert left.total_seconds() > 3.9 * 3600, "it waits as long as at first"
    asked = [message for key, message in await rig.said("post") if f"{at.id}/ask/1" in key]
    assert "took their approval back" in words(asked[0])
    assert not buttons(asked[0])
    assert asked[1].summary.startswith("Approval wanted again")
    assert "<@U0RAJ>" in words(asked[1])
    assert "<@U0ANA>" not in words(asked[1])
    await rig.run(ZOE, "unlock checkout production")
    assert (await rig.get(at.id)).state is State.AWAITING_APPROVAL, "an opened way starts nothing unapproved"
    await rig.run(RAJ, command="approve", deployment=at.id, plan=back.plan_digest)
    await rig.reaches(at.id, State.SUCCEEDED)
    asked = [message for key, message in await rig.said("post") if f"{at.id}/ask/1" in key]
    assert not any(buttons(message) for message in asked)


async def test_what_is_asked_again_expires(rig: Rig):
    await rig.run(ZOE, "lock checkout production --reason busy")
    at = await asks_patiently(rig)
    await rig.run(ANA, f"approve {at.id}")
    await rig.run(ANA, f"revoke {at.id}")
    await rig.move_on(hours=5)
    await rig.reaches(at.id, State.EXPIRED)


async def test_only_ones_own_and_not_too_late(rig: Rig):
    at = await asks(rig, "v1.4.2")
    assert (await rig.refused(RAJ, f"revoke {at.id}")).code == "nothing_to_revoke"
    await rig.run(ANA, f"approve {at.id}")
    await rig.reaches(at.id, State.SUCCEEDED)
    error = await rig.refused(ANA, f"revoke {at.id}")
    assert error.code == "too_late_to_revoke"
    assert len(rig.deployed) == 1
    assert (await rig.refused(MIA, "revoke D-9")).code == "unknown_deployment"


async def test_against_the_start_one_wins(rig: Rig):
    """Ten rounds: what is taken back never starts, and what has started is not taken back."""
    ends = set()
    for number in range(10):
        at = await asks(rig, "v1.4.2") if number == 0 else await asks_again(rig)
        sent = len(rig.deployed)
        await rig.run(ANA, f"approve {at.id}")
        for _ in range(number):
            await asyncio.sleep(0)
        refused = await tried(rig, f"revoke {at.id}")
        if refused:
            assert refused in {"too_late_to_revoke", "raced"}
            await rig.reaches(at.id, State.SUCCEEDED)
            assert len(rig.deployed) == sent + 1
            ends.add("sent")
        else:
            assert (await rig.get(at.id)).state is State.AWAITING_APPROVAL
            assert len(rig.deployed) == sent
            await rig.run(MIA, f"cancel {at.id}")
            ends.add("taken back")
    assert "taken back" in ends


async def test_who_is_somebody_else_takes_nothing_back(rig: Rig):
    use(rig, with_production(rig, approvals=[TWO]))
    at = await asks(rig, "v1.4.2")
    await rig.run(ANA, f"approve {at.id}")
    for who in (MIA, TOM, RAJ, ZOE):
        assert (await rig.refused(who, f"revoke {at.id}")).code == "nothing_to_revoke"
    assert "1 of 2" in words(await rig.card(at.id))


async def tried(rig: Rig, text: str) -> str:
    """Have ana type this; return the code of the refusal, "" for none."""
    try:
        await rig.run(ANA, text)
    except UserError as error:
        return error.code
    return ""


async def asks_patiently(rig: Rig):
    reply = await rig.run(MIA, "deploy checkout@v1.4.2 to production --queue")
    return await rig.reaches(reply.subject, State.AWAITING_APPROVAL)


async def asks_again(rig: Rig):
    reply = await rig.run(MIA, "deploy checkout@v1.4.2 to production --again")
    return await rig.reaches(reply.subject, State.AWAITING_APPROVAL)

"""Approvals on the road: who may, what they bind to, one winner, expiry, rejection."""

import asyncio

import pytest

from bot.deployments.rules import State
from bot.errors import UserError
from bot.identity import Person
from integrations.capabilities.git import Author
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE, Rig, buttons, words


async def waiting(rig: Rig, ref: str = "v1.4.2") -> str:
    """Bring production to wait for approval of 1.4.2 over 1.4.1; return the deployment's id."""
    await rig.deploy("v1.4.1")
    await rig.deploy("v1.4.1", "production")
    await rig.deploy("v1.4.2")
    reply = await rig.run(MIA, f"deploy checkout@{ref} to production")
    return (await rig.reaches(reply.subject, State.AWAITING_APPROVAL)).id


async def test_neither_requester_nor_author_approves(rig: Rig):
    rig.history()
    tip = rig.git.commit(
        "checkout",
        "Pair on it\n\nCo-authored-by: Tom <TOM@example.org>",
        files={"version": b"2"},
        parents=((await rig.git.resolve_ref("checkout", "v1.4.2")).sha,),
        author=Author(name="zoe", email="zoe@example.org"),
    )
    rig.git.tag("checkout", "v1.4.3", tip)
    await rig.deploy("v1.4.2")
    await rig.deploy("v1.4.2", "production")
    await rig.deploy("v1.4.3")
    reply = await rig.run(MIA, "deploy checkout@v1.4.3 to production")
    at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)

    codes = {who: (await rig.refused(who, f"approve {at.id}")).code for who in (MIA, TOM, ZOE)}

    assert codes == {MIA: "not_by_you", TOM: "not_by_you", ZOE: "not_by_you"}
    assert (await rig.get(at.id)).state is State.AWAITING_APPROVAL
    assert rig.deployed[-1].environment == "staging"


async def test_only_the_groups_that_are_asked(rig: Rig):
    rig.history()
    at = await waiting(rig)
    assert (await rig.refused(ZOE, f"approve {at}")).code in {"not_an_approver", "not_by_you"}


async def test_two_approvers_in_the_same_moment(rig: Rig):
    rig.history()
    at = await waiting(rig)
    digest = (await rig.get(at)).plan_digest

    answers = await asyncio.gather(
        *(rig.run(who, command="approve", deployment=at, plan=digest) for who in (ANA, RAJ)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, UserError)]
    assert [error.code for error in refused] == ["decided"] or [error.code for error in refused] == ["not_waiting"]
    await rig.reaches(at, State.SUCCEEDED)
    assert [request.request_id for request in rig.deploys.requests].count(f"{at}/deploy") == 1


async def test_the_same_click_twice(rig: Rig):
    rig.history()
    at = await waiting(rig)
    digest = (await rig.get(at)).plan_digest

    replies = await asyncio.gather(
        *(rig.run(ANA, command="approve", deployment=at, plan=digest, request_id=f"click-{n}") for n in range(3))
    )

    assert {reply.subject for reply in replies} == {at}
    await rig.reaches(at, State.SUCCEEDED)
    async with rig.store.read() as conn:
        standing = await rig.approvals.get(conn, f"{at}/1")
    assert standing is not None
    assert len(standing.approval.votes) == 1


async def test_an_old_card(rig: Rig):
    rig.history()
    at = await waiting(rig)

    error = await rig.refused(ANA, command="approve", deployment=at, plan="0" * 16)

    assert error.code == "stale_card"
    assert [button.command for button in error.moves] == ["plan"]


async def test_asked_again_when_what_runs_moved(rig: Rig):
    rig.history()
    at = await waiting(rig)
    old = await rig.get(at)
    place = ("checkout/production", "checkout", "production", "")
    running = rig.deploys.running[place]
    rig.deploys.running[place] = type(running)(
        sha=(await rig.git.resolve_ref("checkout", "v1.4.0")).sha, version="v1.4.0"
    )

    await rig.run(ANA, command="approve", deployment=at, plan=old.plan_digest)

    async def asked_again() -> bool:
        now = await rig.get(at)
        return now.state is State.AWAITING_APPROVAL and now.generation == 2

    async def why() -> str:
        return f"not asked again: {await rig.get(at)}"

    await rig.until(asked_again, why)
    again = await rig.get(at)
    assert again.plan_digest != old.plan_digest
    assert again.previous_version == "v1.4.0"
    assert "void" in words(await rig.card(at))
    assert (await rig.refused(ANA, command="approve", deployment=at, plan=old.plan_digest)).code == "stale_card"
    await rig.run(RAJ, command="approve", deployment=at, plan=again.plan_digest)
    await rig.reaches(at, State.SUCCEEDED)


async def test_expiry_by_the_deadline(rig: Rig):
    rig.history()
    at = await waiting(rig)
    await rig.move_on(hours=5)
    ended = await rig.reaches(at, State.EXPIRED)
    assert ended.code == "expired"
    assert (await rig.refused(ANA, f"approve {at}")).code == "not_waiting"


async def test_expiry_is_decided_on_read(rig: Rig):
    rig.history()
    at = await waiting(rig)
    rig.clock.ahead += type(rig.clock.ahead)(hours=5)  # nobody woke the deadline

    error = await rig.refused(ANA, f"approve {at}")

    assert error.code in {"expired", "not_waiting"}
    await rig.reaches(at, State.EXPIRED)


async def test_rejection_needs_a_reason_and_ends_it(rig: Rig):
    rig.history()
    at = await waiting(rig)
    assert (await rig.refused(ANA, command="reject", deployment=at, reason="  ")).code == "reason_missing"

    await rig.run(ANA, f"reject {at} not before the holidays")

    ended = await rig.reaches(at, State.REJECTED)
    assert "not before the holidays" in ended.words
    assert any("not before the holidays" in message.summary for _, message in await rig.said("direct"))


async def test_who_is_asked_is_told_by_new_messages(rig: Rig):
    rig.history()
    at = await waiting(rig)
    posts = [message for key, message in await rig.said("post") if f"{at}/ask" in key]
    told = [key for key, _ in await rig.said("direct") if f"{at}/ask" in key]
    assert len(posts) == 1
    assert "Approval wanted" in posts[0].summary
    assert "<@U0ANA>" in words(posts[0])
    assert MIA.user not in words(posts[0])
    assert len(told) == 3  # ana, raj and tom, who wrote nothing of it
    assert "<@" not in words(await rig.card(at))
    assert set(buttons(posts[0])) == {"Approve", "Reject…"}


@pytest.mark.parametrize("text", ["<!channel>", "*hello*"])
async def test_what_commits_say_is_only_text(rig: Rig, text: str):
    rig.history()
    at = await waiting(rig)
    assert "<!channel>" not in words(await rig.card(at))


async def test_an_author_is_known_by_the_address_that_slack_has(rig: Rig):
    rig.history()
    at = await waiting(rig)

    async def slack_says(_person: Person) -> list[str]:
        return ["ZOE@example.org"]

    rig.approvals.reader.emails_of = slack_says
    assert (await rig.refused(RAJ, f"approve {at}")).code == "not_by_you"

    async def slack_is_away(_person: Person) -> list[str]:
        raise OSError

    rig.approvals.reader.emails_of = slack_is_away
    await rig.run(RAJ, f"approve {at}")
    await rig.reaches(at, State.SUCCEEDED)


async def test_a_group_that_cannot_be_read_is_a_no(rig: Rig):
    rig.history()
    at = await waiting(rig)
    groups = rig.settings.groups
    unreadable = groups["release-managers"].model_copy(update={"people": (), "usergroup": "S0GONE"})
    changed = rig.settings.model_copy(update={"groups": {**groups, "release-managers": unreadable}})
    rig.permissions.replace(changed)

    assert (await rig.refused(ANA, f"approve {at}")).code == "membership_unreadable"

    rig.permissions.replace(rig.settings)
    await rig.run(ANA, f"approve {at}")
    await rig.reaches(at, State.SUCCEEDED)

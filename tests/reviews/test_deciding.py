"""/mr approve and /mr merge: as the person, at the head they saw, once."""

import asyncio

import pytest

from bot.command import Trigger
from integrations.capabilities.merge_requests import MergeState
from integrations.errors import NotPermitted, OutcomeUnknown, Unavailable
from tests.grants.conftest import buttons, words
from tests.reviews.conftest import MIA, SHOP, TOM


async def test_a_press_approves_as_the_person_at_the_head_they_saw(reviewed, forge):
    reply = await reviewed.press(MIA, await reviewed.ask(MIA, "mr show checkout 12"), "Approve")
    assert reply.summary == "!12 of checkout approved by @mia"
    assert reply.share
    assert forge.merge_requests[SHOP, 12].approved_by == ("mia",)
    (used,) = await reviewed.entries("grant.used")
    assert (used.actor, used.subject, used.data["for"]) == (MIA, "shop/checkout!12", "mr approve")


async def test_a_press_merges_as_the_person(reviewed, forge):
    reply = await reviewed.press(MIA, await reviewed.ask(MIA, "mr show checkout 12"), "Merge…")
    assert reply.summary == "!12 of checkout merged by @mia"
    assert "ffffffff" in words(reply)
    assert forge.merge_requests[SHOP, 12].merged_by == "mia"


@pytest.mark.parametrize("label", ["Approve", "Merge…"])
async def test_what_moved_since_it_was_shown_is_not_decided(reviewed, forge, label):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    forge.change(SHOP, 12, sha="d" * 40)
    reply = await reviewed.press(MIA, seen, label)
    assert reply.code == "changed"
    assert "changed since you looked" in words(reply)
    assert forge.merge_requests[SHOP, 12].state is MergeState.OPEN
    again = await reviewed.press(MIA, reply, "Show again")
    assert (await reviewed.press(MIA, again, label)).code == ""


async def test_what_moves_in_the_last_moment_is_not_merged_either(reviewed, forge):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    merge = forge.merge

    async def pushed_meanwhile(*args):
        forge.change(SHOP, 12, sha="e" * 40)
        return await merge(*args)

    forge.merge = pushed_meanwhile
    assert (await reviewed.press(MIA, seen, "Merge…")).code == "changed"
    assert forge.merge_requests[SHOP, 12].state is MergeState.OPEN


@pytest.mark.parametrize("verb", ["approve", "merge"])
async def test_typed_without_a_head_it_is_shown_first(reviewed, forge, verb):
    reply = await reviewed.ask(MIA, f"mr {verb} checkout 12")
    assert f"mr {verb} checkout 12 --sha " in words(reply)
    assert forge.merge_requests[SHOP, 12].approved_by == ()
    assert forge.merge_requests[SHOP, 12].state is MergeState.OPEN
    short = forge.merge_requests[SHOP, 12].sha[:8]
    assert (await reviewed.ask(MIA, f"mr {verb} checkout 12 --sha {short}")).code == ""
    assert (await reviewed.ask(MIA, f"mr {verb} checkout 12 --sha {short[:4]}")).code == "changed", "too short to tell"


async def test_a_mention_only_brings_up_a_button(reviewed, forge):
    sha = forge.merge_requests[SHOP, 12].sha
    reply = await reviewed.ask(MIA, f"mr merge checkout 12 --sha {sha}", trigger=Trigger.MENTION)
    assert reply.code == "press_to_confirm"
    assert forge.merge_requests[SHOP, 12].state is MergeState.OPEN


@pytest.mark.parametrize(("verb", "label"), [("approve", "Approve in forge"), ("merge", "Merge in forge")])
async def test_a_press_without_a_grant_does_nothing_and_offers_both_ways(reviewed, forge, verb, label):
    args = {"service": "checkout", "number": "12", "sha": forge.merge_requests[SHOP, 12].sha}
    reply = await reviewed.ask(TOM, command=f"mr {verb}", args=args)
    assert reply.code == "not_connected"
    assert list(buttons(reply)) == [label, "Connect forge…"]
    assert forge.calls.get("merge", 0) == forge.calls.get("approve_merge_request", 0) == 0


async def test_a_grant_that_was_revoked_at_the_tool_decides_nothing(reviewed, forge):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    forge.revoke_all("mia")
    assert (await reviewed.press(MIA, seen, "Merge…")).code == "not_connected"
    assert forge.merge_requests[SHOP, 12].state is MergeState.OPEN


async def test_merged_by_somebody_else_meanwhile_is_said_and_by_whom(reviewed, forge):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    forge.change(SHOP, 12, state=MergeState.MERGED, merged_by="ada", merge_sha="c" * 40)
    reply = await reviewed.press(MIA, seen, "Merge…")
    assert "was merged by @ada meanwhile" in words(reply)
    assert "cccccccc" in words(reply)
    reply = await reviewed.press(MIA, seen, "Approve")
    assert (reply.code, "was merged by @ada as cccccccc" in words(reply)) == ("not_open", True)
    assert forge.calls.get("merge", 0) == 0


async def test_two_who_merge_in_the_same_moment_merge_once_and_both_are_told(reviewed, forge):
    await reviewed.connect(TOM, "tom")
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    replies = await asyncio.gather(reviewed.press(MIA, seen, "Merge…"), reviewed.press(TOM, seen, "Merge…"))
    assert {reply.code for reply in replies} == {""}
    by = forge.merge_requests[SHOP, 12].merged_by
    assert by in {"mia", "tom"}
    assert all(f"@{by}" in words(reply) for reply in replies)


async def test_an_answer_that_got_lost_is_looked_for_and_nothing_is_sent_twice(reviewed, forge):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    forge.lost = True
    reply = await reviewed.press(MIA, seen, "Merge…")
    assert reply.summary == "!12 of checkout merged by @mia"
    assert forge.calls["merge"] == 1


async def test_a_merge_of_which_nothing_is_known_is_not_sent_again(reviewed, forge):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    sent = []

    async def lost(*args):
        sent.append(args)
        raise OutcomeUnknown("forge", "no answer", request_id="")

    forge.merge = lost
    reply = await reviewed.press(MIA, seen, "Merge…")
    assert reply.code == "outcome_unknown"
    assert "nothing was sent twice" in words(reply)
    assert list(buttons(reply)) == ["Show again"]
    assert len(sent) == 1


async def test_the_same_wish_run_again_after_a_crash_merges_once(reviewed, forge):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    first = await reviewed.press(MIA, seen, "Merge…", delivery_id="same")
    again = await reviewed.press(MIA, seen, "Merge…", delivery_id="same")
    assert first.summary == again.summary == "!12 of checkout merged by @mia"
    assert forge.calls["merge"] == 1


async def test_what_the_tool_refuses_is_said_in_its_own_words(reviewed, forge):
    seen = await reviewed.ask(MIA, "mr show checkout 12")
    forge.change(SHOP, 12, obstacles=("discussions are not resolved",))
    reply = await reviewed.press(MIA, seen, "Merge…")
    assert (reply.code, "discussions are not resolved" in words(reply)) == ("tool_refused", True)
    forge.failure = NotPermitted("forge", "Developer access is needed")
    assert (await reviewed.press(MIA, seen, "Approve")).code == "not_permitted"
    forge.failure = Unavailable("forge", "no answer")
    assert (await reviewed.press(MIA, seen, "Approve")).code == "unavailable"


async def test_who_may_not_decide_is_told_who_could(reviewed):
    reviewed.permissions.replace(
        reviewed.settings.model_copy(
            update={"permissions": type(reviewed.settings).model_validate({"permissions": [ONLY_READ]}).permissions}
        )
    )
    reply = await reviewed.ask(MIA, "mr merge checkout 12 --sha abcdef12")
    assert reply.code == "not_allowed"
    assert "merge_request.decide" in words(reply)


ONLY_READ = {"allow": ["merge_request.read"], "to": ["everyone"]}

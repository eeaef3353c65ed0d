"""/mr list, show and remind: what waits, for whom, and what stands in the way."""

import pytest

from integrations.capabilities.merge_requests import MergeState
from integrations.capabilities.runs import RunState
from integrations.errors import Unavailable
from tests.grants.conftest import buttons, words
from tests.reviews.conftest import MIA, SHOP, TOM


async def test_the_list_says_what_each_waits_for(reviewed, forge, clock):
    forge.change(SHOP, 12, pipeline=RunState.FAILED)
    clock.pass_by(days=3)
    reply = await reviewed.ask(TOM, "mr list checkout")
    said = words(reply)
    assert reply.summary == "2 open merge requests of checkout"
    assert "!12 Retry &lt;!channel&gt; card" in said, "no title mentions anybody"
    assert "@ada · 3 d · 1 approval left · pipeline failed" in said
    assert "draft · conflicts with its target · no pipeline" in said
    shown = await reviewed.press(TOM, reply, "Show !13")
    assert shown.summary == "!13 Drop the cache (checkout): open"


async def test_one_is_shown_with_its_obstacles_and_buttons_for_who_has_lent_a_grant(reviewed):
    reply = await reviewed.ask(MIA, "mr show checkout !12")
    assert "by @ada · feature-12 → main" in words(reply)
    assert "1 approval left" in words(reply)
    assert "to review: @mia, @tom" in words(reply)
    assert "labels: payments" in words(reply)
    assert "Nothing stands in the way of a merge." in words(reply)
    assert list(buttons(reply)) == ["Approve", "Merge…", "Open !12"]
    assert buttons(reply)["Merge…"].confirm is not None
    blocked = await reviewed.ask(MIA, "mr show checkout 13")
    assert "*Cannot be merged now:* it has conflicts; it is a draft." in words(blocked)
    assert list(buttons(blocked)) == ["Approve", "Open !13"]


async def test_without_a_grant_the_buttons_are_links_and_one_leads_to_signing_in(reviewed):
    reply = await reviewed.ask(TOM, "mr show checkout 12")
    found = buttons(reply)
    assert list(found) == ["Approve in forge", "Merge in forge", "Connect forge…"]
    assert found["Approve in forge"].url == "https://forge.example/shop/checkout/-/merge_requests/12"
    assert found["Connect forge…"].command == "connect"


async def test_ones_own_and_what_one_has_approved_has_no_approve_button(reviewed, forge):
    forge.change(SHOP, 12, author="mia")
    assert "Approve" not in buttons(await reviewed.ask(MIA, "mr show checkout 12"))
    forge.change(SHOP, 12, author="ada", approved_by=("mia",))
    assert "Approve" not in buttons(await reviewed.ask(MIA, "mr show checkout 12"))


async def test_what_is_merged_or_closed_or_unclear_is_said(reviewed, forge):
    forge.change(SHOP, 12, obstacles=None)
    assert "still being found out" in words(await reviewed.ask(MIA, "mr show checkout 12"))
    forge.change(SHOP, 12, state=MergeState.MERGED, merged_by="ada", merge_sha="c" * 40)
    reply = await reviewed.ask(MIA, "mr show checkout 12")
    assert "Merged by @ada as `cccccccc`." in words(reply)
    assert list(buttons(reply)) == ["Open !12"]
    forge.change(SHOP, 12, state=MergeState.CLOSED)
    assert "Closed without a merge." in words(await reviewed.ask(MIA, "mr show checkout 12"))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("mr list chekout", "unknown_service", "Did you mean checkout?"),
        ("mr show checkout 99", "unknown_merge_request", "Open are !13, !12."),
        ("mr show search 1", "unknown_merge_request", "None is open."),
        ("mr show checkout twelve", "bad_number", "write its number, such as 12 or !12"),
        ("mr list checkout --limit 99", "bad_limit", "from 1 to 20"),
    ],
)
async def test_bad_input_is_answered_with_what_would_be_right(reviewed, text, code, said):
    reply = await reviewed.ask(MIA, text)
    assert reply.code == code
    assert said in words(reply)


@pytest.mark.parametrize(
    "number", ["12", "!12", "#12", "https://forge.example/shop/checkout/-/merge_requests/12?tab=notes"]
)
async def test_a_number_may_be_written_as_people_do(reviewed, number):
    assert (await reviewed.ask(MIA, command="mr show", args={"service": "checkout", "number": number})).code == ""


async def test_a_tool_that_is_away_says_so(reviewed, forge):
    forge.failure = Unavailable("forge", "no answer within 15 s")
    assert (await reviewed.ask(MIA, "mr list checkout")).code == "unavailable"


async def test_a_reminder_names_what_waits_longest_first_and_for_whom(reviewed, forge, clock):
    forge.add_merge_request(SHOP, 14, title="Older", reviewers=("tom",), updated_at=None, created_at=None)
    forge.change(SHOP, 14, updated_at=clock.now().replace(day=1, hour=0), approvals_left=1)
    reply = await reviewed.ask(MIA, "mr remind checkout")
    assert reply.share, "it is for all to see"
    assert reply.summary == "2 of checkout wait for a review, the longest first"
    said = words(reply)
    assert said.index("!14 Older") < said.index("!12 Retry")
    assert "Drop the cache" not in said, "a draft waits for its author"
    assert "@tom" in said


async def test_an_empty_list_says_so(quay):
    assert "No merge request of *checkout* is open." in words(await quay.ask(MIA, "mr list checkout"))
    assert "Nothing of *checkout* waits" in words(await quay.ask(MIA, "mr remind checkout"))

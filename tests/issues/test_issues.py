"""/issue: created once, listed, assigned and closed."""

import pytest

from integrations.errors import Unavailable
from tests.grants.conftest import MIA, TOM, buttons, words

SHOP = "shop/checkout"


async def test_an_issue_is_created_with_who_asked_for_it(quay, forge):
    reply = await quay.ask(
        MIA, "issue create checkout The card &lt;!channel&gt; form --label bug,ui --body 'since 1.4'", person_name="Mia"
    )
    assert reply.summary == "Created issue #1 of checkout: The card <!channel> form"
    assert "<!channel>" not in words(reply)
    assert reply.share
    (issue,) = await forge.list_issues(SHOP)
    assert (issue.title, issue.labels) == ("The card <!channel> form", ("bug", "ui"))
    assert forge.bodies[SHOP, "1"] == "since 1.4\n\nAsked for by Mia in Slack."


async def test_who_has_lent_a_grant_keeps_issues_as_themselves(quay, forge):
    await quay.connect(MIA, "mia")
    created = await quay.ask(MIA, "issue create checkout Slow start --body 'since 1.4'")
    assert "done as @mia" in words(created)
    (issue,) = await forge.list_issues(SHOP)
    assert (issue.author, forge.bodies[SHOP, "1"]) == ("mia", "since 1.4"), "nobody else asked for it"
    assert "done as @mia" in words(await quay.press(MIA, created, "Assign to me"))
    assert "done as @mia" in words(await quay.press(MIA, created, "Close"))
    used = [(entry.data["for"], entry.subject) for entry in await quay.entries("grant.used")]
    assert used == [("issue create", SHOP), ("issue assign", f"{SHOP}#1"), ("issue close", f"{SHOP}#1")]


async def test_an_issue_of_ones_own_whose_answer_got_lost_is_found_again(quay, forge):
    await quay.connect(MIA, "mia")
    forge.lost = True
    assert (await quay.ask(MIA, "issue create checkout Slow start")).summary.startswith("Created issue #1")
    assert [one.author for one in await forge.list_issues(SHOP)] == ["mia"]


async def test_a_grant_that_has_ended_is_said_and_shipmate_may_do_it_then(quay, forge):
    await quay.connect(MIA, "mia")
    forge.revoke_all("mia")
    reply = await quay.ask(MIA, "issue create checkout Slow start")
    assert (reply.code, list(buttons(reply))) == ("not_connected", ["Connect forge…"])
    assert list(await forge.list_issues(SHOP)) == []
    await quay.ask(MIA, "issue create checkout Slow start")
    assert [one.author for one in await forge.list_issues(SHOP)] == ["fake"]


async def test_the_same_wish_run_again_creates_it_once(quay, forge):
    replies = [await quay.ask(MIA, "issue create checkout Slow start", delivery_id="same") for _ in range(2)]
    assert all(reply.summary.startswith("Created issue #1") for reply in replies)
    assert len(await forge.list_issues(SHOP)) == 1


async def test_a_creation_whose_answer_got_lost_is_found_again(quay, forge):
    forge.lost = True
    reply = await quay.ask(MIA, "issue create checkout Slow start")
    assert reply.summary.startswith("Created issue #1")
    assert len(await forge.list_issues(SHOP)) == 1


async def test_issues_are_listed_assigned_and_closed(quay, forge):
    await quay.ask(MIA, "issue create checkout First")
    created = await quay.ask(MIA, "issue create checkout Second --assign tom")
    assert "Assign to me" not in buttons(created)
    assert "@tom" in words(await quay.ask(MIA, "issue list checkout"))
    of_tom = await quay.ask(MIA, "issue list checkout of tom")
    assert of_tom.summary == "1 open issue of checkout of @tom"
    reply = await quay.ask(MIA, "issue assign checkout #1 to tom")
    assert reply.summary == "Issue #1 of checkout is assigned to tom"
    closed = await quay.press(MIA, created, "Close")
    assert closed.summary == "Issue #2 of checkout is closed"
    assert (await quay.press(MIA, created, "Close")).code == "", "closed already is no error"
    assert [issue.key for issue in await forge.list_issues(SHOP)] == ["1"]


async def test_me_is_the_linked_account_and_without_one_it_is_said(quay):
    created = await quay.ask(MIA, "issue create checkout First")
    reply = await quay.press(MIA, created, "Assign to me")
    assert reply.code == "unknown_account"
    assert list(buttons(reply)) == ["Connect forge…"]
    await quay.connect(MIA, "mia")
    assert (await quay.press(MIA, created, "Assign to me")).summary == "Issue #1 of checkout is assigned to mia"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("issue list chekout", "unknown_service", "Did you mean checkout?"),
        ("issue close checkout 99", "unknown_issue", "Known: 1."),
        ("issue assign checkout 1 to nobody", "tool_refused", "no user nobody"),
        ("issue list checkout --limit 0", "bad_limit", "from 1 to 50"),
        (f"issue create checkout {'x' * 300}", "bad_title", "1 to 255 characters"),
        ("issue creat checkout x", "", "Did you mean issue create?"),
    ],
)
async def test_bad_input_is_answered_with_what_would_be_right(quay, text, code, said):
    await quay.ask(MIA, "issue create checkout First")
    if not code:
        with pytest.raises(Exception, match=r"Did you mean issue create\?"):
            await quay.ask(TOM, text)
        return
    reply = await quay.ask(TOM, text)
    assert reply.code == code
    assert said in words(reply)


async def test_a_tracker_that_is_away_says_so(quay, forge):
    forge.failure = Unavailable("forge", "no answer")
    assert (await quay.ask(MIA, "issue list checkout")).code == "unavailable"

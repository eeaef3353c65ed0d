"""Clicks and reactions: twice, late, on old cards, forged, delivered again; and decisions that are overtaken."""

import asyncio
import json

import pytest
import pytest_asyncio

from tests.road.shop import PLAIN, Shop, Wishes, answer, town_with
from tests.road.town import buttons, elements, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

FREE = Wishes(production={"promote_from": None})
SHOPS = {
    "again": PLAIN,
    "stale": FREE,
    "exact": Wishes(own_repository=True, production={"promote_from": None}),
    "moving": Wishes(own_repository=True, production={"promote_from": None}),
    "rejected": PLAIN,
    "expiring": Wishes(production={"promote_from": None, "approval_expires": "2s"}),
    "emoji": FREE,
    "forged": FREE,
    "spoken": PLAIN,
    "repeated": FREE,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS) as built:
        yield built


async def test_the_same_click_twice_does_one_thing(town):
    shop = Shop(town, "again")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1")
    await asyncio.gather(*(shop.press("ana", card, "Approve") for _ in range(3)))
    await shop.card("1.4.1", "production", ": done")
    assert shop.rollouts("production") == ["1.4.1"]
    await shop.slash("ana", "/shipmate approve " + _bound(card))  # and once more, long after
    await shop.told("ana", "is approved", card["text"].split()[0])
    assert len(shop.rollouts("production")) == 1
    assert not [m for m in await town.messages("again") if "broke on our side" in words(m)]


async def test_slack_repeating_a_delivery_does_it_once(town):
    shop = Shop(town, "repeated")
    outcome = await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    [delivery] = outcome["delivered"]
    for _ in range(2):
        await town.control("redeliver", delivery_id=delivery["delivery_id"])
    await shop.card("1.4.1", "staging", ": done")
    await town.control("redeliver", delivery_id=delivery["delivery_id"])
    card = await shop.ask("1.4.1")
    pressed = await shop.press("ana", card, "Approve")
    [delivery] = pressed["delivered"]
    await town.control("redeliver", delivery_id=delivery["delivery_id"])
    await shop.card("1.4.1", "production", ": done")
    await town.control("redeliver", delivery_id=delivery["delivery_id"])
    assert shop.rollouts("staging") == ["1.4.1"]
    assert shop.rollouts("production") == ["1.4.1"]
    cards = [m for m in await town.messages("repeated") if m["text"].startswith("D-") and m["text"].endswith(": done")]
    assert len(cards) == 2
    answers = [m for m in await town.messages("repeated") if "is approved" in m["text"] and m.get("ephemeral_to")]
    assert len(answers) == 1, "a second delivery never becomes a second answer"


async def test_a_click_on_an_old_card_decides_nothing(town):
    """The plan moved after it was read: what was approved is void, it is asked again and says what changed."""
    shop = Shop(town, "stale")
    await shop.deploy("1.4.1", "production", by="raj")
    first = await shop.ask("1.4.2", user="tom")
    old = await shop.see("Approval wanted", "1.4.2")
    await shop.deploy("1.5.1", "production", by="raj", user="tom")
    await shop.press("raj", first, "Approve")
    again = await shop.card("1.4.2", "production", "waits for approval", "Asked again")
    read = words(again)
    assert "ran 1.4.1 when this was planned and runs 1.5.1 now" in read
    assert "what was approved before is void" in read
    assert "Leaves behind 4 commits" in read
    assert "0 of 1" in read
    assert await shop.runs("production") == "1.5.1"

    await shop.slash("raj", "/shipmate approve " + _bound(old))  # what a card says that was not drawn anew yet
    said = await shop.told("raj", "stale_card")
    assert "older plan" in words(said)
    assert await shop.runs("production") == "1.5.1"
    await shop.press("raj", said, "Show the present plan")
    await shop.told("raj", "Plan of", "Leaves behind")
    await shop.press("raj", again, "Approve")
    await shop.card("1.4.2", "production", ": done")
    assert await shop.runs("production") == "1.4.2"


async def test_a_tag_that_moved_after_it_was_planned_is_asked_again(town):
    shop = Shop(town, "moving")
    planned = await shop.release("2.0.0", author="tom")
    card = await shop.ask("2.0.0")
    moved = await shop.commit("Slip something in", {"VERSION": "2.0.0-moved\n"}, author="tom")
    await shop.git("tag", "--force", "2.0.0", moved)
    await shop.press("ana", card, "Approve")
    again = await shop.card("2.0.0", "production", "waits for approval", "Asked again")
    assert again["ts"] == card["ts"], "the same card"
    asked = await shop.see("asks again for approval", f"2.0.0 ({planned[:7]}) → *2.0.0 ({moved[:7]})*")
    assert f"2.0.0 moved from {planned[:7]} to {moved[:7]}" in words(asked)
    assert "Slip something in" in words(asked)
    assert shop.rollouts("production") == []
    await shop.direct("mia", "is asked again", "moved from")
    await shop.direct("ana", "Your approval is void")
    await shop.slash("ana", "/shipmate approve " + _bound(card))  # what the card said before
    await shop.told("ana", "stale_card")
    assert shop.rollouts("production") == []
    await shop.press("ana", asked, "Approve")
    back = await shop.card("2.0.0", "production", ": done")
    assert "Take back my approval" not in buttons(back)
    assert await shop.runs("production") == "2.0.0-moved"


async def test_the_exact_commit_that_was_read_ships_when_it_was_named(town):
    shop = Shop(town, "exact")
    named = await shop.commit("Release 3", {"VERSION": "3.0.0\n"}, author="tom")
    card = await shop.ask(named[:7])
    await shop.commit("Release 4", {"VERSION": "4.0.0\n"}, author="tom")
    await shop.press("raj", card, "Approve")
    await shop.card(named[:7], "production", ": done")
    assert await shop.runs("production") == "3.0.0"


async def test_a_rejection_needs_a_reason_and_ends_it(town):
    shop = Shop(town, "rejected")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1")
    await shop.press("raj", card, "Reject…")
    await town.modal("raj")
    outcome = await town.submit("raj", {"arg:reason": ""})
    assert not outcome["ok"]
    assert list(outcome["errors"]) == ["arg:reason"]
    outcome = await town.submit("raj", {"arg:reason": "not on a Friday"})
    assert outcome["ok"], outcome
    ended = await shop.card("1.4.1", "production", ": rejected")
    assert "Rejected by @raj: not on a Friday" in words(ended)
    await shop.direct("mia", "production: rejected", "not on a Friday")
    assert "Approve" not in buttons(ended)
    await shop.slash("ana", "/shipmate approve " + _bound(card))
    assert "is rejected" in words(await shop.told("ana", "not_waiting"))
    assert await shop.runs("production") == ""


async def test_an_approval_nobody_gave_expires(town):
    shop = Shop(town, "expiring")
    await shop.slash("mia", "/deploy {}@1.4.1 to production")
    ended = await shop.card("1.4.1", "production", "not approved in time")
    assert "Nobody approved it in time" in words(ended)
    await shop.slash("ana", "/shipmate approve " + ended["text"].split()[0])
    await shop.told("ana", "not_waiting")
    assert await shop.runs("production") == ""
    await shop.direct("mia", "not approved in time")
    await shop.press("mia", ended, "Ask again for 1.4.1")

    async def another():
        again = await shop.card("1.4.1", "production")
        return again["ts"] != ended["ts"]

    assert await town.until(another, "a new card")


async def test_a_reaction_brings_up_a_button_and_decides_nothing(town):
    shop = Shop(town, "emoji")
    card = await shop.ask("1.4.1")
    ident = card["text"].split()[0]
    await town.control("reactions", user="ana", channel="emoji", ts=card["ts"], name="white_check_mark")
    offered = await shop.told("ana", "Press to confirm")
    assert buttons(offered) == [f"Approve {ident}"]
    assert "0 of 1" in words(await shop.card("1.4.1", "production", "waits for approval"))
    await town.control("reactions", user="raj", channel="emoji", ts=card["ts"], name="x")
    rejecting = await shop.told("raj", "reject needs reason")
    assert "Fill in…" in buttons(rejecting)
    await town.control("reactions", user="raj", channel="emoji", ts=card["ts"], name="eyes")
    await shop.told("raj", "emoji/production")
    await shop.press("ana", offered, f"Approve {ident}")
    await shop.card("1.4.1", "production", ": done")


async def test_forged_late_and_meaningless_reactions_do_nothing(town):
    shop = Shop(town, "forged")
    card = await shop.ask("1.4.1")
    channel = next(c["id"] for c in (await town.state())["channels"] if c["name"] == "forged")
    app = next(iter(town.sandbox.platform.apps.installed.values()))
    ana = town.sandbox.workspace.user("ana", "user").id
    written = await town.control("messages", user="mia", channel="forged", text=f"{card['text']}, please approve")
    before = len(await town.messages("forged"))

    async def react(user, *, name="white_check_mark", ts=card["ts"], at=None):
        extra = {"event_ts": at} if at else {}
        item = {"type": "message", "channel": channel, "ts": ts}
        return await town.control("events", type="reaction_added", user=user, reaction=name, item=item, **extra)

    await react(app.bot_user_id)
    await react(ana, name="tada")
    await react(ana, ts=written["ts"])
    await react(ana, at="1600000000.000100")
    await react(ana, ts="1.5")
    await town.control("reactions", user="raj", channel="forged", ts=card["ts"], name="white_check_mark")
    await shop.told("raj", "Press to confirm")  # the last one sent is answered: all before it were read, too
    after = await town.messages("forged")
    assert len(after) == before + 1, [words(m) for m in after[before:]]
    assert "0 of 1" in words(await shop.card("1.4.1", "production", "waits for approval"))
    assert await shop.runs("production") == ""


async def test_a_mention_that_would_decide_brings_up_a_button(town):
    shop = Shop(town, "spoken")
    await shop.mention("mia", "deploy {}@1.4.1 to staging")
    offered = await shop.told("mia", "Press to confirm")
    assert buttons(offered) == ["Deploy spoken@1.4.1 to staging"]
    assert shop.rollouts("staging") == []
    await shop.press("mia", offered, "Deploy spoken@1.4.1 to staging")
    card = await shop.card("1.4.1", "staging", ": done")
    await shop.mention("mia", "where {}", thread_ts=card["ts"])
    assert "1.4.1" in words(await shop.told("mia", "spoken/staging"))


async def test_a_guest_whom_nothing_names_may_do_nothing(town):
    shop = Shop(town, "checkout")
    assert "(guest)" in words(answer(await town.slash("gus", "/where checkout")))
    await town.slash("gus", "/deploy checkout@1.4.1 to staging")
    said = await shop.told("gus", "Guests may do nothing here unless a grant names them")
    assert said
    await town.slash("gus", "/deploy")
    mine = town.sandbox.workspace.user("gus", "user").id
    assert not [view for view in (await town.state())["views"] if view["user"] == mine], "no form either"
    assert town.builds() == []


def _bound(message):
    """Return the arguments of a message's Approve button as one would type them: the deployment, and the plan."""
    [value] = [element["value"] for _, element in elements(message) if element["action_id"].startswith("do:approve:")]
    held = json.loads(value)
    return f"{held['deployment']} --plan {held['plan']}"

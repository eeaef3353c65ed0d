"""What is said and done in the thread of a card is about what the card is about."""

import pytest

from tests.slack.test_edge import card


async def test_a_mention_in_the_thread_needs_no_id(office):
    ts = await card(office, "D-1001")
    await office.post("messages", user="ana", channel="checkout", thread_ts=ts, text=f"<@{office.bot_user}> approve")
    await office.until(lambda: _heard_of(office, "D-1001"), "a button that only ana can press")


async def _heard_of(office, deployment):
    messages = await office.messages("checkout", "ana")
    return [one for one in messages if f'{{"deployment":"{deployment}"}}' in str(one.get("blocks"))]


async def test_a_reaction_in_the_thread_of_an_alert_notes_the_message(office):
    ts = await card(office, "A-7")
    said = await office.post("messages", user="mia", channel="checkout", thread_ts=ts, text="the disk is <full>")
    await office.post("reactions", user="ana", channel="checkout", ts=said["ts"], name="memo")
    await office.until(lambda: _noted(office), "the note")
    assert office.heard.invocations[-1].args["alert"] == "A-7"
    assert office.heard.invocations[-1].args["text"].startswith("> the disk is")


async def _noted(office):
    return [one for one in office.heard.invocations if one.command == "note"]


@pytest.mark.parametrize("subject", ["", "D-1001"])
async def test_the_same_reaction_elsewhere_means_nothing(office, subject):
    where = {"thread_ts": await card(office, subject)} if subject else {}
    said = await office.post("messages", user="mia", channel="checkout", text="lunch?", **where)
    await office.post("reactions", user="ana", channel="checkout", ts=said["ts"], name="memo")
    ts = await card(office, "A-7")
    await office.post("reactions", user="ana", channel="checkout", ts=ts, name="memo")
    await office.until(lambda: _noted(office), "the note of the second")
    assert [one.args["alert"] for one in office.heard.invocations] == ["A-7"]
    assert not [one for one in await office.messages("checkout", "ana") if "needs" in str(one)]

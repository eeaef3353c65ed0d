"""What people do in Slack, and what they see of it: commands, mentions, buttons, modals, reactions, the home tab."""

import pytest


async def test_a_read_is_answered_in_the_acknowledgement(either):
    outcome = await either.type("mia", "checkout", "/shipmate where checkout")
    assert outcome["ok"], outcome
    assert outcome["ack"]["body"]["response_type"] == "ephemeral"
    assert "checkout runs 1.4.2" in outcome["posted"]["text"]
    assert outcome["elapsed_ms"] < 500


async def test_an_alias_is_the_command(either):
    outcome = await either.type("mia", "checkout", "/where cart")
    assert "cart runs" in outcome["posted"]["text"]


async def test_a_look_up_is_acknowledged_then_answered_with_its_picture(either):
    outcome = await either.type("mia", "checkout", "/shipmate metrics checkout")
    assert outcome["ack"] == {"status": "ok", "body": None} or not outcome["ack"]["body"]
    message = await either.bot_says("checkout", "errors of checkout", viewer="mia")
    assert message["ephemeral_to"]
    assert message["blocks"][0]["type"] == "image"


async def test_a_change_is_accepted_and_its_answer_whispered(either):
    outcome = await either.type("mia", "checkout", "/deploy checkout to production")
    assert outcome["ok"]
    message = await either.bot_says("checkout", "deploying checkout to production", viewer="mia")
    assert message["ephemeral_to"]


async def test_a_typo_is_answered_with_a_button_that_works(either):
    outcome = await either.type("mia", "checkout", "/shipmate wher")
    blocks = outcome["posted"]["blocks"]
    [button] = blocks[-1]["elements"]
    await either.post(
        "actions",
        user="mia",
        channel="checkout",
        ts=outcome["ts"],
        action_id=button["action_id"],
        block_id=blocks[-1]["block_id"],
    )
    assert await either.bot_says("checkout", "everything runs 1.4.2", viewer="mia")


async def test_a_mention_is_parsed_like_a_command(either):
    await either.post("messages", user="mia", channel="checkout", text=f"<@{either.bot_user}> where cart")
    message = await either.bot_says("checkout", "cart runs", viewer="mia")
    assert message["ephemeral_to"]


async def test_a_mention_that_would_decide_is_answered_with_a_button(either):
    await either.post("messages", user="mia", channel="checkout", text=f"<@{either.bot_user}> deploy cart")
    message = await either.bot_says("checkout", "Press to deploy", viewer="mia")
    element = message["blocks"][-1]["elements"][0]
    assert element["action_id"].startswith("do:deploy:")
    await either.post("actions", user="mia", channel="checkout", ts=message["ts"], action_id=element["action_id"])
    assert await either.bot_says("checkout", "deploying cart", viewer="mia")


async def test_what_is_missing_is_asked_in_a_modal_whose_menus_ask_the_options(either):
    await either.type("mia", "checkout", "/deploy")

    async def opened():
        views = (await either.get("state"))["views"]
        return [view for view in views if len(view["blocks"]) > 2]

    [view] = await either.until(opened, "the modal")
    service = view["blocks"][1]["element"]
    assert [option["value"] for option in service["options"]] == ["checkout", "cart", "search"]
    offered = await either.post(
        "options", user="mia", view_id=view["id"], action_id="version", block_id="arg:version", value="hot"
    )
    assert [option["value"] for option in offered["options"]][-1] == "hot"
    outcome = await either.post(
        "views",
        user="mia",
        view_id=view["id"],
        values={
            "arg:service": {"service": "cart"},
            "arg:environment": {"environment": "production"},
            "arg:dry_run": {"dry_run": ["yes"]},
        },
    )
    assert outcome["ok"], outcome
    assert await either.bot_says("checkout", "deploying cart to production", viewer="mia")
    assert dict(either.road.invocations[-1].args) == {"service": "cart", "environment": "production", "dry_run": "yes"}


async def test_what_cannot_be_stored_is_said_in_the_modal_and_nothing_was_started(office):
    outcome = await office.type("mia", "checkout", "/shipmate down")
    assert "Nothing was started" in outcome["posted"]["text"]
    assert not office.road.invocations


async def test_a_shortcut_opens_the_modal(office):
    await office.post("shortcuts", user="mia", callback_id="args:deploy")

    async def opened():
        return [v for v in (await office.get("state"))["views"] if v["callback_id"] == "args:deploy"]

    assert await office.until(opened, "the modal")


async def test_a_reaction_on_a_card_offers_a_button_to_who_reacted(office):
    ts = await card(office, "D-1001")
    await office.post("reactions", user="ana", channel="checkout", ts=ts, name="white_check_mark")
    message = await office.bot_says("checkout", "Press to approve", viewer="ana")
    assert message["blocks"][-1]["elements"][0]["value"] == '{"deployment":"D-1001"}'
    assert not [m for m in await office.messages("checkout", "mia") if "Press to approve" in str(m)]


@pytest.mark.parametrize("name", ["tada", "x"])
async def test_a_reaction_that_means_nothing_is_ignored(office, name):
    ts = await card(office, "D-1001")
    outcome = await office.post("reactions", user="ana", channel="checkout", ts=ts, name=name)
    assert outcome["ack"]["status"] == "ok"
    assert not office.road.invocations


async def test_a_reaction_on_a_message_of_others_or_a_stale_one_is_ignored(office):
    written = await office.post("messages", user="mia", channel="checkout", text="hello")
    await office.post("reactions", user="ana", channel="checkout", ts=written["ts"], name="white_check_mark")
    ts = await card(office, "D-1001")
    await office.post(
        "events",
        type="reaction_added",
        user="ana",
        reaction="white_check_mark",
        channel="checkout",
        item={"type": "message", "channel": office.channel_id("checkout"), "ts": ts},
        event_ts="1600000000.000100",
    )
    assert not office.road.invocations


async def test_the_home_tab_is_published_when_it_is_opened(office):
    await office.post("home", user="mia")

    async def published():
        return (await office.get("home", user="mia"))["view"]

    view = await office.until(published, "the home tab")
    assert "Nothing waits for you" in str(view["blocks"])


async def test_a_delivery_that_comes_again_is_answered_once(either):
    await either.post("messages", user="mia", channel="checkout", text=f"<@{either.bot_user}> where cart")
    await either.bot_says("checkout", "cart runs", viewer="mia")
    outcome = await either.type("mia", "checkout", "/deploy cart")
    await either.bot_says("checkout", "deploying cart", viewer="mia")
    for entry in (await either.get("deliveries"))["deliveries"]:
        if entry["direction"] == "to_app" and entry["type"] in {"app_mention", "slash_command", "/deploy"}:
            await either.post("redeliver", delivery_id=entry["delivery_id"])
    await either.post("redeliver", delivery_id=outcome["delivered"][0]["delivery_id"])
    assert set(either.road.asked.values()) == {1}
    await either.type("mia", "checkout", "/where last")
    assert len(await either.from_bot("checkout", "mia")) == 3


async def card(office, subject):
    """Post a card and return its time stamp."""
    from bot.identity import Channel  # noqa: PLC0415
    from bot.reply import Message  # noqa: PLC0415

    channel = Channel(team=office.gateway.connection.identity.team, channel=office.channel_id("checkout"))
    async with office.store.write() as tx:
        await office.gateway.outbox.show(tx, subject, channel, Message(summary=f"card of {subject}"))
    message = await office.bot_says("checkout", f"card of {subject}")

    async def known():
        return await office.gateway.posts.subject_of(channel, message["ts"])

    assert await office.until(known, "the post") == subject
    return message["ts"]

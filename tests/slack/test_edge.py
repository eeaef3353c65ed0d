"""What people do in Slack, and what they see of it: commands, mentions, buttons, modals, reactions, the home tab."""

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from bot.reply import Button
from tests.slack.office import DEADLINE, connected, workspace


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
    button = blocks[-1]["elements"][0]
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
    message = await either.bot_says("checkout", "Press to confirm", viewer="mia")
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
            "arg:wait": {"wait": []},
        },
    )
    assert outcome["ok"], outcome
    assert await either.bot_says("checkout", "deploying cart to production", viewer="mia")
    assert dict(either.heard.invocations[-1].args) == {
        "service": "cart",
        "environment": "production",
        "dry_run": "yes",
        "wait": "no",
    }


async def test_a_shortcut_opens_the_modal(office):
    await office.post("shortcuts", user="mia", callback_id="args:deploy")

    async def opened():
        return [v for v in (await office.get("state"))["views"] if v["callback_id"] == "args:deploy"]

    assert await office.until(opened, "the modal")


async def test_a_reaction_on_a_card_offers_a_button_to_who_reacted(office):
    ts = await card(office, "D-1001")
    await office.post("reactions", user="ana", channel="checkout", ts=ts, name="white_check_mark")
    message = await office.bot_says("checkout", "Press to confirm", viewer="ana")
    assert message["blocks"][-1]["elements"][0]["value"] == '{"deployment":"D-1001"}'
    assert not [m for m in await office.messages("checkout", "mia") if "Press to confirm" in str(m)]


@pytest.mark.parametrize("name", ["tada", "x"])
async def test_a_reaction_that_means_nothing_is_ignored(office, name):
    ts = await card(office, "D-1001")
    outcome = await office.post("reactions", user="ana", channel="checkout", ts=ts, name=name)
    assert outcome["ack"]["status"] == "ok"
    assert not office.heard.invocations


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
    assert not office.heard.invocations


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
    ids = [one.delivery_id for one in either.heard.invocations]
    assert len(ids) == len(set(ids)) == 2
    await either.type("mia", "checkout", "/where last")
    assert len(await either.from_bot("checkout", "mia")) == 3


async def test_a_read_that_takes_longer_than_an_acknowledgement_may_is_answered_when_it_is_done(either):
    outcome = await either.type("mia", "checkout", "/shipmate slow")
    assert outcome["ok"]
    assert not outcome["ack"]["body"]
    assert outcome["elapsed_ms"] < 500
    either.heard.go_on.set()
    message = await either.bot_says("checkout", "late, but here", viewer="mia")
    assert message["ephemeral_to"]


async def test_what_is_shared_is_seen_by_all(office):
    await office.type("mia", "checkout", "/where cart --share")
    message = await office.bot_says("checkout", "cart runs")
    assert "ephemeral_to" not in message


async def test_in_a_channel_shared_with_others_an_answer_is_not_shared_and_says_why(office):
    await office.type("mia", "partners", "/where cart --share")
    message = await office.bot_says("partners", "cart runs", viewer="mia")
    assert message["ephemeral_to"]
    assert "shared with another organisation" in str(message["blocks"])


async def test_a_guest_may_do_nothing(office):
    outcome = await office.type("gus", "checkout", "/where cart")
    assert "(guest)" in str(outcome["posted"]["blocks"])
    await office.type("gus", "checkout", "/deploy")
    assert await office.bot_says("checkout", "(guest)", viewer="gus", times=2)
    assert not (await office.get("state"))["views"]
    assert not office.heard.invocations


async def test_a_person_of_another_organisation_may_do_nothing(office):
    await office.post("messages", user="pat", channel="partners", text=f"<@{office.bot_user}> where cart")
    message = await office.bot_says("partners", "(outsider)", viewer="pat")
    assert message["ephemeral_to"]
    await office.post("messages", user="pat", channel="partners", text=f"<@{office.bot_user}> deploy cart")
    await office.bot_says("partners", "(outsider)", viewer="pat", times=2)
    ts = await card(office, "D-1001")
    home = office.sandbox.workspace.team.id
    for team in ("", home):  # a payload that lies about the team does not help: the directory is asked
        await office.post(
            "events",
            type="app_mention",
            user="pat",
            team=team,
            channel="partners",
            text=f"<@{office.bot_user}> approve D-1001",
            ts=ts,
        )
    await office.bot_says("partners", "(outsider)", viewer="pat", times=4)
    assert not office.heard.invocations


async def test_what_bots_write_and_what_was_edited_is_no_wish(office):
    mention = f"<@{office.bot_user}> where cart"
    for also in ({"bot_id": "B0OTHER"}, {"subtype": "message_changed"}):
        event = {"type": "app_mention", "user": "mia", "channel": "checkout", "text": mention, "ts": "1.1", **also}
        await office.post("events", **event)
    await office.post("events", type="app_mention", user=office.bot_user, channel="checkout", text=mention, ts="1.1")
    assert not office.heard.invocations


async def test_a_direct_message_is_a_wish_too(office):
    opened = await office.gateway.connection.call(
        "conversations.open", {"users": office.sandbox.workspace.find_user("mia").id}
    )
    await office.post("messages", user="mia", channel=opened["channel"]["id"], text="where cart")

    async def told():
        return [m for m in await office.direct("mia") if "cart runs" in m["text"]]

    assert await office.until(told)


async def test_a_mention_in_a_thread_of_a_card_is_about_it_and_answered_there(office):
    ts = await card(office, "D-1001")
    await office.post("messages", user="ana", channel="checkout", text=f"<@{office.bot_user}> where cart", thread_ts=ts)
    message = await office.bot_says("checkout", "cart runs", viewer="ana")
    assert message["thread_ts"] == ts
    assert office.heard.invocations[-1].subject == "D-1001"


async def test_an_error_of_a_modal_stands_below_its_field(office):
    await office.type("mia", "checkout", "/shipmate lock")

    async def opened():
        return [v for v in (await office.get("state"))["views"] if v["callback_id"] == "args:lock" and v.get("submit")]

    [view] = await office.until(opened, "the modal")
    outcome = await office.post("views", user="mia", view_id=view["id"], values={"arg:minutes": {"minutes": "-0.5"}})
    assert outcome["error"] in {"view_errors", "invalid_inputs"}
    assert not office.heard.invocations


async def test_when_slack_does_not_say_who_asks_nothing_is_started(office):
    await office.post("faults", method="users.info", kind="timeout", times=1)
    outcome = await office.type("mia", "checkout", "/deploy cart")
    assert "nothing was started" in str(outcome["posted"]["blocks"])
    assert outcome["elapsed_ms"] < 500
    assert not office.heard.invocations


async def test_with_its_disk_full_it_says_that_nothing_was_started(office):
    def full(connection, record, proxy):
        cursor = connection.cursor()
        cursor.execute("PRAGMA max_page_count=1")  # never below what is used: not one page more
        cursor.close()

    await office.type("mia", "checkout", "/where cart")
    sa.event.listen(office.store.engine.sync_engine, "checkout", full)
    outcome, number = {}, 0
    for number in range(200):
        outcome = await office.type("mia", "checkout", f"/deploy cart --reason {'x' * 2000}{number}")
        if outcome.get("posted"):
            break
    assert "disk is full" in str(outcome["posted"]["blocks"])
    assert "Nothing was started" in str(outcome["posted"]["blocks"])
    assert len(office.heard.invocations) <= number + 1
    sa.event.remove(office.store.engine.sync_engine, "checkout", full)


async def test_a_form_is_opened_in_place_of_an_answer_as_long_as_the_trigger_lives(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    async with workspace(trigger_lifetime=DEADLINE) as made, connected(made, url) as office:
        await office.type("mia", "checkout", "/deploy cart")
        await office.bot_says("checkout", "deploying cart", viewer="mia")
        heard = office.heard.invocations[0]
        form = Button(label="Fill in…", command="deploy", args={"service": "cart", "reason": "hot fix"}, ask=True)
        assert not await office.gateway.open_form(heard, replace(form, command="no-such"))
        assert await office.gateway.open_form(heard, form)

        async def opened():
            views = (await office.get("state"))["views"]
            return [one for one in views if one["callback_id"] == "args:deploy" and one.get("submit")]

        [view] = await office.until(opened, "the form")
        shown = {one["block_id"]: one["element"] for one in view["blocks"] if one["type"] == "input"}
        assert shown["arg:reason"]["initial_value"] == "hot fix"
        assert not await office.gateway.open_form(heard, form), "a trigger opens one view"
    async with workspace(trigger_lifetime=0.0) as made, connected(made, url, owner="two") as office:
        await office.type("mia", "checkout", "/deploy cart")
        await office.bot_says("checkout", "deploying cart", viewer="mia")
        assert not await office.gateway.open_form(office.heard.invocations[0], form), "it lives for a moment"


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

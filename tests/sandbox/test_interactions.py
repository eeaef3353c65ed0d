"""Buttons, menus, option look-ups, shortcuts and reactions through a real Bolt app."""

import asyncio
from typing import Any

import pytest

from tests.sandbox.conftest import bolt, running
from tests.sandbox.desk import DEADLINE


def text(words):
    return {"type": "plain_text", "text": words}


def option(value):
    return {"text": text(value.upper()), "value": value}


ELEMENTS = [
    ({"type": "button", "text": text("Go"), "value": "7", "style": "primary"}, None, {"value": "7"}),
    (
        {"type": "static_select", "options": [option("a"), option("b")]},
        "b",
        {"selected_option": option("b")},
    ),
    (
        {
            "type": "multi_static_select",
            "option_groups": [{"label": text("all"), "options": [option("a"), option("b")]}],
        },
        ["a", "b"],
        {"selected_options": [option("a"), option("b")]},
    ),
    ({"type": "overflow", "options": [option("a"), option("b")]}, "a", {"selected_option": option("a")}),
    ({"type": "checkboxes", "options": [option("a")]}, ["a"], {"selected_options": [option("a")]}),
    ({"type": "radio_buttons", "options": [option("a")]}, "a", {"selected_option": option("a")}),
    ({"type": "users_select"}, "U123", {"selected_user": "U123"}),
    ({"type": "multi_users_select"}, ["U1", "U2"], {"selected_users": ["U1", "U2"]}),
    ({"type": "channels_select"}, "C1", {"selected_channel": "C1"}),
    ({"type": "multi_channels_select"}, ["C1"], {"selected_channels": ["C1"]}),
    ({"type": "conversations_select"}, "C1", {"selected_conversation": "C1"}),
    ({"type": "multi_conversations_select"}, ["C1"], {"selected_conversations": ["C1"]}),
    ({"type": "datepicker"}, "2026-11-23", {"selected_date": "2026-11-23"}),
    ({"type": "timepicker"}, "14:02", {"selected_time": "14:02"}),
    ({"type": "datetimepicker"}, 1_800_000_000, {"selected_date_time": 1_800_000_000}),
]


@pytest.mark.parametrize(("element", "value", "chosen"), ELEMENTS, ids=[e[0]["type"] for e in ELEMENTS])
async def test_every_element_delivers_its_choice(desk, element, value, chosen):
    seen = asyncio.get_running_loop().create_future()

    def listeners(app):
        @app.action("act")
        async def _(ack, body):
            await ack()
            seen.set_result(body)

    async with bolt(desk, listeners) as (_, client, _):
        block = {"type": "actions", "block_id": "b", "elements": [{**element, "action_id": "act"}]}
        posted = await client.chat_postMessage(channel="#checkout", text="choose", blocks=[block])
        fields = {} if value is None else {"value": value}
        answer = await desk.post(
            "actions", user="ana", channel="checkout", ts=posted["ts"], action_id="act", block_id="b", **fields
        )
        async with asyncio.timeout(DEADLINE):
            body = await seen
    assert answer["ok"]
    (action,) = body["actions"]
    assert chosen.items() <= action.items()
    assert (action["type"], action["block_id"], action["action_id"]) == (element["type"], "b", "act")
    ana, workspace = desk.sandbox.workspace.find_user("ana"), desk.sandbox.workspace
    assert body["user"] == {"id": ana.id, "username": "ana", "name": "ana", "team_id": workspace.team.id}
    assert body["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": posted["channel"],
        "is_ephemeral": False,
    }
    assert body["message"]["blocks"] == posted["message"]["blocks"]
    assert body["channel"] == {"id": posted["channel"], "name": "checkout"}
    if element["type"] not in {"button", "overflow"}:
        state = body["state"]["values"]["b"]["act"]
        assert chosen.items() <= state.items()


async def test_what_was_entered_stays_over_an_edit_and_is_each_persons_own(desk, client):
    menu = {"type": "static_select", "action_id": "m", "options": [option("a"), option("b")]}
    blocks = [{"type": "actions", "block_id": "b", "elements": [menu, {**ELEMENTS[0][0], "action_id": "go"}]}]
    posted = await client.chat_postMessage(channel="#checkout", text="choose", blocks=blocks)
    where = {"channel": "checkout", "ts": posted["ts"]}
    first = await desk.post("actions", user="ana", **where, action_id="m", value="b")
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="again", blocks=blocks)
    pressed = {who: await desk.post("actions", user=who, **where, action_id="go") for who in ("ana", "raj")}
    await desk.post("actions", user="ana", **where, action_id="m", value="a")
    chosen = {
        who: answer["delivered"][0]["payload"]["state"]["values"]["b"]["m"]["selected_option"]
        for who, answer in pressed.items()
    }
    assert chosen == {"ana": option("b"), "raj": None}
    sent = (await desk.get("deliveries"))["deliveries"]
    kept = next(one for one in sent if one.get("delivery_id") == first["delivered"][0]["delivery_id"])
    assert kept["request"]["state"]["values"]["b"]["m"]["selected_option"] == option("b")


async def test_of_buttons_alike_the_value_tells_which(desk, client):
    blocks = [
        {"type": "actions", "block_id": name, "elements": [{**ELEMENTS[0][0], "action_id": "go", "value": name}]}
        for name in ("one", "two")
    ]
    posted = await client.chat_postMessage(channel="#checkout", text="choose", blocks=blocks)
    where = {"user": "ana", "channel": "checkout", "ts": posted["ts"], "action_id": "go"}
    answer = await desk.post("actions", **where, value="two")
    assert answer["delivered"][0]["payload"]["actions"][0]["block_id"] == "two"
    refused = await desk.post("actions", 400, **where, value="three")
    assert refused["error"] == "invalid_value"


async def test_unknown_action_names_what_there_is(desk, client):
    block = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "x"},
        "block_id": "s",
        "accessory": {"type": "button", "action_id": "yes", "text": text("Yes")},
    }
    posted = await client.chat_postMessage(channel="#checkout", text="x", blocks=[block])
    answer = await desk.post("actions", 400, user="ana", channel="checkout", ts=posted["ts"], action_id="no")
    assert answer["error"] == "action_not_found"
    assert "yes (block s)" in answer["message"]


async def test_external_select_asks_the_app_for_options(desk):
    def listeners(app):
        @app.options("pick")
        async def _(ack, payload):
            await ack(options=[option(payload["value"] + suffix) for suffix in ("-1", "-2")])

        @app.action("pick")
        async def _(ack, action, respond):
            await ack()
            await respond(text="picked " + action["selected_option"]["value"], replace_original=False)

    async with bolt(desk, listeners) as (_, client, _):
        element = {"type": "external_select", "action_id": "pick", "min_query_length": 1}
        block = {"type": "actions", "block_id": "b", "elements": [element]}
        posted = await client.chat_postMessage(channel="#checkout", text="pick", blocks=[block])
        where = {"user": "mia", "channel": "checkout", "ts": posted["ts"], "action_id": "pick"}
        short = await desk.post("options", **where, value="")
        answer = await desk.post("options", **where, value="svc")
        assert short["delivered"] == []
        assert [one["value"] for one in answer["options"]] == ["svc-1", "svc-2"]
        payload = answer["delivered"][0]["payload"]
        assert (payload["type"], payload["value"], payload["action_id"]) == ("block_suggestion", "svc", "pick")
        await desk.post("actions", **where, value=answer["options"][0])
        message = await desk.message("picked svc-1", viewer="mia")
        assert message["ephemeral_to"] == desk.sandbox.workspace.find_user("mia").id


async def test_ephemeral_message_belongs_to_one_person_and_can_be_replaced(desk):
    def listeners(app):
        @app.action("ok")
        async def _(ack, body, respond):
            await ack()
            assert "message" not in body
            await respond(text="done", replace_original=True)

    async with bolt(desk, listeners) as (_, client, _):
        mia = desk.sandbox.workspace.find_user("mia").id
        button = {"type": "button", "action_id": "ok", "text": text("OK")}
        posted = await client.chat_postEphemeral(
            channel="#checkout", user=mia, text="?", blocks=[{"type": "actions", "elements": [button]}]
        )
        where = {"channel": "checkout", "ts": posted["message_ts"], "action_id": "ok"}
        refused = await desk.post("actions", 400, user="ana", **where)
        assert refused["error"] == "message_not_found"
        answer = await desk.post("actions", user="mia", **where)
        assert answer["delivered"][0]["payload"]["container"]["is_ephemeral"]
        await desk.message("done", viewer="mia")
    assert await desk.messages(viewer="ana") == []


async def test_unacknowledged_press_is_told_to_the_person():
    async with running(ack_timeout=0.05) as desk, bolt(desk) as (app, client, _):
        hold = asyncio.Event()

        @app.action("ok")
        async def _(ack):
            await hold.wait()
            await ack()

        button = {"type": "button", "action_id": "ok", "text": text("OK")}
        posted = await client.chat_postMessage(
            channel="#checkout", text="?", blocks=[{"type": "actions", "elements": [button]}]
        )
        answer = await desk.post("actions", user="mia", channel="checkout", ts=posted["ts"], action_id="ok")
        hold.set()
    assert answer["error"] == "operation_timeout"
    assert "did not respond" in answer["posted"]["text"]


async def test_shortcuts(desk):
    seen = []

    def listeners(app):
        @app.shortcut("ship_it")
        async def _(ack, shortcut):
            seen.append(shortcut)
            await ack()

        @app.shortcut("ship_this")
        async def _(ack, shortcut):
            seen.append(shortcut)
            await ack()

    async with bolt(desk, listeners, events=[]):
        first = await desk.post("messages", user="mia", channel="checkout", text="boxes")
        await desk.post("shortcuts", user="ana", callback_id="ship_it")
        await desk.post("shortcuts", user="ana", callback_id="ship_this", channel="checkout", ts=first["ts"])
        wrong = await desk.post("shortcuts", 400, user="ana", callback_id="ship_this")
    assert [one["type"] for one in seen] == ["shortcut", "message_action"]
    assert seen[1]["message"]["text"] == "boxes"
    assert "channel" not in seen[0]
    assert "ship_it (global)" in wrong["message"]


async def test_reactions_reach_the_app_and_can_be_taken_back(desk):
    seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def listeners(app):
        for name in ("reaction_added", "reaction_removed"):

            @app.event(name)
            async def _(event):
                seen.put_nowait(event)

    async with bolt(desk, listeners, events=["reaction_added", "reaction_removed"]) as (_, client, _):
        posted = await client.chat_postMessage(channel="#checkout", text="card")
        where = {"user": "tom", "channel": "checkout", "ts": posted["ts"], "name": ":eyes:"}
        await desk.post("reactions", **where)
        again = await desk.post("reactions", 400, **where)
        assert (await desk.messages())[0]["reactions"] == [
            {"name": "eyes", "users": [desk.sandbox.workspace.find_user("tom").id], "count": 1}
        ]
        await desk.post("reactions", **where, remove=True)
        async with asyncio.timeout(DEADLINE):
            added, removed = await seen.get(), await seen.get()
    assert again["error"] == "already_reacted"
    assert (added["type"], removed["type"]) == ("reaction_added", "reaction_removed")
    assert added["item"] == {"type": "message", "channel": posted["channel"], "ts": posted["ts"]}
    assert (await desk.messages())[0]["reactions"] == []

"""Slash commands through a real Bolt app over Socket Mode."""

import asyncio

import pytest

from tests.sandbox.conftest import bolt, running


def ship(app):
    @app.command("/ship")
    async def _(ack, command):
        await ack(f"shipping {command['text']}")


async def test_text_in_the_acknowledgement_is_seen_by_the_person_alone(desk):
    async with bolt(desk, ship):
        answer = await desk.post("commands", user="mia", channel="#checkout", command="/ship", text="boxes")
    assert answer["ok"]
    assert answer["ack"] == {"status": "ok", "body": {"text": "shipping boxes"}}
    assert answer["elapsed_ms"] > 0
    assert [m["text"] for m in await desk.messages(viewer="mia")] == ["shipping boxes"]
    assert await desk.messages(viewer="ana") == []


async def test_payload_has_every_field_of_slacks(desk):
    async with bolt(desk, ship) as (_, _, installed):
        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship", text=" a  b ")
    payload = answer["delivered"][0]["payload"]
    workspace = desk.sandbox.workspace
    assert payload.pop("trigger_id").count(".") == 2
    assert payload.pop("response_url").startswith(f"{desk.sandbox.url}/response/{installed.id}/")
    assert payload.pop("token")
    assert payload == {
        "team_id": workspace.team.id,
        "team_domain": "acme",
        "channel_id": workspace.find_channel("checkout").id,
        "channel_name": "checkout",
        "user_id": workspace.find_user("mia").id,
        "user_name": "mia",
        "command": "/ship",
        "text": "a  b",
        "api_app_id": installed.id,
        "is_enterprise_install": "false",
    }


async def test_in_channel_answer_with_blocks_is_seen_by_everybody(desk):
    def listeners(app):
        @app.command("/ship")
        async def _(ack):
            await ack(response_type="in_channel", text="card", blocks=[{"type": "divider"}])

    async with bolt(desk, listeners):
        await desk.post("commands", user="mia", channel="checkout", command="/ship")
    (message,) = await desk.messages(viewer="tom")
    assert message["blocks"][0]["type"] == "divider"
    assert "ephemeral_to" not in message


async def test_refused_answer_is_told_by_slackbot(desk):
    def listeners(app):
        @app.command("/ship")
        async def _(ack):
            await ack(text="x", blocks=[{"type": "unheard_of"}])

    async with bolt(desk, listeners):
        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
    assert (answer["ok"], answer["error"]) == (False, "invalid_blocks")
    (message,) = await desk.messages(viewer="mia")
    assert "unsupported type: unheard_of [json-pointer:/blocks/0/type]" in message["text"]
    assert message["user"] == "USLACKBOT"


async def test_only_declared_commands_exist(desk):
    async with bolt(desk, ship):
        answer = await desk.post("commands", user="mia", channel="checkout", command="/foo")
    assert (answer["ok"], answer["error"], answer["delivered"]) == (False, "unknown_command", [])
    (message,) = await desk.messages(viewer="mia")
    assert message["text"].startswith("/foo is not a valid command.")
    assert await desk.messages(viewer="ana") == []


async def test_commands_are_refused_in_threads(desk):
    async with bolt(desk, ship, events=[]):
        first = await desk.post("messages", user="mia", channel="checkout", text="hello")
        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship", thread_ts=first["ts"])
    assert answer["delivered"] == []
    assert answer["posted"]["text"] == "/ship is not supported in threads. Sorry!"
    assert answer["posted"]["thread_ts"] == first["ts"]


async def test_no_acknowledgement_in_time():
    release = asyncio.Event()

    def listeners(app):
        @app.command("/ship")
        async def _(ack):
            await release.wait()
            await ack()

    async with running(ack_timeout=0.05) as desk, bolt(desk, listeners):
        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
        release.set()
    assert answer["ack"]["status"] == "timeout"
    assert answer["error"] == "operation_timeout"
    assert answer["posted"]["text"] == "/ship failed because the app did not respond (operation_timeout)."


async def test_nobody_connected(desk, installed):
    answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
    assert (answer["ack"]["status"], answer["error"]) == ("no_connection", "dispatch_failed")


@pytest.mark.parametrize(
    ("command", "typed", "received"),
    [
        ("/ship", "a & <b> @ana", "a &amp; &lt;b&gt; @ana"),
        ("/who-is", "@ana in #checkout", "<@{ana}|ana> in <#{checkout}|checkout>"),
        ("/who-is", "@nobody https://acme.example/x", "@nobody <https://acme.example/x>"),
    ],
    ids=["raw", "escaped", "link"],
)
async def test_text_arrives_as_slack_writes_it(desk, installed, command, typed, received):
    workspace = desk.sandbox.workspace
    answer = await desk.post("commands", user="mia", channel="checkout", command=command, text=typed)
    expected = received.format(ana=workspace.find_user("ana").id, checkout=workspace.find_channel("checkout").id)
    assert answer["delivered"][0]["payload"]["text"] == expected


async def test_person_of_another_organisation_carries_their_own_team(desk, installed):
    answer = await desk.post("commands", user="pat", channel="partners", command="/ship")
    payload = answer["delivered"][0]["payload"]
    assert payload["team_domain"] == "globex"
    assert payload["team_id"] == desk.sandbox.workspace.find_user("pat").team_id != desk.sandbox.workspace.team.id


async def test_direct_message_with_the_app(desk, installed):
    answer = await desk.post("commands", user="mia", channel="@ferry", command="/ship")
    payload = answer["delivered"][0]["payload"]
    assert payload["channel_name"] == "directmessage"
    assert payload["channel_id"].startswith("D")

"""The wire: each exchange with what it did to which message, what caused it, and no secret in it."""

import json

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import bolt, running
from tests.sandbox.manifests import manifest


def named(exchanges):
    return [(one["direction"], one["type"]) for one in exchanges]


async def about(desk, message):
    return (await desk.get("wire", message=f"checkout:{message}"))["exchanges"]


async def test_message_knows_the_call_that_posted_it_and_those_that_changed_it(desk, client, channel):
    posted = await client.chat_postMessage(channel="#checkout", text="one")
    await client.chat_update(channel=channel, ts=posted["ts"], text="two")
    await client.reactions_add(channel=channel, timestamp=posted["ts"], name="eyes")
    await client.chat_postMessage(channel="#checkout", text="another")
    shown = (await desk.messages())[0]
    exchanges = await about(desk, posted["ts"])
    key = f"{channel}:{posted['ts']}"
    calls = [one for one in exchanges if one["direction"] == "from_app"]
    assert [(one["type"], one["messages"][key]) for one in calls] == [
        ("chat.postMessage", "posted"), ("chat.update", "edited"), ("reactions.add", "reacted"),
    ]  # fmt: skip
    assert (calls[0]["id"], calls[0]["http_status"], calls[0]["kind"]) == (shown["exchange"], 200, "web_api")
    assert calls[0]["request"]["text"] == "one"
    assert calls[0]["response"]["ts"] == posted["ts"]
    assert (await desk.get(f"wire/{calls[0]['id']}"))["exchange"] == calls[0]
    (event, *_) = [one for one in exchanges if one["direction"] == "to_app"]
    assert (event["type"], event["messages"], event["caused_by"]) == ("message", {key: "subject"}, calls[0]["id"])


async def test_answer_to_a_command_leads_back_to_the_command(desk):
    def listeners(app):
        @app.command("/ship")
        async def _(ack, respond):
            await ack("on my way")
            await respond("done")

    async with bolt(desk, listeners):
        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
        (command,) = await about(desk, answer["posted"]["ts"])
        assert (command["type"], command["delivery_id"]) == ("/ship", answer["delivered"][0]["delivery_id"])
        assert command["response"] == {"status": "ok", "body": {"text": "on my way"}}
        done = await desk.message("done", viewer="mia")
        before, response = await about(desk, done["ts"])
    assert before["id"] == command["id"]
    assert (response["type"], response["caused_by"]) == ("response_url", command["id"])


async def test_view_that_is_opened_leads_back_to_its_trigger(desk):
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}

    def listeners(app):
        @app.shortcut("ship_it")
        async def _(ack, body, client):
            await client.views_open(trigger_id=body["trigger_id"], view=view)
            await ack()

    async with bolt(desk, listeners):
        await desk.post("shortcuts", user="mia", callback_id="ship_it")
        await desk.view("mia")
        exchanges = (await desk.get("wire"))["exchanges"]
    opened = next(one for one in exchanges if one["type"] == "views.open")
    cause = next(one for one in exchanges if one["id"] == opened["caused_by"])
    assert (cause["type"], cause["kind"]) == ("shortcut", "interactive")


async def test_what_a_person_wrote_is_the_subject_of_its_deliveries(desk):
    def listeners(app):
        @app.event("message")
        async def _():
            pass

        @app.event("app_mention")
        async def _():
            pass

    async with bolt(desk, listeners):
        sent = await desk.post("messages", user="mia", channel="checkout", text="hello @ferry")
        exchanges = await about(desk, sent["ts"])
    assert sorted(named(exchanges)) == [("to_app", "app_mention"), ("to_app", "message")]
    assert {one["transport"] for one in exchanges} == {"socket"}


async def test_files_that_an_app_sends_and_reads(desk, client, installed, channel):
    sent = await client.files_upload_v2(channel=channel, content="four", filename="a.log")
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {installed.bot_token}"}
        for given in (None, headers):
            async with session.get(sent["file"]["url_private"], headers=given) as response:
                assert response.status < 500
    found = [one for one in (await desk.get("wire"))["exchanges"] if one["kind"] == "file"]
    assert [(one["type"], one["app_id"], one["http_status"]) for one in found] == [
        ("upload", installed.id, 200), ("download", installed.id, 200),
    ]  # fmt: skip
    assert found[0]["request"]["file"] == found[1]["request"]["file"] == sent["file"]["id"]


async def test_exchanges_since_a_number_and_of_one_app(desk, client, installed):
    await client.auth_test()
    first = await desk.get("wire")
    await client.api_test()
    later = await desk.get("wire", since=first["next"], app=installed.name)
    assert named(later["exchanges"]) == [("from_app", "api.test")]
    assert later["next"] == first["next"] + 1
    again = await desk.get("wire", since=later["next"])
    assert (again["exchanges"], again["next"]) == ([], later["next"])
    assert len((await desk.get("wire", limit=1))["exchanges"]) == 1


async def test_wrong_questions_say_what_is_known(desk, installed):
    assert "Ferry" in (await desk.get("wire", 400, app="Barge"))["message"]
    assert "<channel>:<ts>" in (await desk.get("wire", 400, message="nowhere"))["message"]
    assert "whole number" in (await desk.get("wire", 400, since="x"))["message"]
    assert "no such field" in (await desk.get("wire", 400, who="me"))["message"]
    assert (await desk.get("wire/99", 404))["error"] == "exchange_not_found"


async def test_nothing_secret_is_listed_or_exported(desk):
    secrets = ('strange "quoted" one', "xapp-1-given", "s3cretsauce")
    bot, app, signing = secrets
    config = AppConfig(manifest=manifest(), bot_token=bot, app_token=app, signing_secret=signing)
    installed = await desk.sandbox.install(config)
    client = AsyncWebClient(token=bot, base_url=desk.sandbox.api_url)
    await client.apps_connections_open(app_token=app)
    await client.chat_postMessage(channel="#checkout", text='strange "quoted" one and xoxb-1-2-3 and s3cretsauce')
    await desk.post("commands", user="mia", channel="checkout", command="/ship")
    async with aiohttp.ClientSession() as session, session.get(f"{desk.sandbox.url}/_sandbox/export") as response:
        text = await response.text()
        assert "attachment" in response.headers["Content-Disposition"]
    listed = json.dumps(await desk.get("wire"))
    tickets = [f"ticket={ticket}" for ticket in desk.sandbox.platform.sockets._tickets]
    for secret in (*secrets, "quoted", installed.verification_token, "xoxb-1", *tickets):
        assert secret not in text
        assert secret not in listed
    whole = json.loads(text)
    assert (whole["format"], whole["apps"][0]["name"]) == ("slack-wire-1", "Ferry")
    assert ("from_app", "chat.postMessage") in named(whole["exchanges"])


async def test_oldest_exchanges_are_forgotten_with_their_messages():
    async with running(deliveries_limit=3) as desk:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest(events=[])))
        client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
        first = await client.chat_postMessage(channel="#checkout", text="x")
        for _ in range(3):
            await client.auth_test()
        assert await about(desk, first["ts"]) == []
        assert (await desk.get("wire", since=0))["oldest"] == 2
        assert "exchange" not in (await desk.messages())[0]
        assert desk.sandbox.platform.log._by_message == {}

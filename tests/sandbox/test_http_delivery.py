"""HTTP delivery: a real Bolt app behind a request URL, with its signature checks on."""

import asyncio

import pytest
from aiohttp import web

from bot.sandbox import AppConfig, ControlError
from bot.sandbox.http_delivery import sign
from tests.sandbox.conftest import bolt, running
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import manifest


async def test_commands_actions_options_and_events_are_signed_and_answered(desk):
    mentions: asyncio.Queue[str] = asyncio.Queue()

    def listeners(app):
        @app.command("/ship")
        async def _(ack, command):
            await ack(f"shipping {command['text']}")

        @app.action("go")
        async def _(ack, body, respond):
            await ack()
            await respond(text="gone", replace_original=True)

        @app.options("pick")
        async def _(ack):
            await ack(options=[{"text": {"type": "plain_text", "text": "one"}, "value": "1"}])

        @app.event("app_mention")
        async def _(event):
            mentions.put_nowait(event["text"])

    elements = [
        {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}},
        {"type": "external_select", "action_id": "pick", "min_query_length": 0},
    ]
    async with bolt(desk, listeners, mode="http") as (_, client, installed):
        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship", text="a&b ü")
        assert answer["posted"]["text"] == "shipping a&amp;b ü"
        posted = await client.chat_postMessage(
            channel="#checkout", text="card", blocks=[{"type": "actions", "elements": elements}]
        )
        where = {"user": "ana", "channel": "checkout", "ts": posted["ts"]}
        assert (await desk.post("options", **where, action_id="pick", value=""))["options"][0]["value"] == "1"
        assert (await desk.post("actions", **where, action_id="go"))["ok"]
        await desk.message("gone")
        await desk.post("messages", user="mia", channel="checkout", text="hey @ferry")
        async with asyncio.timeout(DEADLINE):
            assert await mentions.get() == f"hey <@{installed.bot_user_id}>"


async def test_wrong_secret_is_refused_by_the_app(desk):
    def listeners(app):
        @app.command("/ship")
        async def _(ack):
            await ack("never")

    async with bolt(desk, listeners, mode="http") as (_, _, installed):
        installed.signing_secret = "another"
        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
    assert answer["ack"]["status"] == "http_401"
    assert answer["error"] == "dispatch_failed"


async def test_signature_is_slacks():
    # The example of https://docs.slack.dev/authentication/verifying-requests-from-slack
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body.encode())
    assert signature == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def answering(handler):
    application = web.Application()
    application.router.add_post("/events", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/events"


async def test_url_that_does_not_echo_the_challenge_is_refused(desk):
    async def handler(request):
        return web.json_response({"challenge": "something else"})

    runner, url = await answering(handler)
    with pytest.raises(ControlError, match="did not answer the challenge"):
        await desk.sandbox.install(AppConfig(manifest=manifest(), mode="http", request_url=url))
    answer = await desk.post("apps", 400, manifest=manifest(), mode="http", request_url=url)
    assert answer["error"] == "url_verification_failed"
    await runner.cleanup()


async def test_events_are_repeated_with_number_and_reason_until_they_are_acknowledged():
    headers: asyncio.Queue[tuple[str | None, str | None]] = asyncio.Queue()
    bodies = []
    answers = iter([500, 200])

    async def handler(request):
        body = await request.json()
        if body["type"] == "url_verification":
            return web.json_response({"challenge": body["challenge"]})
        bodies.append(body)
        headers.put_nowait((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        return web.Response(status=next(answers))

    runner, url = await answering(handler)
    async with running(event_retries=(0.0, 0.0, 0.0)) as desk:
        await desk.sandbox.install(
            AppConfig(manifest=manifest(events=["message.channels"]), mode="http", request_url=url)
        )
        answer = await desk.post("messages", user="mia", channel="checkout", text="hello")
        async with asyncio.timeout(DEADLINE):
            assert [await headers.get(), await headers.get()] == [(None, None), ("1", "http_error")]
    assert answer["ack"]["status"] == "http_500"
    assert bodies[0] == bodies[1]
    await runner.cleanup()


async def test_http_mode_without_any_url_is_refused(desk):
    answer = await desk.post("apps", 400, manifest=manifest(), mode="http")
    assert "needs a request URL" in answer["message"]

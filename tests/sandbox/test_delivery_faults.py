"""Deliveries that come twice, late, in another order, with a wrong clock or never; and a workspace that is away."""

import asyncio
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import bolt, running
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import manifest


class Listener:
    """An app behind a plain request URL: keeps what came, answers as `answers` say (200 when they are used up)."""

    def __init__(self):
        self.requests: asyncio.Queue[tuple[dict[str, str], str]] = asyncio.Queue()
        self.answers: list[web.Response] = []
        self.url = ""

    async def handle(self, request):
        body = await request.read()
        if b"url_verification" in body:
            return web.json_response({"challenge": (await request.json())["challenge"]})
        self.requests.put_nowait((dict(request.headers), body.decode()))
        return self.answers.pop(0) if self.answers else web.Response()

    async def next(self):
        async with asyncio.timeout(DEADLINE):
            return await self.requests.get()


@asynccontextmanager
async def listening(**options):
    """Yield (desk, listener) with the listener installed as an app in HTTP mode."""
    listener = Listener()
    application = web.Application()
    application.router.add_post("/events", listener.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        async with running(**{"ack_timeout": DEADLINE, **options}) as desk:
            config = AppConfig(
                manifest=manifest(events=["message.channels"]),
                mode="http",
                request_url=listener.url,
                signing_secret="s3cret",
            )
            await desk.sandbox.install(config)
            yield desk, listener
    finally:
        await runner.cleanup()


async def say(desk, text):
    return await desk.post("messages", user="mia", channel="checkout", text=text)


async def test_duplicated_delivery_is_the_same_event_twice():
    async with listening() as (desk, listener):
        await desk.post("faults", kind="duplicate", delivery="message")
        answer = await say(desk, "hello")
        (first, body), (second, again) = await listener.next(), await listener.next()
        assert body == again
        assert "X-Slack-Retry-Num" not in {**first, **second}
        assert len(answer["delivered"][0]["acks"]) == 1
        await say(desk, "once")
        assert "once" in (await listener.next())[1]
        assert listener.requests.empty()


async def test_reordered_deliveries_change_places():
    async with listening() as (desk, listener):
        await desk.post("faults", kind="reorder", seconds=DEADLINE)
        first = asyncio.create_task(say(desk, "first"))
        async with asyncio.timeout(DEADLINE):
            while not desk.sandbox.platform.deliveries._held:  # noqa: ASYNC110 - nothing is told of it
                await asyncio.sleep(0)
        await say(desk, "second")
        assert "second" in (await listener.next())[1]
        assert "first" in (await listener.next())[1]
        assert (await first)["ack"]["status"] == "ok"


async def test_delivery_held_back_alone_comes_in_the_end():
    async with listening() as (desk, listener):
        await desk.post("faults", kind="reorder", seconds=0.01)
        await desk.post("faults", kind="delay", seconds=0.01)
        for text in ("one", "two"):
            assert (await say(desk, text))["ack"]["status"] == "ok"
            assert text in (await listener.next())[1]


async def test_lost_delivery_is_never_sent():
    async with listening(event_retries=(0.0,)) as (desk, listener):
        await desk.post("faults", kind="lose", delivery="events_api")
        assert (await say(desk, "gone"))["ack"]["status"] == "lost"
        await say(desk, "here")
        assert "here" in (await listener.next())[1]
        (entry,) = [one for one in (await desk.get("deliveries"))["deliveries"] if one.get("fault")]
        assert (entry["fault"], entry["response"]["status"]) == ("lose", "lost")


async def test_delivery_cut_short_comes_again():
    async with listening(event_retries=(0.0,)) as (desk, listener):
        await desk.post("faults", kind="cut")
        assert (await say(desk, "hello"))["ack"]["status"] == "dropped"
        await listener.next()
        headers, _ = await listener.next()
        assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("1", "connection_failed")


async def test_cut_socket_is_gone_and_the_event_comes_on_the_next(desk):
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(events=["message.channels"])))
    client = AsyncWebClient(base_url=desk.sandbox.api_url)

    async def connect(session):
        url = (await client.apps_connections_open(app_token=installed.app_token))["url"]
        socket = await session.ws_connect(url)
        await socket.receive_json(timeout=DEADLINE)
        return socket

    async with aiohttp.ClientSession() as session:
        doomed = await connect(session)
        await desk.post("faults", kind="cut")
        assert (await say(desk, "hello"))["ack"]["status"] == "dropped"
        with suppress(ConnectionResetError):  # of a pong that it cannot send any more
            while (await doomed.receive(timeout=DEADLINE)).type is aiohttp.WSMsgType.TEXT:
                pass
        socket = await connect(session)
        again = await socket.receive_json(timeout=DEADLINE)
        assert again["retry_attempt"] in {1, 2}
        await socket.send_json({"envelope_id": again["envelope_id"]})
        await socket.close()


async def test_moved_clock_is_refused_by_a_verifier(clock):
    async with listening(clock=clock) as (desk, listener):
        verifier = SignatureVerifier("s3cret")
        for seconds, good in ((-600, False), (0, True)):
            await desk.post("faults", kind="clock_skew", seconds=seconds)
            await say(desk, "hello")
            headers, body = await listener.next()
            timestamp, signature = headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"]
            assert verifier.generate_signature(timestamp=timestamp, body=body) == signature
            assert (abs(clock() - int(timestamp)) <= 300) is good


async def test_app_that_wants_no_repetition_gets_none():
    async with listening(event_retries=(0.0,)) as (desk, listener):
        listener.answers = [web.Response(status=500, headers={"X-Slack-No-Retry": "1"}), web.Response(status=202)]
        assert (await say(desk, "broken"))["ack"]["status"] == "http_500"
        assert (await say(desk, "accepted"))["ack"]["status"] == "ok"
        texts = [(await listener.next())[1] for _ in range(2)]
        assert ["broken" in text for text in texts] == [True, False]
        assert listener.requests.empty()


async def test_three_redirects_are_too_many():
    async with listening(event_retries=(0.0,)) as (desk, listener):
        away = {"Location": listener.url}
        listener.answers = [web.Response(status=307, headers=away) for _ in range(3)]
        assert (await say(desk, "round"))["ack"]["status"] == "too_many_redirects"
        reasons = [(await listener.next())[0].get("X-Slack-Retry-Reason") for _ in range(4)]
        assert reasons == [None, None, None, "too_many_redirects"]
        listener.answers = [web.Response(status=307, headers=away) for _ in range(2)]
        assert (await say(desk, "found"))["ack"]["status"] == "ok"


@pytest.mark.parametrize(("events", "heard"), [("late", ["meanwhile", "after"]), ("lost", ["after"])])
async def test_events_of_an_absence_come_late_or_never(clock, events, heard):
    async with listening(clock=clock) as (desk, listener):
        await desk.post("away", seconds=600, events=events)
        assert (await say(desk, "meanwhile"))["ok"]
        pressed = await desk.post("commands", user="mia", channel="checkout", command="/ship")
        assert (pressed["ok"], pressed["error"]) == (False, "dispatch_failed")
        assert listener.requests.empty()
        clock.advance(601)
        texts = []
        if events == "late":
            texts.append((await listener.next())[1])
        await say(desk, "after")
        texts.append((await listener.next())[1])
        assert [word for text in texts for word in ("meanwhile", "after") if f'"{word}"' in text] == heard


async def test_client_that_connects_anew_hears_of_what_happened_meanwhile():
    heard: asyncio.Queue[str] = asyncio.Queue()

    def listeners(app):
        @app.event("message")
        async def _(event):
            heard.put_nowait(event["text"])

    async with running(event_retries=(0.2,) * 300) as desk, bolt(desk, listeners, events=["message.channels"]):
        await desk.post("away", on=True)
        assert (await say(desk, "meanwhile"))["ack"] is None
        await desk.post("away", on=False)
        async with asyncio.timeout(DEADLINE):
            assert await heard.get() == "meanwhile"


async def outcomes(seed):
    async with listening(event_retries=()) as (desk, _):
        mix = {"seed": seed, "rate": 0.5, "kinds": ["http_500", "ratelimited", "lose", "slow"], "seconds": 0}
        assert (await desk.post("faults", mix=mix))["mix"]["rate"] == 0.5
        statuses = []
        async with aiohttp.ClientSession() as session:
            for _ in range(20):
                async with session.post(desk.sandbox.api_url + "api.test") as response:
                    statuses.append(response.status)
        deliveries = [(await say(desk, str(number)))["ack"]["status"] for number in range(20)]
        await desk.post("faults", clear=True)
        assert (await say(desk, "quiet"))["ack"]["status"] == "ok"
        return statuses, deliveries


async def test_mix_is_repeated_by_its_seed():
    first, again, other = await outcomes(7), await outcomes(7), await outcomes(8)
    assert first == again != other
    assert set(first[0]) == {200, 429, 500}
    assert set(first[1]) == {"ok", "lost"}


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"kind": "duplicate", "method": "chat.update"}, "invalid_field", "name one with delivery"),
        ({"kind": "http_500", "delivery": "message"}, "invalid_field", "name one with method"),
        ({"kind": "delay", "seconds": -1}, "invalid_seconds", "not below 0"),
        ({"kind": "delay", "seconds": "soon"}, "invalid_seconds", "'soon'"),
        ({"mix": []}, "invalid_mix", "an object"),
        ({"mix": {"rate": 5}}, "invalid_rate", "0 to 1"),
        ({"mix": {"kinds": []}}, "invalid_kind", "mix.kinds"),
        ({"mix": {"kinds": ["boom"]}}, "invalid_kind", "'boom'"),
        ({"mix": {"kinds": ["token_revoked"]}}, "invalid_kind", "token_revoked"),
        ({"mix": {"seeds": 1}}, "unknown_field", "mix.seeds"),
        ({"mix": {}, "kind": "slow"}, "invalid_field", "goes into mix"),
    ],
    ids=lambda value: None,
)
async def test_faulty_plan_says_what_is_wrong(desk, fields, error, words):
    answer = await desk.post("faults", 400, **fields)
    assert answer["error"] == error
    assert words in answer["message"]


async def test_revoked_token_is_given_back_when_faults_are_cleared(desk, installed, client):
    await desk.post("faults", kind="token_revoked", method="auth.test")
    for _ in range(2):
        async with aiohttp.ClientSession() as session:
            data = {"token": installed.bot_token}
            async with session.post(desk.sandbox.api_url + "auth.test", data=data) as response:
                assert (await response.json())["error"] == "token_revoked"
    assert (await desk.get("faults"))["planned"] == []
    await desk.post("faults", clear=True)
    assert (await client.auth_test())["ok"]


async def test_slow_answer_is_right_all_the_same(desk, client):
    await desk.post("faults", kind="slow", method="chat.postMessage", seconds=0.01)
    assert (await client.chat_postMessage(channel="#checkout", text="x"))["ok"]
    (call,) = [one for one in (await desk.get("wire"))["exchanges"] if one["type"] == "chat.postMessage"]
    assert (call["fault"], call["http_status"]) == ("slow", 200)


async def test_limits_are_switched_while_it_runs(clock):
    async with running(clock=clock) as desk, aiohttp.ClientSession() as session:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
        data = {"token": installed.bot_token, "channel": "#checkout", "text": "x"}

        async def statuses():
            answers = [await session.post(desk.sandbox.api_url + "chat.postMessage", data=data) for _ in range(9)]
            return {answer.status for answer in answers}

        assert (await desk.post("limits", mode="strict"))["limits"] == "strict"
        assert (await desk.get("faults"))["limits"] == "strict"
        assert await statuses() == {200, 429}
        await desk.post("limits", mode="off")
        assert await statuses() == {200}
        assert "none of off, relaxed, strict" in (await desk.post("limits", 400, mode="harsh"))["message"]

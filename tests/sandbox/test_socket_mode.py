"""Socket Mode on the wire: greetings, envelopes, several connections, and connections that end."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import bolt, running
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import manifest


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as made:
        yield made


async def connect(desk, session, installed):
    client = AsyncWebClient(token=installed.app_token, base_url=desk.sandbox.api_url)
    url = (await client.apps_connections_open(app_token=installed.app_token))["url"]
    assert url.startswith("ws://127.0.0.1:")
    socket = await session.ws_connect(url)
    return url, socket, await socket.receive_json(timeout=DEADLINE)


async def test_hello_and_one_use_of_a_ticket(desk, installed, session):
    url, socket, hello = await connect(desk, session, installed)
    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    assert hello["connection_info"] == {"app_id": installed.id}
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(url)
    _, second, hello = await connect(desk, session, installed)
    assert hello["num_connections"] == 2
    await socket.close()
    await second.close()


async def test_connection_that_is_to_end_soon_for_a_test_of_the_app(desk, installed, session):
    client = AsyncWebClient(base_url=desk.sandbox.api_url)
    for more, seconds in (("", 18060), ("&debug_reconnects=true", 360)):
        url = (await client.apps_connections_open(app_token=installed.app_token))["url"]
        async with session.ws_connect(url + more) as socket:
            hello = await socket.receive_json(timeout=DEADLINE)
        assert hello["debug_info"]["approximate_connection_time"] == seconds


async def test_envelopes_go_to_the_connections_in_turn(desk, installed, session):
    sockets = [(await connect(desk, session, installed))[1] for _ in range(2)]
    kinds = []
    for socket in sockets:
        asking = asyncio.create_task(desk.post("commands", user="mia", channel="checkout", command="/ship"))
        envelope = await socket.receive_json(timeout=DEADLINE)
        kinds.append((envelope["type"], envelope["accepts_response_payload"], "retry_attempt" in envelope))
        await socket.send_str("nonsense")
        await socket.send_json({"envelope_id": "somebody else's"})
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "here"}})
        assert (await asking)["posted"]["text"] == "here"
        await socket.close()
    assert kinds == [("slash_commands", True, False)] * 2


async def test_event_envelope_tells_the_attempt(desk, installed, session):
    _, socket, _ = await connect(desk, session, installed)
    asking = asyncio.create_task(desk.post("messages", user="mia", channel="checkout", text="x"))
    envelope = await socket.receive_json(timeout=DEADLINE)
    assert (envelope["type"], envelope["retry_attempt"], envelope["retry_reason"]) == ("events_api", 0, "")
    assert envelope["accepts_response_payload"] is False
    await socket.send_json({"envelope_id": envelope["envelope_id"]})
    assert (await asking)["ack"] == {"status": "ok", "body": None}
    await socket.close()


async def test_connection_that_ends_before_the_acknowledgement(desk, installed, session):
    _, socket, _ = await connect(desk, session, installed)
    asking = asyncio.create_task(desk.post("commands", user="mia", channel="checkout", command="/ship"))
    await socket.receive_json(timeout=DEADLINE)
    await socket.close()
    assert (await asking)["ack"]["status"] == "dropped"


async def test_disconnect_asks_to_come_back(desk, installed, session):
    _, socket, _ = await connect(desk, session, installed)
    asking = asyncio.create_task(desk.post("disconnect", reason="refresh_requested"))
    message = await socket.receive_json(timeout=DEADLINE)
    assert (message["type"], message["reason"]) == ("disconnect", "refresh_requested")
    assert (await socket.receive(timeout=DEADLINE)).type is aiohttp.WSMsgType.CLOSE
    assert (await asking)["disconnected"] == 1


async def test_warning_leaves_time_to_acknowledge(desk, installed, session):
    _, socket, _ = await connect(desk, session, installed)
    asking = asyncio.create_task(desk.post("commands", user="mia", channel="checkout", command="/ship"))
    envelope = await socket.receive_json(timeout=DEADLINE)
    await desk.post("disconnect", reason="warning")
    assert (await socket.receive_json(timeout=DEADLINE))["reason"] == "warning"
    await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "still here"}})
    assert (await asking)["posted"]["text"] == "still here"
    _, renewed, _ = await connect(desk, session, installed)
    asking = asyncio.create_task(desk.post("commands", user="mia", channel="checkout", command="/ship"))
    envelope = await renewed.receive_json(timeout=DEADLINE)
    await renewed.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "on the new one"}})
    assert (await asking)["posted"]["text"] == "on the new one"
    await socket.close()
    await renewed.close()


async def test_connection_is_warned_renewed_and_pinged_when_it_is_old():
    async with (
        running(socket_lifetime=0.3, socket_warning=0.2, ping_interval=0.02) as desk,
        aiohttp.ClientSession() as session,
    ):
        installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
        client = AsyncWebClient(base_url=desk.sandbox.api_url)
        url = (await client.apps_connections_open(app_token=installed.app_token))["url"]
        async with session.ws_connect(url, autoping=False) as socket:
            received = [one async for one in socket]
    told = [one.json() for one in received if one.type is aiohttp.WSMsgType.TEXT]
    assert told[0]["debug_info"]["approximate_connection_time"] == 0
    assert [(frame["type"], frame.get("reason")) for frame in told[1:]] == [
        ("disconnect", "warning"), ("disconnect", "refresh_requested"),
    ]  # fmt: skip
    assert aiohttp.WSMsgType.PING in {one.type for one in received}


async def test_no_more_than_ten_connections(desk, installed, session):
    sockets = [(await connect(desk, session, installed))[1] for _ in range(10)]
    _, socket, told = await connect(desk, session, installed)
    assert (told["type"], told["reason"]) == ("disconnect", "too_many_websockets")
    assert (await socket.receive(timeout=DEADLINE)).type is aiohttp.WSMsgType.CLOSE
    for socket in sockets:
        await socket.close()


@pytest.mark.parametrize("how", ["disconnect", "drop"])
async def test_real_client_comes_back(desk, how):
    def listeners(app):
        @app.command("/ship")
        async def _(ack):
            await ack("here again")

    async with bolt(desk, listeners):
        await desk.post(how)

        async def served():
            answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
            return answer["ok"] and answer["posted"]["text"]

        assert await desk.until(served) == "here again"


async def test_away_cuts_sockets_and_answers_503_until_it_is_back(desk, installed, session):
    _, socket, _ = await connect(desk, session, installed)
    assert (await desk.post("away", on=True))["dropped"] == 1
    assert (await socket.receive(timeout=DEADLINE)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    for path in ("api/auth.test", "response/A0/x", "upload/v1/F0/x"):
        async with session.post(f"{desk.sandbox.url}/{path}") as response:
            assert response.status == 503
    await desk.post("away", on=False)
    _, socket, hello = await connect(desk, session, installed)
    assert hello["type"] == "hello"
    await socket.close()


async def test_http_apps_get_no_socket(desk):
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(events=[]) | {
        "settings": {"interactivity": {"is_enabled": True, "request_url": "http://127.0.0.1:9/x"}}
    }))  # fmt: skip
    client = AsyncWebClient(base_url=desk.sandbox.api_url)
    with pytest.raises(SlackApiError, match="socket_mode_disabled"):
        await client.apps_connections_open(app_token=installed.app_token)

"""Rate limits by the clock, and faults on request."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from bot.sandbox.limits import Limits
from tests.sandbox.conftest import running
from tests.sandbox.manifests import manifest


async def connected(desk):
    installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
    return AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)


async def test_one_message_per_second_and_channel(clock):
    async with running(clock=clock, limits="strict") as desk:
        client = await connected(desk)
        for _ in range(3):
            await client.chat_postMessage(channel="#checkout", text="x")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="#checkout", text="x")
        assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
        assert caught.value.response["error"] == "ratelimited"
        await client.chat_postMessage(channel="#releases", text="x")
        clock.advance(1)
        await client.chat_postMessage(channel="#checkout", text="x")
        assert len(await desk.messages()) == 4


@pytest.mark.parametrize(("limits", "allowed"), [("strict", 20), ("relaxed", 200), ("off", 250)])
async def test_tier_of_a_method(clock, limits, allowed):
    async with running(clock=clock, limits=limits) as desk:
        client = await connected(desk)

        async def succeeds():
            try:
                await client.users_list()
            except SlackApiError as error:
                assert error.response["error"] == "ratelimited"  # noqa: PT017 - both outcomes are counted
                return False
            return True

        assert sum([await succeeds() for _ in range(250)]) == allowed
        clock.advance(60)
        assert await succeeds()


def allowed_at_once(limits, method, tier):
    return sum(limits.wait_for_method("A0", method, tier) == 0 for _ in range(1000))


def test_methods_with_a_limit_of_their_own(clock):
    limits = Limits(clock, "strict")
    allowed = {method: allowed_at_once(limits, method, 1) for method in ("auth.test", "apps.connections.open")}
    assert allowed == {"auth.test": 600, "apps.connections.open": 10}
    assert limits.wait_for_method("A0", "apps.connections.open", 1) == 60
    assert limits.wait_for_method("A1", "apps.connections.open", 1) == 0


def test_messages_in_the_whole_workspace(clock):
    limits = Limits(clock, "strict")
    posted = [limits.wait_for_post("A0", f"C{number}") for number in range(310)]
    assert posted[:300] == [0] * 300
    assert set(posted[300:]) == {1}


async def test_planned_rate_limit_and_server_error(desk, client):
    await desk.post("faults", method="chat.postMessage", kind="ratelimited", times=2, retry_after=7)
    await client.auth_test()
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="#checkout", text="x")
        assert caught.value.response.headers["Retry-After"] == "7"
    await client.chat_postMessage(channel="#checkout", text="x")
    await desk.post("faults", method="*", kind="http_500")
    async with aiohttp.ClientSession() as session, session.post(desk.sandbox.api_url + "api.test") as response:
        assert (response.status, response.content_type) == (500, "text/html")


@pytest.mark.parametrize(("kind", "posted"), [("drop", 0), ("lost_reply", 1)])
async def test_cut_connections_before_and_after_the_work(desk, client, kind, posted):
    client.retry_handlers.clear()
    await desk.post("faults", method="chat.postMessage", kind=kind)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="#checkout", text="x")
    assert len(await desk.messages()) == posted


async def test_call_that_hangs(desk, client, installed):
    await desk.post("faults", method="auth.test", kind="timeout")
    impatient = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url, timeout=1)
    with pytest.raises(asyncio.TimeoutError):
        await impatient.auth_test()


async def test_faults_can_be_cleared(desk, client):
    await desk.post("faults", kind="http_500", times=99)
    await desk.post("faults", clear=True)
    assert (await client.auth_test())["ok"]


async def test_away_ends_by_the_clock(clock):
    async with running(clock=clock) as desk:
        client = await connected(desk)
        await desk.post("away", seconds=60)
        clock.advance(59)
        with pytest.raises(SlackApiError):
            await client.auth_test()
        clock.advance(2)
        assert (await client.auth_test())["ok"]

"""Response URLs: who sees what, five uses, thirty minutes."""

import aiohttp
import pytest

from tests.sandbox.conftest import running
from tests.sandbox.manifests import manifest


@pytest.fixture
async def respond():
    async with aiohttp.ClientSession() as session:

        async def post(url, **body):
            async with session.post(url, json=body) as response:
                return response.status, await response.json()

        yield post


async def command_url(desk):
    answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
    return answer["delivered"][0]["payload"]["response_url"]


async def test_five_uses(desk, installed, respond):
    url = await command_url(desk)
    for number in range(5):
        assert await respond(url, text=f"answer {number}") == (200, {"ok": True})
    assert await respond(url, text="answer 6") == (404, {"ok": False, "error": "used_url"})
    shown = [m["text"] for m in await desk.messages(viewer="mia")]
    assert shown[1:] == [f"answer {number}" for number in range(5)]
    assert await desk.messages(viewer="ana") == []


async def test_thirty_minutes(clock, respond):
    async with running(clock=clock) as desk:
        await desk.post("apps", manifest=manifest())
        url = await command_url(desk)
        clock.advance(1799)
        assert (await respond(url, text="in time"))[0] == 200
        clock.advance(2)
        assert await respond(url, text="late") == (404, {"ok": False, "error": "expired_url"})


async def test_unknown_url_and_wrong_bodies(desk, installed, respond):
    url = await command_url(desk)
    assert await respond(url + "0", text="x") == (404, {"ok": False, "error": "expired_url"})
    assert (await respond(url, blocks=[{"type": "nonsense"}]))[1]["error"] == "invalid_blocks"
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{") as response:
        assert (response.status, (await response.json())["error"]) == (400, "invalid_payload")


async def test_in_channel_replace_and_delete(desk, installed, client, respond):
    url = await command_url(desk)
    await respond(url, text="for all", response_type="in_channel")
    assert [m["text"] for m in await desk.messages(viewer="ana")] == ["for all"]
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    posted = await client.chat_postMessage(
        channel="#checkout", text="card", blocks=[{"type": "actions", "elements": [button]}]
    )
    answer = await desk.post("actions", user="ana", channel="checkout", ts=posted["ts"], action_id="go")
    url = answer["delivered"][0]["payload"]["response_url"]
    await respond(url, text="replaced", replace_original=True)
    (card,) = [m for m in await desk.messages(viewer="ana") if m["ts"] == posted["ts"]]
    assert (card["text"], card["blocks"]) == ("replaced", [])
    await respond(url, delete_original=True)
    assert [m["text"] for m in await desk.messages(viewer="raj")] == ["for all"]


async def test_url_of_an_app_that_is_gone(desk, installed, respond):
    url = await command_url(desk)
    await desk.post("uninstall", app=installed.id)
    assert await respond(url, text="late") == (404, {"ok": False, "error": "expired_url"})

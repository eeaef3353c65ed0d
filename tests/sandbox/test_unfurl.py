"""Links: which app hears of them, and what it may show below the message."""

import asyncio
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox import ManifestError
from bot.sandbox.manifest import read_manifest
from tests.sandbox.conftest import bolt
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import SCOPES, manifest

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*!7* Add a discount"}}
URL = "https://git.acme.example/shop/checkout/-/merge_requests/7"


@pytest.fixture
async def linked(desk):
    """An app that unfurls acme.example: (client, its installation, the event of each message posted)."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def listeners(app):
        @app.event("link_shared")
        async def _(body):
            heard.put_nowait(body["event"])

    async with bolt(desk, listeners, events=["link_shared"], domains=["acme.example"]) as (
        _,
        client,
        app,
    ):

        async def say(text: str) -> dict[str, Any]:
            await desk.post("messages", user="mia", channel="checkout", text=text)
            async with asyncio.timeout(DEADLINE):
                return await heard.get()

        yield client, app, say


async def test_a_link_of_the_apps_domain_is_told(desk, linked):
    _, _, say = linked
    event = await say(f"look at {URL} and https://elsewhere.example/x, {URL} again and http://acme.example?a=1&b=2")
    channel = desk.sandbox.workspace.find_channel("checkout")
    assert event["links"] == [
        {"domain": "acme.example", "url": URL},
        {"domain": "acme.example", "url": "http://acme.example?a=1&b=2"},
    ]
    assert (event["channel"], event["source"], event["is_bot_user_member"]) == (
        channel.id,
        "conversations_history",
        True,
    )
    assert event["message_ts"] in channel.messages


@pytest.mark.parametrize("named_by", ["message", "unfurl_id"])
async def test_a_preview_is_attached_and_replaced(desk, linked, named_by):
    client, app, say = linked
    event = await say(f"see {URL}")
    ids = {"unfurl_id": event["unfurl_id"], "source": event["source"]}
    where = ids if named_by == "unfurl_id" else {"channel": event["channel"], "ts": event["message_ts"]}
    for text in ("*!7* Add a discount", "*!7* merged"):
        block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
        await client.api_call("chat.unfurl", json={**where, "unfurls": {URL: {"blocks": [block]}}})
        message = (await desk.messages())[-1]
        assert [one["from_url"] for one in message["attachments"]] == [URL]
        assert message["attachments"][0]["blocks"][0]["text"]["text"] == text
        assert (message["attachments"][0]["is_app_unfurl"], message["attachments"][0]["app_id"]) == (True, app.id)
        assert "edited" not in message


@pytest.mark.parametrize(
    ("unfurls", "change", "error"),
    [
        ({"https://git.acme.example/other": {"blocks": [SECTION]}}, {}, "cannot_unfurl_url"),
        ({"https://elsewhere.example/x": {"blocks": [SECTION]}}, {}, "cannot_unfurl_message"),
        ({URL: {"blocks": [{"type": "nonsense"}]}}, {}, "invalid_blocks"),
        ({URL: {"blocks": [SECTION]}}, {"ts": "1.2"}, "cannot_find_message"),
        ({URL: {"blocks": [SECTION]}}, {"channel": "C0NONE"}, "cannot_find_channel"),
        ({}, {}, "missing_unfurls"),
    ],
)
async def test_a_wrong_preview_is_refused(linked, unfurls, change, error):
    client, _, say = linked
    event = await say(f"see {URL} https://elsewhere.example/x")
    where = {"channel": event["channel"], "ts": event["message_ts"], **change}
    with pytest.raises(SlackApiError) as caught:
        await client.api_call("chat.unfurl", json={**where, "unfurls": unfurls})
    assert caught.value.response["error"] == error


async def test_without_the_scope_nothing_is_told_or_shown(desk):
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def listeners(app):
        @app.event("link_shared")
        async def _(body):
            heard.put_nowait(body)

    scopes = [scope for scope in SCOPES if not scope.startswith("links:")]
    async with bolt(desk, listeners, events=["link_shared"], scopes=scopes, domains=["acme.example"]) as (_, client, _):
        sent = await desk.post("messages", user="mia", channel="checkout", text=f"see {URL}")
        assert heard.empty()
        channel = desk.sandbox.workspace.find_channel("checkout").id
        with pytest.raises(SlackApiError) as caught:
            await client.chat_unfurl(channel=channel, ts=sent["ts"], unfurls={URL: {"blocks": [SECTION]}})
        assert caught.value.response["error"] == "missing_scope"


@pytest.mark.parametrize("wrong", ["https://acme.example", "acme.example/x", "acme.example:8080", "acme"])
def test_a_domain_is_no_address(wrong):
    with pytest.raises(ManifestError, match="is no domain"):
        read_manifest(manifest(domains=[wrong]))

"""The fields of what apps are sent, payload by payload, as Slack's reference lists them."""

import asyncio

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import running
from tests.sandbox.manifests import SCOPES, manifest

EVENTS = ["app_mention", "file_shared", "link_shared", "message.channels", "message.groups"]
BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "1"}
PICK = {"type": "external_select", "action_id": "pick", "min_query_length": 0}
ACTIONS = [{"type": "actions", "block_id": "acts", "elements": [BUTTON, PICK]}]
VIEW = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "T"},
    "notify_on_close": True,
    "submit": {"type": "plain_text", "text": "Go"},
    "blocks": [],
}
EVERY = {"type", "user", "token", "trigger_id", "team", "enterprise", "is_enterprise_install"}


def payload(answer):
    return answer["delivered"][0]["payload"]


async def flags(desk):
    """Return what each Socket Mode envelope would say of a response: delivery type -> accepts_response_payload."""
    kept = desk.sandbox.platform.deliveries._kept.values()
    return {one.type: one.accepts_response for one in kept}


async def opened(desk, client):
    trigger = payload(await desk.post("shortcuts", user="mia", callback_id="ship_it"))["trigger_id"]
    return (await client.views_open(trigger_id=trigger, view=VIEW))["view"]["id"]


async def test_press_in_a_message(desk, client, installed, channel):
    posted = await client.chat_postMessage(channel="#checkout", text="card", blocks=ACTIONS)
    where = {"user": "mia", "channel": "checkout", "ts": posted["ts"]}
    body = payload(await desk.post("actions", **where, action_id="go"))
    places = {"api_app_id", "container", "channel", "message", "state", "response_url", "actions"}
    assert set(body) == EVERY | places
    mia = desk.sandbox.workspace.find_user("mia")
    assert body["user"] == {"id": mia.id, "username": "mia", "name": "mia", "team_id": mia.team_id}
    assert body["channel"] == {"id": channel, "name": "checkout"}
    message = {"type": "message", "message_ts": posted["ts"], "channel_id": channel, "is_ephemeral": False}
    assert body["container"] == message
    assert set(body["actions"][0]) == {"action_id", "block_id", "type", "action_ts", "text", "value"}
    asked = payload(await desk.post("options", **where, action_id="pick", value="x"))
    told = {"api_app_id", "container", "channel", "message", "action_id", "block_id", "value"}
    assert set(asked) == EVERY - {"trigger_id"} | told
    await client.chat_postEphemeral(channel=channel, user=mia.id, text="only you", blocks=ACTIONS)
    ephemeral = (await desk.messages(viewer="mia"))[-1]
    body = payload(await desk.post("actions", user="mia", channel="checkout", ts=ephemeral["ts"], action_id="go"))
    assert set(body) == EVERY | places - {"message"}
    assert body["container"]["is_ephemeral"] is True


async def test_press_in_an_attachment(desk, client):
    posted = await client.chat_postMessage(
        channel="#checkout", text="card", attachments=[{"text": "plain"}, {"blocks": ACTIONS}]
    )
    body = payload(await desk.post("actions", user="mia", channel="checkout", ts=posted["ts"], action_id="go"))
    container = body["container"]
    assert (container["type"], container["attachment_id"], container["is_app_unfurl"]) == (
        "message_attachment", 2, False,
    )  # fmt: skip
    assert "app_unfurl" not in body


async def test_press_in_an_unfurled_link(desk, channel):
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(events=EVENTS, domains=["acme.example"])))
    client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
    url = "https://acme.example/1"
    sent = await desk.post("messages", user="mia", channel="checkout", text=f"see {url}")
    await client.chat_unfurl(channel=channel, ts=sent["ts"], unfurls={url: {"blocks": ACTIONS}})
    body = payload(await desk.post("actions", user="ana", channel="checkout", ts=sent["ts"], action_id="go"))
    container = body["container"]
    assert (container["type"], container["is_app_unfurl"], container["app_unfurl_url"]) == (
        "message_attachment", True, url,
    )  # fmt: skip
    assert body["app_unfurl"]["from_url"] == url
    plain = await desk.post("messages", user="mia", channel="checkout", text="nothing to press")
    pressed = await desk.post("actions", 400, user="mia", channel="checkout", ts=plain["ts"], action_id="go")
    assert pressed["error"] == "not_an_app_message"


async def test_shortcuts(desk, client, installed, channel):
    body = payload(await desk.post("shortcuts", user="mia", callback_id="ship_it"))
    assert set(body) == EVERY | {"callback_id", "action_ts"}
    assert set(body["user"]) == {"id", "username", "team_id"}
    sent = await desk.post("messages", user="mia", channel="checkout", text="hello")
    body = payload(await desk.post("shortcuts", user="mia", callback_id="ship_this", channel="checkout", ts=sent["ts"]))
    told = {"callback_id", "action_ts", "message_ts", "channel", "message", "response_url"}
    assert set(body) == EVERY | told
    assert (body["type"], body["message"]["text"]) == ("message_action", "hello")


async def test_modals_and_what_accepts_a_response(desk, client, installed):
    ident = await opened(desk, client)
    submitted = payload(await desk.post("views", user="mia", view_id=ident))
    assert set(submitted) == EVERY | {"api_app_id", "view", "response_urls"}
    closed = payload(await desk.post("views", user="mia", view_id=ident, close=True))
    assert set(closed) == EVERY - {"trigger_id"} | {"api_app_id", "view", "is_cleared"}
    posted = await client.chat_postMessage(channel="#checkout", text="card", blocks=ACTIONS)
    where = {"user": "mia", "channel": "checkout", "ts": posted["ts"]}
    await desk.post("actions", **where, action_id="go")
    await desk.post("options", **where, action_id="pick", value="")
    await desk.post("commands", user="mia", channel="checkout", command="/ship")
    assert (await flags(desk)).items() >= {
        "shortcut": False,
        "view_submission": True,
        "view_closed": False,
        "block_actions": False,
        "block_suggestion": True,
        "/ship": True,
        "message": False,
    }.items()


async def test_private_channels_are_not_named(desk, installed):
    private = (await desk.post("channels", name="vault", private=True, members=["mia", "ferry"]))["channel"]["id"]
    answer = await desk.post("commands", user="mia", channel=private, command="/ship")
    assert payload(answer)["channel_name"] == "privategroup"


@pytest.fixture
async def apps(desk):
    """Two apps, Ferry and Barge, that hear of messages and mentions."""
    made = []
    for name in ("Ferry", "Barge"):
        wanted = manifest(events=EVENTS, scopes=[*SCOPES])
        wanted["display_information"]["name"] = name
        wanted["features"]["bot_user"]["display_name"] = name.lower()
        made.append(await desk.sandbox.install(AppConfig(manifest=wanted)))
    return made


async def heard(desk, app, kind):
    """Return the events of this type that the app was sent so far, each once."""
    wire = (await desk.get("wire", app=app.id))["exchanges"]
    told = [one["request"]["event"] for one in wire if one["direction"] == "to_app" and one["retry_num"] == 0]
    return [event for event in told if event["type"] == kind]


async def test_app_is_mentioned_by_people_by_other_apps_and_by_an_edit_but_not_by_itself(desk, apps, channel):
    ferry, barge = apps
    client = AsyncWebClient(token=ferry.bot_token, base_url=desk.sandbox.api_url)
    posted = await client.chat_postMessage(channel=channel, text=f"<@{ferry.bot_user_id}> hello")
    await client.chat_update(
        channel=channel, ts=posted["ts"], text=f"<@{ferry.bot_user_id}> hello <@{barge.bot_user_id}>"
    )

    async def look():
        return await heard(desk, barge, "app_mention")

    (mention,) = await desk.until(look)
    assert (mention["user"], mention["ts"], "edited" in mention) == (ferry.bot_user_id, posted["ts"], True)
    await client.chat_update(channel=channel, ts=posted["ts"], text=f"again <@{barge.bot_user_id}>")
    await desk.post("messages", user="mia", channel="checkout", text="@barge @ferry")

    async def both():
        return len(await look()) == 2 and len(await heard(desk, ferry, "app_mention")) == 1

    assert await desk.until(both)


async def test_file_is_told_as_message_and_as_file(desk, apps, channel):
    ferry, barge = apps
    client = AsyncWebClient(token=ferry.bot_token, base_url=desk.sandbox.api_url)
    uploaded = await client.files_upload_v2(channel=channel, content="log", filename="build.log")

    async def look():
        return [*await heard(desk, barge, "file_shared"), *await heard(desk, barge, "message")]

    async def told():
        found = await look()
        return found if len(found) >= 2 else None

    shared, message = await desk.until(told)
    assert (shared["file_id"], shared["channel_id"]) == (uploaded["file"]["id"], channel)
    assert (message["subtype"], message["files"][0]["id"]) == ("file_share", uploaded["file"]["id"])


async def test_app_that_hears_too_much_is_told_so_once_a_minute(clock):
    async with running(clock=clock, limits="strict", events_per_hour=2, event_retries=()) as desk:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest(events=["message.channels"])))

        async def say():
            return len((await desk.post("messages", user="mia", channel="checkout", text="x"))["delivered"])

        assert [await say() for _ in range(4)] == [1, 1, 0, 0]
        clock.advance(60)
        assert await say() == 0

        async def look():
            wire = (await desk.get("deliveries"))["deliveries"]
            told = [one["request"] for one in wire if one["type"] == "app_rate_limited"]
            return told if len(told) == 2 else None

        first, second = await desk.until(look)
        assert second["minute_rate_limited"] - first["minute_rate_limited"] == 60
        assert (first["api_app_id"], first["minute_rate_limited"] % 60, "event" in first) == (installed.id, 0, False)
        clock.advance(3600)
        assert await asyncio.wait_for(say(), 60) == 1

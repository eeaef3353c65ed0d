"""What the Web API refuses, method by method, in Slack's words."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox import AppConfig
from tests.sandbox.conftest import running
from tests.sandbox.manifests import SCOPES, manifest
from tests.sandbox.test_web_api import call

CUSTOM = [*SCOPES, "chat:write.customize", "chat:write.public"]


@pytest.fixture
async def places(desk, installed):
    """Ids to refuse things with: a person, channels of several kinds, a message."""
    workspace = desk.sandbox.workspace
    await desk.post("channels", name="quiet", members=["mia"])
    await desk.post("channels", name="closed", members=["ferry"])
    await desk.post("channels", name="secret", members=["ferry"], private=True)
    workspace.find_channel("closed").is_archived = True
    sent = await desk.post("messages", user="mia", channel="checkout", text="hello")
    return {
        "mia": workspace.find_user("mia").id,
        "ferry": workspace.find_user("ferry").id,
        "ts": sent["ts"],
        **{name: workspace.find_channel(name).id for name in ("checkout", "quiet", "closed", "secret")},
    }


REFUSED = [
    ("api.test", {"error": "my_error"}, "my_error"),
    ("team.info", {"team": "T000"}, "team_not_found"),
    ("bots.info", {"bot": "B000"}, "bot_not_found"),
    ("chat.postMessage", {"channel": "{ferry}", "text": "x"}, "cannot_dm_bot"),
    ("chat.postMessage", {"channel": "@mia", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "{closed}", "text": "x"}, "is_archived"),
    ("chat.postMessage", {"channel": "{checkout}", "text": 7.5, "blocks": 3}, "invalid_arguments"),
    ("chat.postMessage", {"channel": "{checkout}", "text": ["x"]}, "invalid_arguments"),
    ("chat.postMessage", {"channel": {}, "text": "x"}, "invalid_arguments"),
    ("chat.postMessage", {"channel": "{checkout}", "attachments": "x"}, "invalid_attachments"),
    ("chat.postMessage", {"channel": "{checkout}", "attachments": {"a": 1}}, "invalid_attachments"),
    ("chat.postMessage", {"channel": "{checkout}", "attachments": [{}] * 101}, "too_many_attachments"),
    ("chat.postMessage", {"channel": "{checkout}", "attachments": [{"blocks": [{}]}]}, "invalid_blocks"),
    (
        "chat.postMessage",
        {"channel": "{checkout}", "text": "x", "metadata": {"event_type": 1}},
        "invalid_metadata_format",
    ),
    (
        "chat.postMessage",
        {"channel": "{checkout}", "text": "x", "metadata": {"event_type": "x"}},
        "invalid_metadata_schema",
    ),
    ("chat.postMessage", {"channel": "{checkout}", "text": "x", "reply_broadcast": "maybe"}, "invalid_arguments"),
    ("chat.postEphemeral", {"channel": "{closed}", "user": "{mia}", "text": "x"}, "is_archived"),
    ("chat.update", {"channel": "{checkout}", "text": "x"}, "invalid_arguments"),
    ("chat.getPermalink", {"channel": "{checkout}", "message_ts": "1.0"}, "message_not_found"),
    ("conversations.list", {"limit": "many"}, "invalid_arguments"),
    ("conversations.list", {"limit": 1001}, "invalid_limit"),
    ("conversations.list", {"types": "im,mpim"}, "missing_scope"),
    ("conversations.history", {"channel": "{quiet}"}, "not_in_channel"),
    ("conversations.replies", {"channel": "{checkout}", "ts": "1.0"}, "thread_not_found"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("conversations.open", {"users": "U1,U2,U3,U4,U5,U6,U7,U8,U9"}, "too_many_users"),
    ("conversations.open", {"users": "{ferry}"}, "not_enough_users"),
    ("conversations.open", {"users": "U000"}, "user_not_found"),
    ("conversations.join", {"channel": "{secret}"}, "method_not_supported_for_channel_type"),
    ("conversations.join", {"channel": "{closed}"}, "is_archived"),
    ("conversations.setTopic", {"channel": "{checkout}", "topic": "x" * 251}, "too_long"),
    ("users.conversations", {"user": "U000"}, "user_not_found"),
    ("usergroups.users.list", {"usergroup": "S000"}, "no_such_subteam"),
    ("reactions.add", {"channel": "{checkout}", "timestamp": "1.0", "name": "eyes"}, "message_not_found"),
    ("files.getUploadURLExternal", {"filename": "x", "length": 0}, "invalid_arguments"),
    ("files.getUploadURLExternal", {"filename": "x", "length": 10**9}, "file_upload_size_restricted"),
    ("files.completeUploadExternal", {"files": []}, "invalid_arguments"),
    ("files.info", {"file": "F000"}, "file_not_found"),
    ("pins.add", {"channel": "{closed}", "timestamp": "1.0"}, "restricted_action"),
    ("pins.add", {"channel": "{quiet}", "timestamp": "1.0"}, "not_in_channel"),
    ("reactions.add", {"channel": "{closed}", "timestamp": "1.0", "name": "eyes"}, "is_archived"),
    ("views.open", {"trigger_id": "1.2.x", "view": {"type": "home", "blocks": []}}, "invalid_arguments"),
    ("views.open", {"trigger_id": "1.2.x", "view": "{"}, "invalid_arguments"),
    ("views.update", {"view": {"type": "home", "blocks": []}}, "invalid_arguments"),
    ("views.update", {"view_id": "V0", "view": {"type": "home", "blocks": []}}, "not_found"),
]


@pytest.mark.parametrize(
    ("method", "arguments", "error"), REFUSED, ids=[f"{n} {case[0]} {case[2]}" for n, case in enumerate(REFUSED)]
)
async def test_refused(desk, installed, places, method, arguments, error):
    def filled(value):
        if not isinstance(value, str) or not value.startswith("{") or len(value) == 1:
            return value
        return ",".join(places[one.strip("{}")] for one in value.split(","))

    sent = {name: filled(value) for name, value in arguments.items()}
    answer = await call(desk, method, installed.bot_token, json=sent)
    assert (answer["ok"], answer["error"]) == (False, error), answer


async def test_home_needs_the_home_tab(desk):
    made = manifest()
    made["features"]["app_home"]["home_tab_enabled"] = False
    installed = await desk.sandbox.install(AppConfig(manifest=made))
    answer = await call(desk, "views.publish", installed.bot_token, json={"view": {"type": "home", "blocks": []}})
    assert answer["error"] == "not_enabled"


async def test_scopes_that_widen_what_is_allowed(desk, places):
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(scopes=CUSTOM)))
    arguments = {"channel": places["quiet"], "text": "x", "username": "Somebody", "icon_emoji": ":ship:"}
    answer = await call(desk, "chat.postMessage", installed.bot_token, json=arguments)
    assert (answer["message"]["username"], answer["message"]["icons"]) == ("Somebody", {"emoji": ":ship:"})


async def test_broadcast_of_a_reply_to_a_reply_stays_in_the_thread(desk, client, channel):
    root = await client.chat_postMessage(channel=channel, text="root")
    reply = await client.chat_postMessage(channel=channel, text="reply", thread_ts=root["ts"])
    second = await client.chat_postMessage(channel=channel, text="second", thread_ts=reply["ts"])
    assert second["message"]["thread_ts"] == root["ts"]


async def test_history_between_two_moments(desk, client, channel):
    stamps = [(await client.chat_postMessage(channel=channel, text=str(n)))["ts"] for n in range(4)]

    async def between(**bounds):
        found = (await client.conversations_history(channel=channel, **bounds))["messages"]
        return [m["text"] for m in found]

    assert await between(oldest=stamps[1], latest=stamps[3]) == ["2"]
    assert await between(oldest=stamps[1], latest=stamps[3], inclusive=True) == ["3", "2", "1"]
    assert await between(limit=2) == ["3", "2"]


async def test_metadata_alone_can_be_updated(desk, installed, client, channel):
    posted = await client.chat_postMessage(channel=channel, text="card")
    new = {"event_type": "x", "event_payload": {"n": 1}}
    for metadata, expected in ((new, new), ({}, None)):
        arguments = {"channel": channel, "ts": posted["ts"], "metadata": metadata}
        assert (await call(desk, "chat.update", installed.bot_token, json=arguments))["ok"]
        (message,) = (await client.conversations_history(channel=channel, include_all_metadata=True))["messages"]
        assert (message["text"], message.get("metadata")) == ("card", expected)


@pytest.mark.parametrize("how", ["raw", "form"])
async def test_upload_as_bytes_or_as_a_form(desk, client, channel, how):
    where = await client.files_getUploadURLExternal(filename="a/b.txt", length=5)
    async with aiohttp.ClientSession() as session:
        async with session.post(where["upload_url"], data=b"too long a text") as response:
            assert response.status == 400
        form = aiohttp.FormData()
        form.add_field("file", b"hello", filename="b.txt")
        async with session.post(where["upload_url"], data=b"hello" if how == "raw" else form) as response:
            assert (response.status, await response.text()) == (200, "OK - 5")
        async with session.get(f"{desk.sandbox.url}/files-pri/T-{where['file_id']}/x") as response:
            assert response.status == 404
        done = await client.files_completeUploadExternal(files=[{"id": where["file_id"]}])
        assert done["files"][0]["name"] == "a_b.txt"
        async with session.post(where["upload_url"], data=b"other") as response:
            assert response.status == 404
        headers = {"Authorization": f"Bearer {client.token}"}
        async with session.get(done["files"][0]["url_private"], headers=headers) as response:
            assert await response.read() == b"hello"
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": where["file_id"]}])


async def test_oldest_files_make_room():
    async with running(max_files_together=10) as desk:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
        for _ in range(4):
            await call(desk, "files.getUploadURLExternal", installed.bot_token, data={"filename": "x", "length": "4"})
        assert len(desk.sandbox.workspace.files) == 2

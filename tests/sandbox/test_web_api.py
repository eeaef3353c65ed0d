"""The Web API by Slack's own client, and by hand where a client would not do what is refused."""

import asyncio
import json

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from bot.sandbox.call import METHODS
from tests.sandbox.conftest import running
from tests.sandbox.manifests import SCOPES, manifest

JSON = {"Content-Type": "application/json; charset=utf-8"}


def form(arguments):
    """Return arguments as a form: what is no string is JSON in a field."""
    return {key: one if isinstance(one, str) else json.dumps(one) for key, one in arguments.items()}


async def call(desk, method, token=None, **kwargs):
    """Call a method; JSON goes as a form to those that take no JSON body."""
    if "json" in kwargs and method in METHODS and not METHODS[method].takes_json:
        kwargs["data"] = form(kwargs.pop("json"))
    headers = ({"Authorization": f"Bearer {token}"} if token else {}) | kwargs.pop("headers", {})
    url = desk.sandbox.api_url + method
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers, **kwargs) as response:
        assert response.status == 200
        return await response.json()


@pytest.mark.parametrize(
    ("kwargs", "error"),
    [
        ({}, "not_authed"),
        ({"data": {"token": "xoxb-no"}}, "invalid_auth"),
        ({"data": b'{"token": "xoxb-no"}', "headers": JSON}, "invalid_auth"),
        ({"data": b"[1]", "headers": JSON}, "json_not_object"),
        ({"data": b"{", "headers": JSON}, "invalid_json"),
        ({"data": b'{"x": NaN}', "headers": JSON}, "invalid_json"),
        ({"data": b'{"x": 1e999}', "headers": JSON}, "invalid_json"),
        ({"data": b'{"x": ' + b"[" * 500 + b"]" * 500 + b"}", "headers": JSON}, "invalid_json"),
        ({"data": b"<x/>", "headers": {"Content-Type": "application/xml"}}, "invalid_post_type"),
        ({"data": b"x", "headers": {"Content-Type": "text/plain"}}, "not_authed"),
        ({"data": b"{}", "headers": {"Content-Type": "application/json; charset=utf-16"}}, "invalid_charset"),
    ],
    ids=[
        "nothing",
        "form",
        "json",
        "array",
        "broken json",
        "no number",
        "too large",
        "too deep",
        "post type",
        "text",
        "charset",
    ],
)
async def test_unauthenticated_calls(desk, installed, kwargs, error):
    url = desk.sandbox.api_url + "auth.test"
    async with aiohttp.ClientSession() as session, session.post(url, **kwargs) as response:
        assert (response.status, await response.json()) == (200, {"ok": False, "error": error})


async def test_wrong_token_type_unknown_method_and_revoked_token(desk, installed, client):
    assert (await call(desk, "chat.postMessage", installed.app_token))["error"] == "not_allowed_token_type"
    assert (await call(desk, "apps.connections.open", installed.bot_token))["error"] == "not_allowed_token_type"
    assert (await call(desk, "chat.shout", installed.bot_token))["error"] == "unknown_method"
    await desk.post("faults", method="auth.test", kind="token_revoked")
    for _ in range(2):
        with pytest.raises(SlackApiError, match="token_revoked"):
            await client.auth_test()


async def test_missing_scope_says_which(desk):
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(scopes=["users:read", "commands"])))
    answer = await call(desk, "chat.postMessage", installed.bot_token, data={"channel": "#checkout", "text": "x"})
    assert answer == {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "commands,users:read"}


@pytest.mark.parametrize("how", ["form", "json", "query"])
async def test_arguments_come_as_form_json_or_query(desk, installed, how):
    arguments = {"channel": "#checkout", "text": "hello", "blocks": '[{"type": "divider"}]'}
    kwargs = {"form": {"data": arguments}, "json": {"json": arguments}, "query": {"params": arguments}}[how]
    answer = await call(desk, "chat.postMessage", installed.bot_token, **kwargs)
    assert answer["ok"]
    assert answer["message"]["blocks"][0]["type"] == "divider"
    assert answer["message"]["blocks"][0]["block_id"]


@pytest.mark.parametrize(
    ("kind", "warning"),
    [
        ("application/json", "missing_charset"),
        ("application/json; charset=utf-8", None),
        ("application/x-www-form-urlencoded", None),
        ("application/x-www-form-urlencoded; charset=utf-8", "superfluous_charset"),
    ],
)
async def test_warnings_about_the_charset(desk, installed, kind, warning):
    body = b'{"x": 1}' if "json" in kind else b"x=1"
    answer = await call(desk, "auth.test", installed.bot_token, data=body, headers={"Content-Type": kind})
    assert (answer["ok"], answer.get("warning")) == (True, warning)
    assert answer.get("response_metadata") == ({"warnings": [warning]} if warning else None)


async def test_json_is_passed_over_where_slack_takes_none(desk, installed):
    mia = desk.sandbox.workspace.find_user("mia").id
    headers = {"Authorization": f"Bearer {installed.bot_token}"}
    url = desk.sandbox.api_url + "users.info"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"user": mia}, headers=headers) as response:
            answer = await response.json()
            assert answer["error"] == "invalid_arguments"
            assert answer["response_metadata"]["messages"] == ["[ERROR] missing required field: user"]
        async with session.post(url, data={"user": mia}, headers=headers) as response:
            assert (await response.json())["user"]["id"] == mia


async def test_auth_test_says_who_and_which_scopes(desk, client, installed):
    answer = await client.auth_test()
    assert (answer["user"], answer["user_id"], answer["bot_id"]) == ("ferry", installed.bot_user_id, installed.bot_id)
    assert answer.headers["X-OAuth-Scopes"] == ",".join(sorted(SCOPES))


async def test_post_update_and_delete(desk, client, channel):
    posted = await client.chat_postMessage(
        channel=channel,
        text="one",
        blocks=[{"type": "divider"}],
        metadata={"event_type": "deployment", "event_payload": {"id": "D-1"}},
    )
    assert posted["channel"] == channel
    updated = await client.chat_update(channel=channel, ts=posted["ts"], text="two")
    assert updated["text"] == "two"
    (message,) = (await client.conversations_history(channel=channel, include_all_metadata=True))["messages"]
    assert (message["text"], message["blocks"][0]["type"]) == ("two", "divider")
    assert message["edited"]["user"] == message["user"]
    assert message["metadata"] == {"event_type": "deployment", "event_payload": {"id": "D-1"}}
    await client.chat_update(channel=channel, ts=posted["ts"], text="three", blocks=[])
    (message,) = (await client.conversations_history(channel=channel))["messages"]
    assert "blocks" not in message
    assert "metadata" not in message
    await client.chat_delete(channel=channel, ts=posted["ts"])
    assert (await client.conversations_history(channel=channel))["messages"] == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel=channel, ts=posted["ts"], text="four")


async def test_threads_and_broadcasts(desk, client, channel):
    root = await client.chat_postMessage(channel=channel, text="root")
    await client.chat_postMessage(channel=channel, text="quiet", thread_ts=root["ts"])
    loud = await client.chat_postMessage(channel=channel, text="loud", thread_ts=root["ts"], reply_broadcast=True)
    history = (await client.conversations_history(channel=channel))["messages"]
    assert [m["text"] for m in history] == ["loud", "root"]
    assert (history[1]["reply_count"], history[1]["latest_reply"]) == (2, loud["ts"])
    replies = (await client.conversations_replies(channel=channel, ts=root["ts"]))["messages"]
    assert [m["text"] for m in replies] == ["root", "quiet", "loud"]
    link = await client.chat_getPermalink(channel=channel, message_ts=loud["ts"])
    assert link["permalink"].endswith(f"?thread_ts={root['ts']}&cid={channel}")
    async with aiohttp.ClientSession() as session:
        async with session.get(link["permalink"], allow_redirects=False) as response:
            assert response.headers["Location"] == f"/#channel={channel}&thread={root['ts']}"
        async with session.get(link["permalink"]) as response:
            assert (response.status, response.content_type) == (200, "text/html")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C000", "text": "x"}, "channel_not_found"),
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "#secret", "text": "x"}, "channel_not_found"),
        ({"channel": "#quiet", "text": "x"}, "not_in_channel"),
        ({"channel": "#checkout"}, "no_text"),
        ({"channel": "#checkout", "text": "   "}, "no_text"),
        ({"channel": "#checkout", "text": "x", "blocks": "["}, "invalid_blocks_format"),
        ({"channel": "#checkout", "text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"channel": "#checkout", "text": "x", "attachments": [{"nonsense": 1}]}, "invalid_attachments"),
        ({"channel": "#checkout", "text": "x", "metadata": "{"}, "invalid_metadata_format"),
        ({"channel": "#checkout", "text": "x", "thread_ts": "0"}, "invalid_thread_ts"),
        ({"channel": "#checkout", "text": "x", "username": "Somebody"}, "missing_scope"),
        ({"text": "x"}, "invalid_arguments"),
    ],
    ids=[
        "unknown id",
        "unknown name",
        "private",
        "not in",
        "nothing",
        "blank",
        "broken blocks",
        "blocks object",
        "attachments",
        "metadata",
        "thread",
        "looks",
        "no channel",
    ],
)
async def test_refused_posts(desk, installed, arguments, error):
    await desk.post("channels", name="quiet", members=["mia"])
    await desk.post("channels", name="secret", members=["mia"], private=True)
    answer = await call(desk, "chat.postMessage", installed.bot_token, json=arguments)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert await desk.messages() == []


async def test_messages_of_others_cannot_be_changed(desk, client, channel):
    theirs = await desk.post("messages", user="mia", channel="checkout", text="mine")
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await client.chat_update(channel=channel, ts=theirs["ts"], text="yours")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        await client.chat_delete(channel=channel, ts=theirs["ts"])


async def test_ephemerals_reach_members_only(desk, client, channel):
    people = desk.sandbox.workspace
    await client.chat_postEphemeral(channel=channel, user=people.find_user("ana").id, text="psst")
    assert [m["text"] for m in await desk.messages(viewer="ana")] == ["psst"]
    assert await desk.messages(viewer="mia") == []
    assert (await client.conversations_history(channel=channel))["messages"] == []
    with pytest.raises(SlackApiError, match="user_not_in_channel"):
        await client.chat_postEphemeral(channel=channel, user=people.find_user("pat").id, text="psst")


async def test_reply_to_a_deleted_message_lands_in_the_channel(desk, client, channel):
    root = await client.chat_postMessage(channel=channel, text="root")
    await client.chat_delete(channel=channel, ts=root["ts"])
    reply = await client.chat_postMessage(channel=channel, text="orphan", thread_ts=root["ts"])
    assert "thread_ts" not in reply["message"]
    assert [m["text"] for m in (await client.conversations_history(channel=channel))["messages"]] == ["orphan"]


async def test_thread_counts_follow_deleted_replies(desk, client, channel):
    root = await client.chat_postMessage(channel=channel, text="root")
    replies = [await client.chat_postMessage(channel=channel, text=str(n), thread_ts=root["ts"]) for n in range(2)]
    await client.chat_delete(channel=channel, ts=replies[1]["ts"])
    (message,) = (await client.conversations_history(channel=channel))["messages"]
    assert (message["reply_count"], message["latest_reply"]) == (1, replies[0]["ts"])


@pytest.mark.parametrize("method", ["chat.update", "conversations.history", "conversations.info", "reactions.get"])
async def test_names_of_channels_are_for_posting_alone(desk, installed, method):
    arguments = {"channel": "#checkout", "ts": "1.0", "timestamp": "1.0", "text": "x"}
    assert (await call(desk, method, installed.bot_token, json=arguments))["error"] == "channel_not_found"


async def test_channels_members_and_cursors(desk, client, channel):
    listed = [one async for page in await client.conversations_list(limit=2) for one in page["channels"]]
    assert [one["name"] for one in listed] == ["general", "checkout", "releases", "alerts", "partners"]
    assert [one["name"] for one in listed if one["is_ext_shared"]] == ["partners"]
    info = await client.conversations_info(channel=channel, include_num_members=True)
    members = [
        one async for page in await client.conversations_members(channel=channel, limit=2) for one in page["members"]
    ]
    assert info["channel"]["num_members"] == len(members) == 6
    own = await client.users_conversations(user=desk.sandbox.workspace.find_user("gus").id)
    assert [one["name"] for one in own["channels"]] == ["checkout"]
    with pytest.raises(SlackApiError, match="invalid_cursor"):
        await client.conversations_list(cursor="nonsense")
    with pytest.raises(SlackApiError, match="invalid_types"):
        await client.conversations_list(types="public")


async def test_join_topic_and_direct_messages(desk, client):
    made = (await desk.post("channels", name="quiet", members=["mia"]))["channel"]["id"]
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.conversations_history(channel=made)
    await client.conversations_join(channel=made)
    assert (await client.conversations_join(channel=made))["warning"] == "already_in_channel"
    await client.conversations_setTopic(channel=made, topic="hush")
    assert (await client.conversations_info(channel=made))["channel"]["topic"]["value"] == "hush"
    mia = desk.sandbox.workspace.find_user("mia").id
    direct = (await client.conversations_open(users=mia))["channel"]["id"]
    assert (await client.chat_postMessage(channel=mia, text="hi"))["channel"] == direct
    assert [m["text"] for m in await desk.messages(direct, viewer="mia")] == ["hi"]


async def test_people_and_groups(desk, client):
    people = {one["name"]: one for one in (await client.users_list())["members"]}
    assert (people["gus"]["is_restricted"], people["gus"]["is_ultra_restricted"]) == (True, True)
    assert not people["pat"]["is_stranger"], "the app is in #partners, too"
    assert people["pat"]["team_id"] != people["mia"]["team_id"]
    assert (await client.users_lookupByEmail(email="ANA@acme.example"))["user"]["id"] == people["ana"]["id"]
    for unknown in ("nobody@acme.example", "pat@globex.example"):
        with pytest.raises(SlackApiError, match="users_not_found"):
            await client.users_lookupByEmail(email=unknown)
    with pytest.raises(SlackApiError, match="user_not_found"):
        await client.users_info(user="U000")
    groups = {one["handle"]: one["id"] for one in (await client.usergroups_list())["usergroups"]}
    members = (await client.usergroups_users_list(usergroup=groups["release-managers"]))["users"]
    assert members == [people["ana"]["id"], people["raj"]["id"]]
    assert (await client.team_info())["team"]["domain"] == "acme"
    assert (await client.bots_info())["bot"]["name"] == "Ferry"


async def test_reactions_and_pins(desk, client, channel):
    posted = await client.chat_postMessage(channel=channel, text="card")
    where = {"channel": channel, "timestamp": posted["ts"]}
    await client.reactions_add(name="eyes", **where)
    for name, error in (("eyes", "already_reacted"), ("no such thing", "invalid_name")):
        with pytest.raises(SlackApiError, match=error):
            await client.reactions_add(name=name, **where)
    assert (await client.reactions_get(**where))["message"]["reactions"][0]["name"] == "eyes"
    await client.reactions_remove(name="eyes", **where)
    with pytest.raises(SlackApiError, match="no_reaction"):
        await client.reactions_remove(name="eyes", **where)
    await client.pins_add(**where)
    with pytest.raises(SlackApiError, match="already_pinned"):
        await client.pins_add(**where)
    assert (await client.pins_list(channel=channel))["items"][0]["message"]["text"] == "card"
    await client.pins_remove(**where)
    with pytest.raises(SlackApiError, match="no_pin"):
        await client.pins_remove(**where)


async def test_timestamps_rise_and_are_unique_even_when_time_stands_still(clock):
    async with running(clock=clock) as desk:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
        client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
        posted = [await client.chat_postMessage(channel="#checkout", text=str(n)) for n in range(5)]
        stamps = [one["ts"] for one in posted]
        assert stamps == sorted(set(stamps))
        assert all(stamp.startswith("1800000000.") for stamp in stamps)


async def test_channel_keeps_its_newest_messages():
    async with running(history_limit=3) as desk:
        for number in range(5):
            await desk.post("messages", user="mia", channel="checkout", text=str(number))
        assert [m["text"] for m in await desk.messages()] == ["2", "3", "4"]


async def test_every_method_answers_an_empty_call_with_json(desk, installed):
    async def error(name, method):
        token = installed.app_token if method.app_token else installed.bot_token
        return (await call(desk, name, token)).get("error", "none")

    ending = {"auth.revoke"}
    errors = await asyncio.gather(*(error(name, method) for name, method in METHODS.items() if name not in ending))
    assert "invalid_arguments" in errors
    assert not {"unknown_method", "fatal_error"} & set(errors)

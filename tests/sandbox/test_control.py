"""The control API: what each person sees, what is refused, and how changes are told."""

import asyncio
import json

import aiohttp
import pytest

from bot.sandbox import Seed, SeedError
from bot.sandbox.options import Options
from bot.sandbox.sandbox import Sandbox
from tests.sandbox.conftest import running
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import manifest


async def test_state_lists_people_channels_and_apps(desk, installed):
    state = await desk.get("state")
    people = {one["name"]: one for one in state["users"]}
    assert [name for name, one in people.items() if one["is_guest"]] == ["gus"]
    assert [name for name, one in people.items() if one["is_stranger"]] == ["pat"]
    assert [name for name, one in people.items() if one["is_bot"]] == ["ferry"]
    assert [one["name"] for one in state["channels"]] == ["general", "checkout", "releases", "alerts", "partners"]
    (app,) = state["apps"]
    assert (app["id"], app["connected"], app["mode"]) == (installed.id, False, "socket")
    assert app["commands"][0] == {"command": "/ship", "description": "Ship a thing", "usage_hint": "<thing>"}
    assert "xoxb" not in json.dumps(state)
    assert "xapp" not in json.dumps(state)


@pytest.mark.parametrize(
    ("viewer", "channels"),
    [("gus", ["checkout"]), ("pat", ["partners"]), ("mia", ["general", "checkout", "releases", "alerts", "partners"])],
    ids=["guest", "stranger", "member"],
)
async def test_viewer_sees_their_own_channels(desk, viewer, channels):
    assert [one["name"] for one in (await desk.get("state", viewer=viewer))["channels"]] == channels


async def test_direct_message_is_named_after_the_other(desk, installed):
    sent = await desk.post("messages", user="mia", channel="@ferry", text="hi")
    assert [m["ts"] for m in await desk.messages("ferry", viewer="mia")] == [sent["ts"]]
    assert await desk.messages("ferry", viewer="ana") == []
    ident = desk.sandbox.workspace.direct(desk.sandbox.workspace.find_user("mia").id, installed.bot_user_id).id
    assert [m["text"] for m in (await desk.get(f"channels/{ident}", viewer="mia"))["messages"]] == ["hi"]
    assert (await desk.get(f"channels/{ident}", 400, viewer="ana"))["error"] == "not_in_channel"
    assert (await desk.get("channels/nowhere", 404))["error"] == "channel_not_found"


@pytest.mark.parametrize(
    ("path", "fields", "error", "named"),
    [
        ("messages", {"user": "nobody", "channel": "checkout", "text": "x"}, "user_not_found", "known are mia, ana"),
        ("messages", {"user": "mia", "channel": "nowhere", "text": "x"}, "channel_not_found", "#checkout"),
        ("messages", {"user": "gus", "channel": "releases", "text": "x"}, "not_in_channel", "gus is not in releases"),
        ("messages", {"user": "mia", "channel": "checkout"}, "missing_field", "text"),
        ("messages", {"user": "mia", "channel": "checkout", "text": " "}, "no_text", "text"),
        ("messages", {"user": "mia", "channel": "checkout", "text": 7}, "invalid_field", "text"),
        ("messages", {"user": "mia", "channel": "checkout", "text": "x", "ts": "1"}, "unknown_field", "ts"),
        ("messages", {"user": "mia", "channel": "checkout", "text": "x", "thread_ts": "1"}, "thread_not_found", "1"),
        ("messages", {"user": "mia", "channel": "checkout", "text": "x" * 40_001}, "msg_too_long", "40000"),
        ("actions", {"user": "mia", "channel": "checkout", "ts": "1", "action_id": "a"}, "message_not_found", "ts"),
        ("reactions", {"user": "mia", "channel": "checkout", "ts": "1", "name": "x"}, "message_not_found", "ts"),
        ("views", {"user": "mia", "view_id": "V1"}, "view_not_found", "view_id"),
        ("shortcuts", {"user": "mia", "callback_id": "x"}, "shortcut_not_found", "callback_id"),
        ("members", {"user": "mia", "channel": "checkout"}, "already_so", "mia"),
        ("channels", {"name": "checkout"}, "name_taken", "checkout"),
        ("faults", {"kind": "nonsense"}, "invalid_kind", "ratelimited"),
        ("faults", {"kind": "drop", "times": 0}, "invalid_times", "times"),
        ("away", {}, "missing_field", "on"),
        ("away", {"seconds": -1}, "invalid_field", "seconds"),
        ("home", {"user": "mia", "tab": "about"}, "invalid_field", "tab"),
        ("apps", {}, "missing_field", "manifest"),
        ("apps", {"manifest": {}, "mode": "pigeon"}, "invalid_field", "mode"),
    ],
    ids=lambda value: None,
)
async def test_wrong_input_names_the_field(desk, path, fields, error, named):
    answer = await desk.post(path, 400, **fields)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert named in answer["message"]


async def test_unknown_paths_and_verbs_say_what_there_is(desk):
    assert "did you mean messages?" in (await desk.post("message", 404))["message"]
    assert "there are actions," in (await desk.get("zzzzzz", 404))["message"]
    assert "takes POST, not GET" in (await desk.get("commands", 405))["message"]
    assert "takes GET, not POST" in (await desk.post("wire", 405))["message"]
    assert (await desk.get("", 404))["error"] == "unknown_path"


async def test_body_that_is_not_json(desk):
    async with aiohttp.ClientSession() as session:
        for body in (b"{", b"[]"):
            async with session.post(f"{desk.sandbox.url}/_sandbox/messages", data=body) as response:
                assert (response.status, (await response.json())["error"]) == (400, "invalid_json")


async def test_stream_tells_changes(desk):
    async with aiohttp.ClientSession() as session, session.get(f"{desk.sandbox.url}/_sandbox/stream") as response:
        assert response.content_type == "text/event-stream"
        async with asyncio.timeout(DEADLINE):
            await response.content.readuntil(b"connected\n\n")
            sent = await desk.post("messages", user="mia", channel="checkout", text="hello")
            event = (await response.content.readuntil(b"\n\n")).decode()
    name, data = event.strip().split("\n")
    assert name == "event: change"
    change = json.loads(data.removeprefix("data: "))
    expected = desk.sandbox.workspace.find_channel("checkout").id
    assert (change["kind"], change["channel"], change["ts"]) == ("message", expected, sent["ts"])


async def test_listener_that_falls_behind_does_not_grow(desk):
    changes = desk.sandbox.platform.changes
    with changes.listen() as queue:
        for number in range(3000):
            changes.publish("user", number=number)
        assert queue.qsize() == 1000
        oldest = queue.get_nowait()
        assert oldest is not None
        assert oldest["number"] == 2000


async def test_deliveries_show_the_wire_without_tokens(desk, client, installed):
    await client.chat_postMessage(channel="#checkout", text="x")
    await desk.post("commands", user="mia", channel="checkout", command="/ship")
    entries = (await desk.get("deliveries"))["deliveries"]
    kinds = [(one["direction"], one["type"]) for one in entries]
    assert ("from_app", "chat.postMessage") in kinds
    assert kinds[-1] == ("to_app", "/ship")
    assert installed.bot_token not in json.dumps(entries)
    assert len((await desk.get("deliveries", limit=1))["deliveries"]) == 1


async def test_log_is_bounded():
    async with running(deliveries_limit=5) as desk:
        await desk.post("apps", manifest=manifest())
        for _ in range(9):
            await desk.post("commands", user="mia", channel="checkout", command="/ship")
        assert len((await desk.get("deliveries"))["deliveries"]) == 5


async def test_health_and_page_files(desk):
    assert (await desk.get("health"))["ok"]
    async with aiohttp.ClientSession() as session:
        for path in ("/page/../sandbox.py", "/page/%2e%2e/sandbox.py", "/page/..%2fsandbox.py", "/page/none.js"):
            async with session.get(desk.sandbox.url + path) as response:
                assert response.status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:80"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "[nonsense"}, 403),
    ],
    ids=["client", "localhost", "other origin", "sandboxed frame", "rebound name", "no name"],
)
async def test_pages_of_others_are_kept_out(desk, headers, status):
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{desk.sandbox.url}/_sandbox/health", headers=headers) as response:
            assert response.status == status
        async with session.get(f"{desk.sandbox.url}/_sandbox/health", headers={"Origin": desk.sandbox.url}) as response:
            assert response.status == 200


async def test_workspace_of_ones_own():
    seed = Seed.parse(
        {
            "team": {"name": "Initech", "domain": "initech"},
            "other_teams": [],
            "users": [
                {"name": "bill", "real_name": "Bill"},
                {"name": "pete", "real_name": "Pete", "guest": "multi_channel"},
            ],
            "channels": [{"name": "tps", "members": ["bill"], "private": True, "apps": False}],
            "usergroups": [],
            "hints": ["/ship tps"],
        }
    )
    async with running(seed=seed) as desk:
        state = await desk.get("state", viewer="bill")
    assert (state["team"]["name"], state["hints"]) == ("Initech", ["/ship tps"])
    assert [(one["name"], one["is_private"]) for one in state["channels"]] == [("tps", True)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"user": []}, "user: Extra inputs are not permitted"),
        ({"users": [{"name": "a"}]}, "users.0.real_name"),
        ({"channels": [{"name": "c", "members": ["nobody"]}]}, "channels.c.members: there is no user 'nobody'"),
        ({"users": [{"name": "a", "real_name": "A", "team": "nope"}]}, "users.a.team: no team has the domain 'nope'"),
        ({"channels": [{"name": "c", "members": [], "shared_with": ["nope"]}]}, "channels.c.shared_with"),
    ],
    ids=["unknown key", "missing key", "unknown member", "unknown team", "unknown domain"],
)
def test_faulty_seed(data, words):
    with pytest.raises(SeedError, match=words):
        Sandbox(Seed.parse(data), Options())


def test_address_before_start():
    with pytest.raises(RuntimeError, match="start"):
        _ = Sandbox().url

"""What people do to channels, to each other and to apps, and what apps hear of it."""

import pytest

from bot.sandbox import AppConfig
from tests.sandbox.conftest import running
from tests.sandbox.manifests import SCOPES, manifest

EVENTS = [
    "app_uninstalled",
    "assistant_thread_context_changed",
    "assistant_thread_started",
    "channel_archive",
    "channel_created",
    "channel_rename",
    "channel_unarchive",
    "member_left_channel",
    "message.channels",
    "message.im",
    "pin_added",
    "pin_removed",
    "team_join",
    "tokens_revoked",
    "user_change",
]


@pytest.fixture
async def office():
    """A workspace with an app that hears of everything, and nobody connected."""
    async with running(event_retries=()) as desk:
        wanted = manifest(events=EVENTS, scopes=[*SCOPES, "assistant:write"])
        wanted["features"]["assistant_view"] = {"assistant_description": "Ships"}
        await desk.sandbox.install(AppConfig(manifest=wanted))
        yield desk


async def told(desk, *kinds):
    """Wait until the app was sent an event of each kind; return them in this order."""

    async def look():
        wire = (await desk.get("deliveries"))["deliveries"]
        events = [one["request"]["event"] for one in wire if one["direction"] == "to_app"]
        found = {event.get("subtype") or event["type"]: event for event in events}
        return [found[kind] for kind in kinds] if set(kinds) <= set(found) else None

    return await desk.until(look)


async def test_pins(office):
    sent = await office.post("messages", user="mia", channel="checkout", text="keep this")
    where = {"user": "ana", "channel": "checkout", "ts": sent["ts"]}
    assert (await office.post("pins", **where))["pins"] == [sent["ts"]]
    assert (await office.post("pins", 400, **where))["error"] == "already_so"
    assert (await office.post("pins", **where, remove=True))["pins"] == []
    assert (await office.post("pins", 400, **(where | {"ts": "1"})))["error"] == "message_not_found"
    added, removed = await told(office, "pin_added", "pin_removed")
    assert (added["item"]["message"]["text"], added["user"]) == ("keep this", removed["user"])
    assert removed["has_pins"] is False


async def test_channels(office):
    made = (await office.post("channels", name="ships", members=["mia", "ferry"]))["channel"]["id"]
    await office.post("topic", user="mia", channel="ships", topic="Boats")
    await office.post("rename", user="mia", channel="ships", name="boats")
    await office.post("archive", user="mia", channel="boats")
    assert (await office.post("archive", 400, user="mia", channel="boats"))["error"] == "already_so"
    await office.post("archive", user="mia", channel="boats", undo=True)
    assert (await office.post("rename", 400, user="mia", channel="boats", name="checkout"))["error"] == "name_taken"
    assert (await office.post("rename", 400, user="mia", channel="boats", name=""))["error"] == "invalid_field"
    assert (await office.post("archive", 400, user="mia", channel="@ferry"))["error"] == "channel_not_found"
    await office.post("members", user="gus", channel="boats")
    await office.post("members", user="gus", channel="boats", remove=True)
    created, renamed, archived, topic, joined, left = await told(
        office, "channel_created", "channel_rename", "channel_archive", "channel_topic", "channel_join",
        "member_left_channel",
    )  # fmt: skip
    assert (created["channel"]["id"], archived["channel"]) == (made, made)
    assert (renamed["channel"]["name"], topic["topic"]) == ("boats", "Boats")
    assert (joined["channel"], left["user"]) == (made, office.sandbox.workspace.find_user("gus").id)


async def test_people(office):
    new = (await office.post("people", name="kim", real_name="Kim", guest="multi_channel"))["user"]
    assert (new["name"], new["is_guest"]) == ("kim", True)
    await office.post("people", user="mia", role="Lead", deactivated=True)
    joined, changed = await told(office, "team_join", "user_change")
    assert (joined["user"]["id"], changed["user"]["deleted"]) == (new["id"], True)
    assert "email" not in joined["user"]["profile"]
    assert office.sandbox.workspace.find_user("mia").id not in office.sandbox.workspace.find_channel("checkout").members
    for wrong, words in (
        ({"name": "mia", "real_name": "Mia"}, "the name is taken"),
        ({"name": "lee"}, "real_name"),
        ({"name": "lee", "real_name": "Lee", "team": "nope"}, "no team has the domain"),
        ({"user": "ana", "name": "anna"}, "name: cannot be changed"),
    ):
        assert words in (await office.post("people", 400, **wrong))["message"]


async def test_assistant_threads(office):
    opened = await office.post("assistant", user="mia", app="Ferry", channel="checkout")
    await office.post("assistant", user="mia", app="Ferry", channel="releases", thread_ts=opened["ts"])
    started, moved = await told(office, "assistant_thread_started", "assistant_thread_context_changed")
    people = office.sandbox.workspace
    assert started["assistant_thread"] == {
        "user_id": people.find_user("mia").id,
        "context": {"channel_id": people.find_channel("checkout").id, "team_id": people.team.id, "enterprise_id": None},
        "channel_id": opened["posted"]["channel"],
        "thread_ts": opened["ts"],
    }
    assert moved["assistant_thread"]["context"]["channel_id"] == people.find_channel("releases").id
    assert opened["posted"]["subtype"] == "assistant_app_thread"
    await office.sandbox.install(AppConfig(manifest=manifest(events=[])))
    assert (await office.post("assistant", 400, user="mia", app="Ferry"))["error"] == "not_an_assistant"
    assert "there are: Ferry" in (await office.post("assistant", 400, user="mia", app="Barge"))["message"]


async def test_thread_of_an_assistant_must_be_there(office):
    answer = await office.post("assistant", 400, user="mia", app="Ferry", thread_ts="1.0")
    assert answer["error"] == "thread_not_found"


async def test_uninstalled_app_is_told_and_gone(office):
    await office.post("uninstall", app="Ferry")
    revoked, gone = await told(office, "tokens_revoked", "app_uninstalled")
    assert (len(revoked["tokens"]["bot"]), gone["type"]) == (1, "app_uninstalled")
    assert (await office.get("state"))["apps"] == []
    assert (await office.post("uninstall", 400, app="Ferry"))["error"] == "app_not_found"

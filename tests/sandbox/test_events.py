"""Events: who hears of what, what it looks like, and how often it is said."""

import asyncio
from typing import Any

import pytest

from tests.sandbox.conftest import bolt, running
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import SCOPES


def hears(queue, *names):
    def listeners(app):
        for name in names:

            @app.event(name)
            async def _(body):
                queue.put_nowait(body)

    return listeners


def ignores_messages(app):
    @app.event("message")
    async def _():
        pass


async def test_mention_carries_the_envelope_of_slacks(desk):
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with bolt(desk, hears(heard, "app_mention"), events=["app_mention"]) as (_, _, installed):
        sent = await desk.post("messages", user="mia", channel="checkout", text="@ferry ship <b> & go")
        async with asyncio.timeout(DEADLINE):
            body = await heard.get()
    team, people = desk.sandbox.workspace.team.id, desk.sandbox.workspace
    assert (body["type"], body["team_id"], body["context_team_id"]) == ("event_callback", team, team)
    assert body["api_app_id"] == installed.id
    assert body["authorizations"] == [
        {
            "enterprise_id": None,
            "team_id": team,
            "user_id": installed.bot_user_id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
    ]
    assert body["is_ext_shared_channel"] is False
    event = body["event"]
    assert event["text"] == f"<@{installed.bot_user_id}> ship &lt;b&gt; &amp; go"
    assert (event["user"], event["ts"], event["channel"]) == (
        people.find_user("mia").id, sent["ts"], people.find_channel("checkout").id,
    )  # fmt: skip
    assert sent["ack"]["status"] == "ok"


async def test_what_people_type_comes_as_text_and_as_rich_text(desk, client):
    people = desk.sandbox.workspace
    await desk.post(
        "messages",
        user="mia",
        channel="checkout",
        text="@ana, see #releases <b> & https://acme.example/?a&b @here @nobody",
    )
    (message,) = await desk.messages()
    ana, releases = people.find_user("ana").id, people.find_channel("releases").id
    assert message["text"] == (
        f"<@{ana}>, see <#{releases}|releases> &lt;b&gt; &amp; <https://acme.example/?a&amp;b> <!here> @nobody"
    )
    (section,) = message["blocks"][0]["elements"]
    assert section["elements"] == [
        {"type": "user", "user_id": ana},
        {"type": "text", "text": ", see "},
        {"type": "channel", "channel_id": releases},
        {"type": "text", "text": " <b> & "},
        {"type": "link", "url": "https://acme.example/?a&b"},
        {"type": "text", "text": " "},
        {"type": "broadcast", "range": "here"},
        {"type": "text", "text": " @nobody"},
    ]


async def test_person_of_another_organisation(desk):
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with bolt(desk, hears(heard, "message"), events=["message.channels"]):
        await desk.post("messages", user="pat", channel="partners", text="hello")
        async with asyncio.timeout(DEADLINE):
            body = await heard.get()
    pat, home = desk.sandbox.workspace.find_user("pat"), desk.sandbox.workspace.team.id
    assert (body["team_id"], body["context_team_id"], body["is_ext_shared_channel"]) == (pat.team_id, home, True)
    event = body["event"]
    assert (event["team"], event["user_team"], event["source_team"]) == (pat.team_id,) * 3
    assert event["user_profile"]["name"] == "pat"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"events": []}, 0),
        ({"events": ["message.groups"]}, 0),
        ({"events": ["message.channels"], "scopes": [one for one in SCOPES if one != "channels:history"]}, 0),
        ({"events": ["message.channels"]}, 1),
    ],
    ids=["no events", "other kind", "no scope", "subscribed"],
)
async def test_events_need_subscription_and_scope(desk, settings, expected):
    async with bolt(desk, ignores_messages, **settings):
        answer = await desk.post("messages", user="mia", channel="checkout", text="hello")
    assert len(answer["delivered"]) == expected


async def test_events_need_membership(desk):
    async with bolt(desk, events=["message.channels"]) as (_, _, installed):
        await desk.post("members", user=installed.bot_user_id, channel="checkout", remove=True)
        answer = await desk.post("messages", user="mia", channel="checkout", text="hello")
    assert answer["delivered"] == []


async def test_direct_messages_edits_and_deletions(desk):
    # Bolt keeps an app's own doings from its listeners, so the wire is looked at.
    async with bolt(desk, ignores_messages, events=["message.im", "message.channels"]) as (_, client, _):
        await desk.post("messages", user="mia", channel="@ferry", text="hello")
        posted = await client.chat_postMessage(channel="#checkout", text="card")
        await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="new card")
        await client.chat_delete(channel=posted["channel"], ts=posted["ts"])

        async def look():
            entries = (await desk.get("deliveries"))["deliveries"]
            events = [one["request"]["event"] for one in entries if one["direction"] == "to_app"]
            return events if len(events) == 4 else None

        events = {one.get("subtype", one["channel_type"]): one for one in await desk.until(look)}
    assert events.keys() == {"im", "channel", "message_changed", "message_deleted"}
    changed = events["message_changed"]
    assert (changed["previous_message"]["text"], changed["message"]["text"]) == ("card", "new card")
    assert events["channel"]["bot_id"]
    assert events["message_deleted"]["deleted_ts"] == posted["ts"]


async def test_unacknowledged_event_is_sent_again_as_the_same_event():
    seen: asyncio.Queue[str] = asyncio.Queue()

    def listeners(app):
        @app.middleware
        async def _(body, next_):
            seen.put_nowait(body["event_id"])
            if seen.qsize() == 1:
                await asyncio.Event().wait()
            await next_()

        @app.event("message")
        async def _(ack):
            await ack()

    patient = {"ack_timeout": 0.1, "event_retries": (0.0, 0.0, 0.0)}
    async with running(**patient) as desk, bolt(desk, listeners, events=["message.channels"]):
        answer = await desk.post("messages", user="mia", channel="checkout", text="hello")
        delivery = answer["delivered"][0]["delivery_id"]

        async def look():
            entries = (await desk.get("deliveries"))["deliveries"]
            return [one for one in entries if one.get("delivery_id") == delivery and one["response"]["status"] == "ok"]

        (accepted,) = await desk.until(look)
    assert answer["ack"]["status"] == "timeout"
    assert accepted["retry_num"] >= 1
    assert seen.get_nowait() == seen.get_nowait()


async def test_redeliver_and_membership(desk):
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with bolt(desk, hears(heard, "member_joined_channel")):
        joined = await desk.post("members", user="gus", channel="releases")
        again = await desk.post("redeliver", delivery_id=joined["delivered"][0]["delivery_id"])
        async with asyncio.timeout(DEADLINE):
            bodies = [await heard.get(), await heard.get()]
    assert bodies[0] == bodies[1]
    assert again["delivered"][0]["attempts"] == 2
    assert (await desk.post("redeliver", 400, delivery_id="nope"))["error"] == "delivery_not_found"


async def test_any_event_can_be_sent(desk):
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with bolt(desk, hears(heard, "reaction_added"), events=["reaction_added"]):
        await desk.post(
            "events", type="reaction_added", user="mia", reaction="eyes", item={"type": "message", "ts": "1.0"}
        )
        async with asyncio.timeout(DEADLINE):
            event = (await heard.get())["event"]
    assert event["user"] == desk.sandbox.workspace.find_user("mia").id
    assert event["item"] == {"type": "message", "ts": "1.0"}


async def test_what_somebody_does_and_an_answer_for_the_whole_channel(desk):
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with bolt(desk, hears(heard, {"type": "message", "subtype": "me_message"}), events=["message.channels"]):
        answer = await desk.post("commands", user="mia", channel="checkout", command="/me", text="waves")
        async with asyncio.timeout(DEADLINE):
            assert (await heard.get())["event"]["text"] == "waves"
    await desk.post("messages", user="ana", channel="checkout", text="back", thread_ts=answer["ts"], broadcast=True)
    assert [one.get("subtype") for one in await desk.messages()] == ["me_message", "thread_broadcast"]

"""Messages that are not simply posted: planned, streamed, in Markdown, under another name."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import MarkdownTextChunk, PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import running
from tests.sandbox.manifests import SCOPES, manifest
from tests.sandbox.test_channels import refused
from tests.sandbox.test_web_api import call


@pytest.fixture
async def named(desk):
    """A client whose app may post under other names, and anywhere."""
    scopes = [*SCOPES, "chat:write.customize", "chat:write.public"]
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(scopes=scopes)))
    return AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)


async def test_long_text_is_cut_with_a_warning_and_refused_in_an_edit(client, channel):
    posted = await client.chat_postMessage(channel=channel, text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    assert posted["response_metadata"]["warnings"] == ["message_truncated"]
    await refused("msg_too_long", client.chat_update(channel=channel, ts=posted["ts"], text="x" * 4001))


async def test_markdown_text(client, channel):
    posted = await client.chat_postMessage(channel=channel, markdown_text="**bold**")
    assert posted["message"]["blocks"][0] == {
        "type": "markdown", "text": "**bold**", "block_id": posted["message"]["blocks"][0]["block_id"],
    }  # fmt: skip
    await refused("markdown_text_conflict", client.chat_postMessage(channel=channel, markdown_text="x", text="x"))
    await refused("invalid_arguments", client.chat_postMessage(channel=channel, markdown_text="x" * 12_001))
    edited = await client.chat_update(channel=channel, ts=posted["ts"], markdown_text="_new_")
    assert edited["message"]["blocks"][0]["text"] == "_new_"


async def test_a_message_under_another_name_has_no_user(desk, named, channel):
    posted = await named.chat_postMessage(channel=channel, text="x", username="Foghorn", icon_url="https://a.example/x")
    message = posted["message"]
    assert (message["subtype"], message["username"]) == ("bot_message", "Foghorn")
    assert "user" not in message
    assert message["bot_profile"]["name"] == "Ferry"
    assert message["icons"]["image_48"] == "https://a.example/x"
    assert (await desk.messages())[0]["user"] == desk.sandbox.workspace.find_user("ferry").id


async def test_me_messages(desk, client, channel):
    sent = await client.chat_meMessage(channel=channel, text="waves")
    (message,) = (await client.conversations_history(channel=channel))["messages"]
    assert (message["subtype"], message["text"], message["ts"]) == ("me_message", "waves", sent["ts"])


async def test_a_reply_can_be_broadcast_later(client, channel):
    root = await client.chat_postMessage(channel=channel, text="root")
    reply = await client.chat_postMessage(channel=channel, text="reply", thread_ts=root["ts"])
    assert reply["message"]["parent_user_id"] == root["message"]["user"]
    await client.chat_update(channel=channel, ts=reply["ts"], text="loud", reply_broadcast=True)
    assert [m["text"] for m in (await client.conversations_history(channel=channel))["messages"]] == ["loud", "root"]
    await refused(
        "cant_broadcast_message",
        client.chat_update(channel=channel, ts=root["ts"], text="x", reply_broadcast=True),
    )


async def test_an_image_needs_a_file_that_is_there(client, channel):
    image = {"type": "image", "slack_file": {"id": "F000"}, "alt_text": "a chart"}
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=channel, text="x", blocks=[image])
    assert caught.value.response["errors"] == ["invalid slack file [json-pointer:/blocks/0/slack_file]"]


async def test_planned_messages_come_at_their_time(clock):
    async with running(clock=clock) as desk:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
        client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
        due = int(clock()) + 600
        planned = await client.chat_scheduleMessage(channel="#checkout", text="later", post_at=due)
        gone = await client.chat_scheduleMessage(channel="#checkout", text="never", post_at=due + 5)
        assert (planned["post_at"], planned["message"]["type"]) == (str(due), "delayed_message")
        listed = (await client.chat_scheduledMessages_list())["scheduled_messages"]
        assert [(one["id"], one["post_at"]) for one in listed] == [
            (planned["scheduled_message_id"], due), (gone["scheduled_message_id"], due + 5),
        ]  # fmt: skip
        taken_back = {"channel": gone["channel"], "scheduled_message_id": gone["scheduled_message_id"]}
        await client.chat_deleteScheduledMessage(**taken_back)
        await refused("invalid_scheduled_message_id", client.chat_deleteScheduledMessage(**taken_back))
        clock.advance(601)
        message = await desk.message("later")
        assert message["bot_id"] == installed.bot_id
        assert (await client.chat_scheduledMessages_list())["scheduled_messages"] == []
        assert [one["text"] for one in await desk.messages()] == ["later"]


async def test_moments_that_no_message_can_be_planned_for(clock):
    async with running(clock=clock) as desk:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
        now = int(clock())
        for post_at, error in (
            ("soon", "invalid_time"),
            (now - 1, "time_in_past"),
            (now + 121 * 86_400, "time_too_far"),
        ):
            arguments = {"channel": "#checkout", "text": "x", "post_at": post_at}
            answer = await call(desk, "chat.scheduleMessage", installed.bot_token, json=arguments)
            assert answer["error"] == error
        arguments = {"channel": "#checkout", "text": "x", "post_at": now + 900}
        for _ in range(30):
            assert (await call(desk, "chat.scheduleMessage", installed.bot_token, json=arguments))["ok"]
        answer = await call(desk, "chat.scheduleMessage", installed.bot_token, json=arguments)
        assert answer["error"] == "restricted_too_many"


async def test_a_stream_grows_and_ends(desk, client, channel):
    mia = desk.sandbox.workspace.find_user("mia")
    await refused("missing_recipient_user_id", client.chat_startStream(channel=channel, thread_ts="1700000000.000100"))
    to = {"recipient_user_id": mia.id, "recipient_team_id": mia.team_id}
    asked = await desk.post("messages", user="mia", channel="checkout", text="how is it?")
    stream = await client.chat_startStream(channel=channel, thread_ts=asked["ts"], markdown_text="Let me ", **to)
    at = {"channel": channel, "ts": stream["ts"]}
    await client.chat_appendStream(markdown_text="see…", **at)
    await refused("no_text", client.chat_appendStream(markdown_text="", **at))
    await refused("streaming_state_conflict", client.chat_update(text="x", **at))
    task = TaskUpdateChunk(id="1", title="Ask", status="in_progress")
    await client.chat_appendStream(chunks=[task], **at)
    done = TaskUpdateChunk(id="1", title="Ask", status="complete", output="fine")
    ended = await client.chat_stopStream(
        chunks=[done, MarkdownTextChunk(text="All fine.")], blocks=[{"type": "divider"}], **at
    )
    blocks = ended["message"]["blocks"]
    assert [block["type"] for block in blocks] == ["markdown", "task_card", "markdown", "divider"]
    assert (blocks[0]["text"], blocks[1]["status"]) == ("Let me see…", "complete")
    assert "edited" not in ended["message"]
    await refused("message_not_in_streaming_state", client.chat_appendStream(markdown_text="more", **at))


async def test_a_stream_can_show_a_plan(desk, client):
    mia = desk.sandbox.workspace.find_user("mia").id
    direct = (await client.conversations_open(users=mia))["channel"]["id"]
    stream = await client.chat_startStream(channel=direct, thread_ts="1700000000.000100", task_display_mode="plan")
    at = {"channel": direct, "ts": stream["ts"]}
    for number in (1, 2):
        task = TaskUpdateChunk(id=str(number), title=f"Step {number}", status="pending")
        await client.chat_appendStream(chunks=[PlanUpdateChunk(title="Shipping"), task], **at)
    (plan,) = (await client.chat_stopStream(**at))["message"]["blocks"]
    assert (plan["type"], plan["title"]) == ("plan", "Shipping")
    assert [task["task_id"] for task in plan["tasks"]] == ["1", "2"]


@pytest.mark.parametrize(
    ("chunks", "line"),
    [
        ("x", "must be an array [json-pointer:/chunks]"),
        ([1], "must provide an object [json-pointer:/chunks/0]"),
        ([{"type": "song"}], "unsupported type: song [json-pointer:/chunks/0/type]"),
        ([{"type": "markdown_text"}], "missing required field: text [json-pointer:/chunks/0]"),
        ([{"type": "task_update", "id": "1", "title": "x", "status": "done"}], "must be a valid enum value"),
    ],
)
async def test_chunks_that_are_refused(desk, installed, client, chunks, line):
    mia = desk.sandbox.workspace.find_user("mia").id
    direct = (await client.conversations_open(users=mia))["channel"]["id"]
    stream = await client.chat_startStream(channel=direct, thread_ts="1700000000.000100")
    arguments = {"channel": direct, "ts": stream["ts"], "markdown_text": "x", "chunks": chunks}
    answer = await call(desk, "chat.appendStream", installed.bot_token, json=arguments)
    assert answer["error"] == "invalid_chunks"
    assert line in answer["response_metadata"]["messages"][0] or chunks == "x"

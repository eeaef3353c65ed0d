"""What people do with what is theirs: upload files, edit and delete messages; and what apps hear of it."""

import pytest

from tests.sandbox.conftest import bolt


async def upload(desk, user, name, content, status=200):
    url = f"{desk.sandbox.url}/_sandbox/files"
    async with desk._session.post(url, params={"user": user, "name": name}, data=content) as response:
        body = await response.json()
        assert response.status == status, body
        return body


async def test_a_file_goes_along_with_a_message(desk, installed):
    file = (await upload(desk, "mia", "bill.pdf", b"%PDF-1.7"))["file"]
    assert (file["name"], file["mimetype"], file["size"]) == ("bill.pdf", "application/pdf", 8)
    sent = await desk.post("messages", user="mia", channel="checkout", text="", files=[file["id"]])
    (message,) = await desk.messages()
    assert (message["ts"], message["files"][0]["id"]) == (sent["ts"], file["id"])
    assert message["files"][0]["channels"] == [message["channel"]]
    headers = {"Authorization": f"Bearer {installed.bot_token}"}
    async with desk._session.get(message["files"][0]["url_private"], headers=headers) as served:
        assert await served.read() == b"%PDF-1.7"


async def test_an_app_reads_a_file_that_only_it_was_given(desk, installed):
    file = (await upload(desk, "mia", "bill.pdf", b"%PDF-1.7"))["file"]
    headers = {"Authorization": f"Bearer {installed.bot_token}"}
    async with desk._session.get(file["url_private"], headers=headers) as served:
        assert await served.read() == b"%PDF-1.7"


@pytest.mark.parametrize(
    ("user", "files", "error"),
    [
        ("ana", ["F0"], "file_not_found"),
        ("ana", "mine", "file_not_found"),
        ("mia", "F0", "invalid_field"),
        ("mia", [7], "file_not_found"),
    ],
    ids=["unknown", "another's", "no array", "no id"],
)
async def test_files_of_others_are_refused(desk, user, files, error):
    ident = (await upload(desk, "mia", "bill.pdf", b"x"))["file"]["id"]
    wanted = [ident] if files == "mine" else files
    answer = await desk.post("messages", 400, user=user, channel="checkout", text="x", files=wanted)
    assert (answer["error"], answer["message"].split(":")[0]) == (error, "files")


@pytest.mark.parametrize(
    ("user", "name", "content", "error"),
    [
        ("nobody", "a", b"x", "user_not_found"),
        ("mia", "", b"x", "invalid_field"),
        ("mia", "a" * 256, b"x", "invalid_field"),
        ("mia", "a", b"", "invalid_field"),
    ],
    ids=["nobody", "no name", "long name", "empty"],
)
async def test_a_bad_upload_says_what_is_wrong(desk, user, name, content, error):
    assert (await upload(desk, user, name, content, 400))["error"] == error


async def test_an_edit_and_a_deletion_reach_the_app(desk):
    heard = []

    def listen(app):
        @app.event("message")
        async def on_message(event):
            heard.append(event)

    async with bolt(desk, listen):
        sent = await desk.post("messages", user="mia", channel="checkout", text="7 sax")
        place = {"user": "mia", "channel": "checkout", "ts": sent["ts"]}
        await desk.post("edits", **place, text="7 sacks for @ana")
        ana = desk.sandbox.workspace.find_user("ana").id
        (message,) = await desk.messages()
        assert message["text"] == f"7 sacks for <@{ana}>"
        assert message["edited"]["user"] == desk.sandbox.workspace.find_user("mia").id
        assert message["blocks"][0]["elements"][0]["elements"][1] == {"type": "user", "user_id": ana}
        await desk.post("deletions", **place)
        assert await desk.messages() == []

        async def all_heard():
            return [event.get("subtype") for event in heard] == [None, "message_changed", "message_deleted"]

        await desk.until(all_heard)
    assert heard[1]["message"]["text"] == f"7 sacks for <@{ana}>"
    assert heard[2]["deleted_ts"] == sent["ts"]


@pytest.mark.parametrize("path", ["edits", "deletions"])
async def test_only_own_messages_are_touched(desk, path):
    sent = await desk.post("messages", user="mia", channel="checkout", text="mine")
    more = {"text": "yours"} if path == "edits" else {}
    answer = await desk.post(path, 400, user="ana", channel="checkout", ts=sent["ts"], **more)
    assert (answer["error"], "ana has written no message" in answer["message"]) == ("message_not_found", True)


async def test_an_edit_needs_words(desk):
    sent = await desk.post("messages", user="mia", channel="checkout", text="mine")
    place = {"user": "mia", "channel": "checkout", "ts": sent["ts"]}
    assert (await desk.post("edits", 400, **place, text=" "))["error"] == "no_text"
    assert (await desk.post("edits", 400, **place, text="x" * 40_001))["error"] == "msg_too_long"

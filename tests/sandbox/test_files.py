"""Files that apps send, show and read again."""

from contextlib import asynccontextmanager

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox import AppConfig
from tests.sandbox.manifests import manifest


@asynccontextmanager
async def fetched(url, token=None, **headers):
    """Fetch a file as an app does, or with other headers and no token."""
    given = {"Authorization": f"Bearer {token}"} if token else headers
    async with aiohttp.ClientSession() as session, session.get(url, headers=given) as response:
        yield response


async def test_files_are_read_with_a_token_that_may(desk, client, channel):
    await client.files_upload_v2(channel=channel, filename="log.txt", content="ship's log")
    file = (await desk.messages())[-1]["files"][0]
    for reader in ({"token": client.token}, {"Sec-Fetch-Site": "same-origin"}, {"Accept": "image/webp,*/*"}):
        async with fetched(file["url_private"], **reader) as response:
            assert await response.text() == "ship's log"
    other = manifest(scopes=["users:read"])
    other["display_information"]["name"] = other["features"]["bot_user"]["display_name"] = "raft"
    raft = await desk.sandbox.install(AppConfig(manifest=other))
    for token in (None, "xoxb-nobody", raft.bot_token):
        async with fetched(file["url_private"], token) as response:
            assert (response.status, response.content_type) == (200, "text/html"), "a page to sign in"


async def test_files_are_uploaded_shown_and_served(desk, client, channel):
    root = await client.chat_postMessage(channel=channel, text="card")
    done = await client.files_upload_v2(
        channel=channel,
        filename="chart.png",
        content=b"\x89PNG...",
        title="Errors",
        initial_comment="look",
        thread_ts=root["ts"],
        alt_txt="a chart",
    )
    message = (await desk.messages())[-1]
    assert (message["text"], message["thread_ts"]) == ("look", root["ts"])
    (file,) = message["files"]
    assert (file["mimetype"], file["title"], file["alt_txt"]) == ("image/png", "Errors", "a chart")
    async with fetched(file["url_private"], client.token) as response:
        assert (await response.read(), response.content_type) == (b"\x89PNG...", "image/png")
    assert (await client.files_info(file=done["file"]["id"]))["file"]["name"] == "chart.png"
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": "F000"}])


async def test_an_image_block_tells_the_page_where_its_uploaded_file_is(desk, client, channel):
    done = await client.files_upload_v2(filename="chart.png", content=b"\x89PNG...", alt_txt="a chart")
    image = {"type": "image", "slack_file": {"id": done["files"][0]["id"]}, "alt_text": "a chart"}
    await client.chat_postMessage(channel=channel, text="a chart", blocks=[image])
    (block,) = (await desk.messages())[-1]["blocks"]
    async with fetched(block["slack_file"]["url"], client.token) as response:
        assert await response.read() == b"\x89PNG..."


async def test_page_of_someone_elses_html_is_never_served_inline(desk, client, channel):
    await client.files_upload_v2(channel=channel, filename="x.html", content=b"<script>alert(1)</script>")
    file = (await desk.messages())[-1]["files"][0]
    async with fetched(file["url_private"], client.token) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["X-Content-Type-Options"] == "nosniff"

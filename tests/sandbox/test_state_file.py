"""A workspace in a file: what comes back after a restart, and files that are not good."""

import asyncio
import dataclasses
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig, Options, Sandbox, Seed, StateError
from bot.sandbox.state_file import FORMAT, taken
from tests.sandbox.desk import DEADLINE, Desk
from tests.sandbox.manifests import manifest

HOME = {"type": "home", "blocks": [{"type": "divider"}]}


@asynccontextmanager
async def kept_in(path, **options):
    made = Sandbox(options=Options(**options), state=path)
    await made.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Desk(made, session)
    finally:
        await made.stop()


async def test_everything_comes_back(tmp_path):
    path = tmp_path / "workspace"
    async with kept_in(path) as desk:
        installed = await desk.sandbox.install(AppConfig(manifest=manifest()))
        client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
        mia = desk.sandbox.workspace.find_user("mia").id
        sent = await desk.post("messages", user="mia", channel="checkout", text="hello")
        await client.reactions_add(channel=sent["posted"]["channel"], timestamp=sent["ts"], name="eyes")
        await client.views_publish(user_id=mia, view=HOME)
        uploaded = await client.files_upload_v2(channel=sent["posted"]["channel"], content="log", filename="a.log")
        command = await desk.post("commands", user="mia", channel="checkout", command="/ship")
        url = command["delivered"][0]["payload"]["response_url"]
        refresh = desk.sandbox.platform.codes.refresh_token(installed.id, mia, frozenset(("chat:write",)))
        before = await desk.get("state")
    async with kept_in(path) as desk:
        after = await desk.get("state")
        for part in ("users", "usergroups", "team", "teams", "channels"):
            assert without_wire(after[part]) == without_wire(before[part]), part
        again = next(iter(desk.sandbox.platform.apps.installed.values()))
        assert (again.bot_token, again.app_token, again.signing_secret) == (
            installed.bot_token, installed.app_token, installed.signing_secret,
        )  # fmt: skip
        assert (await desk.get("home", user="mia"))["view"]["blocks"][0]["type"] == "divider"
        assert desk.sandbox.workspace.files[uploaded["file"]["id"]].content == b"log"
        async with aiohttp.ClientSession() as session:
            moved = desk.sandbox.url + url[url.index("/response/") :]
            async with session.post(moved, json={"text": "late"}) as response:
                assert response.status == 200
        assert desk.sandbox.platform.codes.refreshed(refresh, again.id) == (mia, frozenset(("chat:write",)))
        later = await desk.post("messages", user="mia", channel="checkout", text="and on")
        assert later["ts"] > sent["ts"]


def without_wire(part):
    """Return a part of the state without addresses and numbers of exchanges, which are new after a restart."""
    if isinstance(part, list):
        return [without_wire(one) for one in part]
    if isinstance(part, dict):
        hidden = {"exchange", "url_private", "url_private_download", "permalink"}
        return {
            key: without_wire(value)
            for key, value in part.items()
            if key not in hidden and "http://127" not in str(value)
        }
    return part


async def test_change_is_written_before_the_end(tmp_path):
    path = tmp_path / "workspace"
    async with kept_in(path) as desk:
        await desk.post("messages", user="mia", channel="checkout", text="written soon")
        async with asyncio.timeout(DEADLINE):
            while not path.exists() or "written soon" not in path.read_text():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.02)
        with pytest.raises(StateError, match="another workspace keeps its state there"):
            await Sandbox(state=path).start()


async def test_installing_again_keeps_the_tokens_that_were_kept(tmp_path):
    tokens = []
    for _ in range(2):
        async with kept_in(tmp_path / "workspace") as desk:
            tokens.append((await desk.sandbox.install(AppConfig(manifest=manifest()))).bot_token)
    assert tokens[0] == tokens[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "Invalid JSON"),
        ("{}", "format: Field required"),
        (json.dumps({"format": "slack-workspace-0"}), "format: Input should be 'slack-workspace-1'"),
    ],
    ids=["broken", "empty", "other version"],
)
async def test_faulty_file_is_refused(tmp_path, content, words):
    path = tmp_path / "workspace"
    path.write_text(content)
    with pytest.raises(StateError, match=words):
        await Sandbox(state=path).start()


async def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(StateError, match="pass a file in a folder"):
        await Sandbox(state=tmp_path / "none" / "workspace").start()


def test_nothing_of_a_workspace_is_left_out():
    sandbox = Sandbox(Seed())
    told = {field.name for field in dataclasses.fields(taken(sandbox.platform))}
    living = {"clock", "changes", "history_limit"}  # given anew at each start
    assert set(vars(sandbox.workspace)) - living <= told
    assert {name for name in vars(sandbox.platform.views) if not name.startswith("_")} <= told
    assert {name for name in vars(sandbox.platform.apps) if not name.startswith("_")} <= told
    assert taken(sandbox.platform).format == FORMAT

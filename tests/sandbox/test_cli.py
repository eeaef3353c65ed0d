"""The command line, as a process of its own."""

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.cli import run
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import manifest


@pytest.fixture
def manifest_file(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest()))
    return str(path)


@asynccontextmanager
async def program(*arguments, end=signal.SIGTERM):
    """Run `python -m bot.sandbox` and yield what it announces; it must end well when it is told to."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.sandbox", *map(str, arguments), "--print-json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(DEADLINE):
            assert process.stdout
            yield json.loads(await process.stdout.readline())
            process.send_signal(end)
            _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_two_apps_are_recorded_and_come_back_with_their_state(tmp_path):
    for name in ("Ferry", "Barge"):
        wanted = manifest()
        wanted["display_information"]["name"] = wanted["features"]["bot_user"]["display_name"] = name
        (tmp_path / f"{name}.json").write_text(json.dumps(wanted))
    apps = ("--app-manifest", tmp_path / "Ferry.json", "--app-manifest", tmp_path / "Barge.json")
    kept, record = tmp_path / "state.json", tmp_path / "wire.json"
    tokens = ("--bot-token", "xoxb-ferry", "--bot-token", "xoxb-barge")
    async with program(*apps, *tokens, "--state", kept, "--record", record, end=signal.SIGINT) as facts:
        assert [app["bot_token"] for app in facts["apps"]] == ["xoxb-ferry", "xoxb-barge"]
        assert (facts["bot_token"], facts["api_url"]) == ("xoxb-ferry", facts["url"] + "/api/")
        client = AsyncWebClient(token="xoxb-barge", base_url=facts["api_url"])
        posted = await client.chat_postMessage(channel="#checkout", text="remember me")
    written = json.loads(record.read_text())
    assert [app["name"] for app in written["apps"]] == ["Ferry", "Barge"]
    assert "chat.postMessage" in {one["type"] for one in written["exchanges"]}
    assert "xoxb" not in record.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    async with program("--state", kept) as facts:
        assert facts["apps"][1]["bot_token"] == "xoxb-barge"
        client = AsyncWebClient(token="xoxb-barge", base_url=facts["api_url"])
        (message, *_) = (await client.conversations_history(channel=posted["channel"]))["messages"]
        assert (message["text"], message["ts"]) == ("remember me", posted["ts"])


def test_options_of_apps_belong_to_manifests(manifest_file, tmp_path, capsys):
    two = ["--app-manifest", manifest_file, "--app-manifest", manifest_file]
    assert run([*two, "--bot-token", "xoxb-one"]) == 2
    assert "--bot-token: was given 1 times for 2 apps" in capsys.readouterr().err
    assert run(["--signing-secret", "s3cret"], prog="sandbox") == 2
    assert (
        capsys.readouterr().err == "sandbox: --signing-secret: was given 1 times for 0 apps; pass --app-manifest, too\n"
    )
    faulty = tmp_path / "state"
    faulty.write_text("{}")
    assert run(["--state", str(faulty)]) == 2
    assert "move the file away to begin anew" in capsys.readouterr().err


async def test_app_in_http_mode_may_come_later(manifest_file):
    challenged = asyncio.Event()
    answers = iter([503, 200])

    async def handler(request):
        status = next(answers)
        if status == 200:
            challenged.set()
        return web.json_response({"challenge": (await request.json())["challenge"]}, status=status)

    application = web.Application()
    application.router.add_post("/slack/events", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; from bot.sandbox.cli import run; sys.exit(run(sys.argv[1:]))",
        "--app-manifest", manifest_file, "--mode", "http", "--request-url", url, "--signing-secret", "s3cret",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr
    async with asyncio.timeout(DEADLINE):
        assert b"waiting for the app" in await process.stderr.readline()
        await challenged.wait()
        process.send_signal(signal.SIGTERM)
        output, errors = await process.communicate()
    await runner.cleanup()
    assert b"signing secret  s3cret" in output
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "must hold one JSON object"),
        ("{}", "missing required field: name"),
    ],
    ids=["broken", "array", "empty"],
)
def test_faulty_manifest(tmp_path, capsys, content, words):
    path = tmp_path / "manifest.json"
    path.write_text(content)
    assert run(["--app-manifest", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_missing_files(tmp_path, capsys):
    assert run(["--app-manifest", str(tmp_path / "none.json")]) == 2
    assert run(["--seed", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.count("none.json") == 2

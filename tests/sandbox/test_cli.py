"""The command line, as a process of its own."""

import asyncio
import json
import signal
import sys

import pytest
from aiohttp import web

from bot.sandbox.cli import run
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import manifest


@pytest.fixture
def manifest_file(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest()))
    return str(path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_runs_until_it_is_interrupted(manifest_file, number):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; from bot.sandbox.cli import run; sys.exit(run(sys.argv[1:]))",
        "--app-manifest", manifest_file, "--bot-token", "xoxb-given", "--print-json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE):
        assert process.stdout
        facts = json.loads(await process.stdout.readline())
        process.send_signal(number)
        _, errors = await process.communicate()
    assert (facts["bot_token"], facts["api_url"]) == ("xoxb-given", facts["url"] + "/api/")
    assert (process.returncode, errors) == (0, b"")


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

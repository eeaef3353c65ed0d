"""The `post` block of the README, run by a real shell, says what the webhook takes."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from aiohttp import web

from integrations.jenkins.settings import JenkinsSettings
from integrations.jenkins.wire import parse, verify

SECRET = "a secret of sixteen"
README = Path(__file__).parents[3] / "integrations/jenkins/README.md"
TOOLS = [tool for tool in ("sh", "sed", "openssl", "curl") if shutil.which(tool) is None]


def snippet() -> str:
    """Return the shell script as Groovy hands it over: in ''' a doubled backslash is one."""
    (block,) = re.findall(r"```groovy\npost.*?```", README.read_text(encoding="utf-8"), re.DOTALL)
    (script,) = re.findall(r"sh '''(.*?)'''", block, re.DOTALL)
    return str(script).replace("\\\\", "\\")


@pytest.mark.skipif(bool(TOOLS), reason=f"needs {', '.join(TOOLS)} on the PATH")
async def test_the_snippet_is_taken():
    seen = []

    async def receive(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hooks/jenkins", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        here = f"http://127.0.0.1:{runner.addresses[0][1]}"
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOOK_SECRET": SECRET,
            "JOB_URL": "https://ci.example.org/job/team/job/checkout/",
            "BUILD_URL": "https://ci.example.org/job/team/job/checkout/7/",
            "BUILD_NUMBER": "7",
            "RESULT": "FAILURE",
            "SHIPMATE_REQUEST_ID": "D-1042/build",
        }
        script = snippet().replace("https://bot.example.org", here)
        process = await asyncio.create_subprocess_exec("sh", "-xe", "-c", script, env=environment)
        assert await process.wait() == 0
    finally:
        await runner.cleanup()
    ((headers, body),) = seen
    settings = JenkinsSettings.model_validate(
        {"url": "https://ci.example.org", "username": "a", "token": "t", "webhook_secret": SECRET}
    )
    assert verify(settings, headers, body)
    (event,) = parse("ci", headers, body)
    assert (event.kind, event.ref) == ("run.finished", "ci:team/checkout@D-1042/build")
    assert event.data["state"] == "failed"

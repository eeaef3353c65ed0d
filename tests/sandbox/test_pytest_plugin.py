"""The fixture for other projects: the documented example runs, and nothing is imported before it is asked for."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Options, RunningWorkspace
from tests.sandbox.desk import DEADLINE
from tests.sandbox.manifests import manifest

ROOT = Path(__file__).parents[2]

PATIENT = """
import pytest


@pytest.fixture
def slack_workspace_options():
    from bot.sandbox import Options

    return Options(ack_timeout=60.0)
"""

NOT_IMPORTED = """
import sys

import pytest


def test_nothing_is_imported_yet(request):
    assert request.config.pluginmanager.has_plugin("bot.sandbox.pytest_plugin")
    assert not {"aiohttp", "pydantic", "bot.sandbox.sandbox"} & set(sys.modules)


@pytest.fixture
def slack_workspace_options():
    from bot.sandbox import Options

    return Options(limits="strict")


def test_options_are_those_of_the_project(slack_workspace):
    assert slack_workspace.get("faults")["limits"] == "strict"
"""


def example():
    """Return the example of the documentation."""
    text = (ROOT / "docs" / "sandbox.md").read_text()
    section = text.split("## In another project's tests", 1)[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return found.group(1)


async def test_example_of_the_documentation_runs_in_a_project_of_its_own(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "conftest.py").write_text(PATIENT)
    (tmp_path / "test_a_import.py").write_text(NOT_IMPORTED)
    (tmp_path / "test_b_example.py").write_text(example())
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-p", "bot.sandbox.pytest_plugin", "-p", "no:cacheprovider", ".",
        cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert b"3 passed" in output


async def test_in_an_asynchronous_test():
    def people(workspace):
        answer = workspace.types("mia", "/ship checkout", channel="checkout")
        assert answer["posted"]["text"] == "shipping checkout"
        card = workspace.message("card", channel="#checkout")
        workspace.presses("ana", "checkout", card["ts"], "go")
        return workspace.message("pressed", channel="checkout", viewer="mia")

    with RunningWorkspace(options=Options(ack_timeout=DEADLINE)) as workspace:
        installed = await asyncio.to_thread(workspace.install, manifest())
        client = AsyncWebClient(token=installed.bot_token, base_url=workspace.api_url)
        app = AsyncApp(client=client)
        blocks = [
            {
                "type": "actions",
                "elements": [{"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}],
            }
        ]

        @app.command("/ship")
        async def _(ack, command):
            await ack(f"shipping {command['text']}")
            await client.chat_postMessage(channel=command["channel_id"], text="card", blocks=blocks)

        @app.action("go")
        async def _(ack, respond):
            await ack()
            await respond(text="pressed", replace_original=True)

        @app.event("message")
        async def _():
            pass

        handler = AsyncSocketModeHandler(app, installed.app_token)
        await handler.connect_async()
        assert (await asyncio.to_thread(people, workspace))["text"] == "pressed"
        await handler.close_async()


def test_wrong_input_and_time_that_passes():
    with RunningWorkspace() as workspace:
        with pytest.raises(ValueError, match="known are mia, ana"):
            workspace.says("nobody", "hello", channel="checkout")
        before = workspace.get("state")["now"]
        workspace.advance(3600)
        assert workspace.get("state")["now"] >= before + 3600
        with pytest.raises(TimeoutError, match=r"within 0\.01 seconds"):
            workspace.until(lambda: False, deadline=0.01)
        assert workspace.url.startswith("http://127.0.0.1:")

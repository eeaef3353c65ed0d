"""Errbot with its backend for Slack, unchanged, lives in the local workspace."""

import pytest

from tests.clients.beginner import Beginner
from tests.clients.doorway import Doorway
from tests.clients.manifest import manifest
from tests.clients.process import HERE, installed

SCOPES = ("mpim:read", "team:read", "users:read.email")  # what its guide asks for besides


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_errbot_answers_in_channels_and_directly(people, processes, tmp_path):
    program = installed("python")["program"]
    app = await people.post("apps", manifest=manifest(*SCOPES, name="Errbot"))
    errbot = Beginner(people, processes, app)
    (tmp_path / "data").mkdir()
    async with Doorway(people.sandbox.api_url, tmp_path) as doorway:
        await processes.start(
            program, "-m", "errbot.cli", "-c", HERE / "errbot" / "config.py",
            SLACK_BOT_TOKEN=app["bot_token"], SLACK_APP_TOKEN=app["app_token"], DATA=str(tmp_path / "data"),
            ADMIN=people.ident("mia"), PROXY=doorway.url, SSL_CERT_FILE=str(doorway.authority),
        )  # fmt: skip
        await processes.until(errbot.connections, "Errbot is connected")

        ts = await errbot.write("!tide Bergen")
        await errbot.says("High water in Bergen, mia")
        await people.post("reactions", user="ana", channel="general", ts=ts, name="ocean")
        await errbot.says("ana added ocean")
        await errbot.write("!sluice", channel="@beginner", user="ana")
        await errbot.says("This command requires bot-admin privileges", channel=await errbot.direct("ana"))
        await errbot.write("!sluice", channel="@beginner")
        await errbot.says("The sluice is open", channel=await errbot.direct("mia"))
    assert set(doorway.seen) <= {"slack.com", "www.slack.com", "127.0.0.1"}

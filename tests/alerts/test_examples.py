"""The files for Alertmanager and Prometheus that we ship: their own tools take them, and they do what they say."""

import asyncio
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.alerts import records
from bot.alerts.rules import State
from tests.alerts.rig import TOKEN, up
from tests.servers.programs import ROOT, find

EXAMPLES = ROOT / "docs" / "examples"
SECONDS = 90


def tool(name: str, server: str) -> str:
    """Return a tool that comes with a server's package, on PATH or unpacked beside it."""
    unpacked = Path(find(server).get("path", "/")).parent.parent / "root" / "usr" / "bin" / name
    found = shutil.which(name) or (str(unpacked) if unpacked.exists() else "")
    if not found:
        pytest.skip(f"no {name} on this machine")
    return found


@pytest.mark.parametrize(
    ("name", "server", "words"),
    [
        ("alertmanager.yml", "alertmanager", ("amtool", "check-config")),
        ("watchdog.rules.yml", "prometheus", ("promtool", "check", "rules")),
    ],
)
def test_the_servers_own_tools_take_them(name, server, words):
    program = tool(words[0], server)
    told = subprocess.run([program, *words[1:], EXAMPLES / name], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def shortened(hook: str, folder: Path) -> str:
    """Return the shipped configuration with Shipmate's address and token, and seconds in place of minutes."""
    text = (EXAMPLES / "alertmanager.yml").read_text()
    token = folder / "token"
    token.write_text(TOKEN)
    text = text.replace("https://shipmate.example.org/hooks/alertmanager", hook)
    text = text.replace("https://deadman.example.org/put-the-address-of-your-switch-here", f"{hook}-of-nobody")
    text = text.replace("/etc/alertmanager/shipmate-token", str(token)).replace("mail.example.org:587", "127.0.0.1:1")
    for name, length in (("group_wait: 10s", "group_wait: 0s"), ("group_interval: 30s", "group_interval: 1s")):
        text = text.replace(name, name.split(":")[0] + ": " + length.split(": ")[1])
    return re.sub("repeat_interval: 50s", "repeat_interval: 1500ms", text)


@pytest.mark.slow
async def test_the_shipped_watchdog_is_heard_of_again_and_again_until_alertmanager_ends(tmp_path, alertmanager_server):
    async with up(tmp_path, watchdogs=[{"name": "prod"}]) as rig:
        await rig.alerts.watchdogs.look()
        server = await asyncio.to_thread(alertmanager_server, configuration=shortened(rig.url, tmp_path))
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        fires = [
            {"labels": {"alertname": "Watchdog", "severity": "none"}, "endsAt": ends},
            {"labels": {"alertname": "Down", "service": "checkout", "severity": "critical"}, "endsAt": ends},
        ]
        async with rig.http.post(f"{server.url}/api/v2/alerts", json=fires) as answer:
            assert answer.ok, await answer.text()
        moments: set[datetime] = set()
        async with asyncio.timeout(SECONDS):
            while len(moments) < 3:
                async with rig.store.read() as conn:
                    moments |= {at for at in [await records.last_heard(conn, "shipmate/watchdogs/prod")] if at}
                await asyncio.sleep(0.1)
        await rig.stands(State.FIRING)
        await rig.reads("A-1 · Down · checkout · critical")
        server.close()
        await rig.move_on(minutes=4)
        await rig.alerts.watchdogs.look()
        await rig.stands(State.FIRING, "A-2")
        await rig.reads("WatchdogMissing", "monitoring itself is silent", ident="A-2")

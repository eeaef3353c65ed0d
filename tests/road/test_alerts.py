"""Alerts on the road: from a rule of a real Prometheus to the channel and back; killed at every point of it."""

import asyncio
import contextlib
import json
import re
import secrets
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from bot.demo.configuration import keep_secrets
from bot.demo.surroundings import free_port
from tests.road.crash_town import CrashTown
from tests.road.town import Json, buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECORDED = Path(__file__).parents[1] / "integrations" / "alertmanager" / "payloads"
WATCHED = 'label_replace(vector(time() % 60 + 1), "service", "checkout", "", "") > 0.5'
NOTIFIED = RECORDED / "webhook_firing_0.25.0_2026-11-23.json"


def use_alertmanager(settings: Json, folder: Path, url: str, token: str) -> None:
    """Change a town's configuration: alerts of this Alertmanager are heard."""
    settings["integrations"]["alertmanager"] = {
        "type": "alertmanager",
        "url": url,
        "receiver": "bot",
        **keep_secrets(folder, webhook_token=token),
    }
    settings["alerts"] = {"channel": "releases", "poll": "5s"}
    settings["permissions"].append({"allow": ["alert.*"], "to": ["developers"]})


async def cards(town: CrashTown, name: str = "A-1", channel: str = "checkout") -> list[Json]:
    """Return the messages of a group, its thread left out."""
    return [
        message
        for message in await town.messages(channel)
        if message["text"].startswith(f"{name} ")
        and not message.get("ephemeral_to")
        and message.get("thread_ts", message["ts"]) == message["ts"]
    ]


async def pictures(town: CrashTown) -> list[Json]:
    """Return the messages that hold a picture."""
    return [one for one in await town.messages() if "image" in [part["type"] for part in one.get("blocks", ())]]


async def runs(town: CrashTown, version: str) -> bool:
    return await town.runs("staging") == version


@contextlib.asynccontextmanager
async def answering(port: int):
    """Let something answer on a port, so that Prometheus finds it up."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text="fine 1\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def test_a_rule_fires_names_the_deployment_is_rolled_back_and_resolves(
    tmp_path, alertmanager_server, prometheus_server
):
    token, target = secrets.token_hex(16), free_port()

    def change(settings: Json) -> None:
        hook = f"http://127.0.0.1:{settings['server']['port']}/hooks/alertmanager"
        servers["url"] = alertmanager_server(hook, token=token).url
        use_alertmanager(settings, tmp_path, servers["url"], token)

    servers: dict[str, str] = {}
    rule = {
        "alert": "CheckoutDown",
        "expr": 'up{job="checkout"} == 0',
        "labels": {"service": "checkout", "environment": "staging", "severity": "critical"},
        "annotations": {"summary": "{{ $labels.instance }} does not answer", "runbook_url": "https://run.example.org/"},
    }
    async with CrashTown.build(tmp_path, change=change) as town:
        await town.deploy("1.4.1")
        bad = await town.deploy("1.4.2")
        deployment = bad["text"].split()[0]
        await asyncio.to_thread(
            prometheus_server,
            {"checkout": [f"127.0.0.1:{target}"]},
            rules={"groups": [{"name": "checkout", "rules": [rule]}]},
            alertmanager=servers["url"],
        )
        card = await town.see("A-1 · CheckoutDown · checkout staging · critical", "*firing*", deployment)
        assert f"127.0.0.1:{target} does not answer" in words(card)
        await town.press("mia", card, "Acknowledge")
        card = await town.see("A-1 ·", "On it: @mia")
        await town.press("tom", card, "Silence…")
        chosen = await town.see("is about 1 alert firing now", viewer="tom")
        await town.press("tom", chosen, "30 min")
        card = await town.see("A-1 ·", "*silenced*", "S-1: silenced by @tom until")
        assert f"Roll back {deployment}…" in buttons(card)
        await town.press("mia", card, f"Roll back {deployment}…")
        await town.until(lambda: runs(town, "1.4.1"), "1.4.1 runs again")
        async with answering(target):
            done = await town.see("A-1 ·", "*resolved*")
        assert [one["ts"] for one in await cards(town)] == [done["ts"]] == [card["ts"]]


async def test_killed_between_the_notification_and_the_message_it_and_its_picture_are_posted_once(
    tmp_path, prometheus_server
):
    token = secrets.token_hex(16)
    metrics = (await asyncio.to_thread(prometheus_server, {})).url

    def change(settings: Json) -> None:
        use_alertmanager(settings, tmp_path, f"http://127.0.0.1:{free_port()}", token)
        settings["integrations"]["metrics"] = {"type": "prometheus", "url": metrics}

    async with CrashTown.build(tmp_path, change=change, start=False) as town:
        await town.start_to_be_killed()
        town.arm("start.alert.show.v1:*", "start.alert.study.v1:*", "step.alert.*[!0-9]:*", "say.alert.*.new:*")
        body = json.loads(NOTIFIED.read_bytes())
        for alert in body["alerts"]:
            alert["generatorURL"] = f"http://prometheus.example.org/graph?{urlencode({'g0.expr': WATCHED})}"
        url = f"http://127.0.0.1:{town.ports['shipmate']}/hooks/alertmanager"

        async def told() -> bool:
            with contextlib.suppress(OSError, aiohttp.ClientError):  # killed in the middle of its answer
                async with town.http.post(url, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
                    return answer.status == 204
            return False

        await town.until(told, "Shipmate takes the notification")
        card = await town.see("A-1 · HighErrorRate · checkout production · critical", "2 alerts firing")
        await town.until(lambda: pictures(town), "the picture follows")
        await town.quiet()
        killed = {re.sub(r":.*", "", point) for point in town.points("killed")}
        assert {"step.alert.look", "step.alert.show", "say.alert.show.new"} <= killed
        assert {"start.alert.study.v1", "step.alert.study", "say.alert.post.new"} <= killed
        assert [one["thread_ts"] for one in await pictures(town)] == [card["ts"]]
        town.arm()
        await town.until(told, "the same notification, sent again")
        await town.quiet()
        assert [one["ts"] for one in await cards(town)] == [card["ts"]]
        said = [words(one) for one in await town.messages() if one.get("thread_ts") == card["ts"] != one["ts"]]
        assert len(said) == len(set(said)) == 2, "its alerts, and their picture"

"""From Alertmanager's notification to the message that leaves, to its picture; and how late the loop is meanwhile.

Shipmate runs in this process beside a local workspace, on SQLite, with a real Prometheus in a process of its own.
Groups of three alerts are notified of one after the other, spread over four channels so that Slack's pace of one
message a second holds none up. Timed is from the POST to the call of `chat.postMessage` for the group's message, and to
that for its picture, which by then was asked for, judged, drawn and uploaded. Meanwhile the loop is timed: how much
later than asked does a pause of 5 ms end; the same before it, idle. The workspace answers on the same loop: what it
takes counts.
Limits: message p50 under 500 ms; loop p99 under 20 ms. `alert_pictures.py [GROUPS]`.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import town
import yaml
from measuring import percentile, verdict

from bot import logs
from bot.app.composition import App
from bot.app.running import Running
from bot.clock import SystemClock
from bot.demo.configuration import keep_secrets
from bot.settings import load
from bot.store import Store
from commands.registry import registry
from tests.servers.prometheus import PrometheusServer

GROUPS = int(sys.argv[1]) if len(sys.argv) > 1 else 24
TOKEN = "benchmark-webhook-token-0001"
CHANNELS = ("general", "checkout", "releases", "alerts")
APART = 1.2
PAUSE = 0.005
WAIT = 30.0
PODS = "abc"


def expression(service: str) -> str:
    """Return a rule for a service that has values at every moment, and always fires."""
    labels = {"service": service, "environment": "production"}
    made = [f"vector((time() % 3600) / 3600 + 0.{number + 1})" for number in range(len(PODS))]
    for name, value in labels.items():
        made = [f'label_replace({one}, "{name}", "{value}", "", "")' for one in made]
    told = [f'label_replace({one}, "pod", "{pod}", "", "")' for one, pod in zip(made, PODS, strict=True)]
    return f"({' or '.join(told)}) > 0.05"


def notification(number: int, service: str) -> dict[str, Any]:
    """Return what Alertmanager sends of a new group (format 4)."""
    now = SystemClock().now().isoformat().replace("+00:00", "Z")
    labels = {"alertname": f"Busy{number}", "service": service, "environment": "production", "severity": "warning"}
    query = urlencode({"g0.expr": expression(service)})
    alerts = [
        {
            "status": "firing",
            "labels": {**labels, "pod": pod},
            "annotations": {"summary": "It is busy"},
            "startsAt": now,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": f"http://prometheus.example.org/graph?{query}",
            "fingerprint": f"{number:08x}{ord(pod):08x}",
        }
        for pod in PODS
    ]
    return {
        "version": "4",
        "groupKey": json.dumps(labels),
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "shipmate",
        "groupLabels": {"alertname": labels["alertname"], "service": service},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org",
        "alerts": alerts,
    }


@contextlib.asynccontextmanager
async def running(folder: Path, prometheus: str) -> AsyncIterator[App]:
    """Run Shipmate with a Prometheus and a door for Alertmanager."""
    async with town.workspace(folder, town.Shape(services=len(CHANNELS))) as (_, config):
        told = yaml.safe_load(config.read_text())
        told["integrations"]["metrics"] = {"type": "prometheus", "url": prometheus}
        secret = keep_secrets(folder, webhook_token=TOKEN)
        told["integrations"]["alertmanager"] = {"type": "alertmanager", "url": "http://127.0.0.1:9", **secret}
        routes = [{"matchers": [f'service="svc{n}"'], "channel": channel} for n, channel in enumerate(CHANNELS)]
        told["alerts"] = {"channel": "alerts", "routes": routes, "poll": "1h"}
        config.write_text(yaml.safe_dump(told, sort_keys=False))
        settings = load(config, dict(os.environ))
        logs.configure(clock=SystemClock(), level="error")
        app = App(settings, await Store.open(settings.database_url, clock=SystemClock()), SystemClock(), registry())
        whole = Running(app)
        await whole.start()
        try:
            yield app
        finally:
            await whole.stop(grace=1)


def leaving(app: App) -> dict[str, float]:
    """Return when each message was first sent, by the key of its row."""
    sent: dict[str, float] = {}
    call = app.slack.connection.call

    async def timed(method: str, given: dict[str, Any], **more: Any) -> Any:
        if method == "chat.postMessage":
            sent.setdefault(str(given.get("metadata", {}).get("event_payload", {}).get("key", "")), time.perf_counter())
        return await call(method, given, **more)

    app.slack.connection.call = timed
    return sent


async def lags(into: list[float]) -> None:
    """Note how late (ms) each pause ends, until cancelled."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(PAUSE)
        into.append((time.perf_counter() - began - PAUSE) * 1000)


async def timed_for(seconds: float) -> list[float]:
    found: list[float] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await lags(found)
    return found


async def main() -> None:
    messages, pictures, busy = [], [], []
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(PrometheusServer({})) as prometheus:
        async with running(Path(folder) / "town", prometheus.url) as app, aiohttp.ClientSession() as http:
            sent = leaving(app)
            url = f"http://127.0.0.1:{app.web.port}/hooks/alertmanager"
            headers = {"Authorization": f"Bearer {TOKEN}"}
            idle = await timed_for(5)
            posted: list[float] = []
            watching = asyncio.create_task(lags(busy))
            for number in range(GROUPS + 1):
                posted.append(time.perf_counter())
                body = notification(number, f"svc{number % len(CHANNELS)}")
                async with http.post(url, json=body, headers=headers) as answer:
                    assert answer.status < 300, await answer.text()
                await asyncio.sleep(APART)
            until = time.perf_counter() + WAIT
            while time.perf_counter() < until and f"post/A-{GROUPS + 1}/picture" not in sent:  # noqa: ASYNC110 - of another task
                await asyncio.sleep(0.1)
            watching.cancel()
    for number, began in enumerate(posted, start=1):
        if number > 1:  # the first starts what draws
            messages.append((sent[f"show/A-{number}"] - began) * 1000)
            if f"post/A-{number}/picture" in sent:
                pictures.append((sent[f"post/A-{number}/picture"] - began) * 1000)
    print(f"{len(messages)} messages, p99 {percentile(messages, 0.99):.0f} ms; {len(pictures)} pictures after ", end="")
    print(f"{percentile(pictures, 0.5):.0f} ms (p50), {percentile(pictures, 0.99):.0f} ms (p99)")
    print(f"idle loop, p99: {percentile(idle, 0.99):.1f} ms\n")
    verdict("from the notification to its message, p50, ms", messages, 500)
    verdict("loop lag while pictures are drawn, p99, ms", [percentile(busy, 0.99)], 20)


asyncio.run(main())

"""Alerts in the mass: notifications accepted at 200 a second, and a storm of 10,000 alerts in a minute.

`shipmate serve` runs in a process of its own on SQLite, beside a local workspace and a source of alerts here. First
notifications come at a steady pace, of 400 groups that change each time; the time until each is answered, which is
after its commit, is compared with one bare INSERT committed by SQLite. Then 2,000 groups of five alerts and one group
of 10,000 begin within a minute in one channel, and end in the next. What Slack is asked is compared with the least that
keeps people told: every message that exists once, its end once, and the storm's message every five seconds.
Limits: p99 within 100 times; Slack calls within 1.2 times; memory growth under 100 MB; every group resolved.
`alerts.py [SECONDS] [GROUPS] [STORM_SECONDS]`.
"""

import asyncio
import contextlib
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import town
import yaml
from aiohttp import web
from measuring import bare_commit, cpu_seconds, median, memory_mib, percentile, verdict

from bot.demo.configuration import keep_secrets
from bot.demo.surroundings import free_port

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
GROUPS = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
STORM = float(sys.argv[3]) if len(sys.argv) > 3 else 60.0
PER_SECOND = 200
KNOWN = 400
EACH = 5
LARGE = 10_000
CALM = 20.0
EVERY = 5.0
TOKEN = "benchmark-alerts-token-01"

Json = dict[str, Any]


class Source:
    """An Alertmanager as far as Shipmate asks it: what fires, since when it runs, and no silences."""

    def __init__(self) -> None:
        self.firing: dict[str, list[Json]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers. Source: Alertmanager's API v2."""
        return [
            web.get("/api/v2/alerts/groups", self.groups),
            web.get("/api/v2/status", self.status),
            web.get("/api/v2/silences", self.silences),
        ]

    async def groups(self, _: web.Request) -> web.Response:
        """Answer what fires, by groups."""
        told = [
            {
                "labels": {"alertname": name},
                "receiver": {"name": "shipmate"},
                "alerts": [self._asked(one) for one in alerts],
            }
            for name, alerts in self.firing.items()
        ]
        return web.json_response(told)

    async def status(self, _: web.Request) -> web.Response:
        """Answer since when it runs."""
        return web.json_response({"versionInfo": {"version": "0.25.0"}, "uptime": "2026-01-01T00:00:00.000Z"})

    async def silences(self, _: web.Request) -> web.Response:
        """Answer that there are none."""
        return web.json_response([])

    @staticmethod
    def _asked(one: Json) -> Json:
        status = {"state": "active", "silencedBy": [], "inhibitedBy": []}
        return {**one, "status": status, "receivers": [{"name": "shipmate"}], "updatedAt": one["startsAt"]}


def alert(name: str, number: int, *, severity: str = "warning", firing: bool = True) -> Json:
    """Return one alert of a notification."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "status": "firing" if firing else "resolved",
        "labels": {
            "alertname": name, "instance": f"10.0.{number // 250}.{number % 250}:9100", "severity": severity,
            "service": f"svc{number % 10}", "environment": "production",
        },
        "annotations": {"summary": f"{name} on instance {number} has been over its limit for five minutes"},
        "startsAt": now,
        "endsAt": now if not firing else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
        "fingerprint": f"{abs(hash((name, number))):016x}"[:16],
    }  # fmt: skip


def notification(name: str, alerts: list[Json], *, truncated: int = 0) -> Json:
    """Return a notification of version 4."""
    return {
        "version": "4", "groupKey": f"{{}}:{{alertname={name}}}", "truncatedAlerts": truncated, "receiver": "shipmate",
        "status": "firing" if any(one["status"] == "firing" for one in alerts) else "resolved",
        "groupLabels": {"alertname": name}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org:9093", "alerts": alerts,
    }  # fmt: skip


async def paced(url: str, bodies: list[Json], seconds: float) -> list[float]:
    """Send notifications evenly over so many seconds, however slowly they are answered; return the times in ms."""
    taken: list[float] = []
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    async def one(session: aiohttp.ClientSession, body: bytes) -> None:
        began = time.perf_counter()
        async with session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 204, (answer.status, await answer.text())
        taken.append((time.perf_counter() - began) * 1000)

    told = [json.dumps(body).encode() for body in bodies]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, asyncio.TaskGroup() as group:
        begin = time.perf_counter()
        for number, body in enumerate(told):
            await asyncio.sleep(max(0.0, begin + number * seconds / len(told) - time.perf_counter()))
            group.create_task(one(session, body))
    return taken


async def steady(url: str, folder: str, pid: int) -> None:
    """Measure how notifications are accepted."""
    bodies = [
        notification(f"Known{one % KNOWN}", [alert(f"Known{one % KNOWN}", one)])
        for one in range(int(SECONDS * PER_SECOND))
    ]
    await paced(url, bodies[: PER_SECOND // 2], 0.5)
    commits, before = bare_commit(folder), cpu_seconds(pid)
    bare, worst = median(commits), percentile(commits, 0.99)
    taken = await paced(url, bodies[PER_SECOND // 2 :], SECONDS - 0.5)
    cpu = (cpu_seconds(pid) - before) / SECONDS
    p50, p99 = median(taken), percentile(taken, 0.99)
    print(f"one bare commit: p50 {bare:.3f} ms, p99 {worst:.3f} ms")
    print(f"accepted: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {cpu:.2f} cores")
    verdict("webhook accepted, p99 / bare commit p50", [p99 / bare], 100)
    verdict("webhook accepted, p99 / bare commit p99", [p99 / worst], 100)


class Calls:
    """Counts the calls of Slack's methods that say something, as the workspace notes them."""

    def __init__(self, sandbox: Any) -> None:
        self.kinds: Counter[str] = Counter()
        log = sandbox.platform.log
        add = log.add

        def noted(direction: str, name: str, *args: Any, **more: Any) -> Any:
            if direction == "from_app" and name.startswith("chat."):
                self.kinds[name] += 1
            return add(direction, name, *args, **more)

        log.add = noted


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(database)) as db:
        return db.execute(query).fetchall()


async def until(condition: Any, patience: float, why: str) -> None:
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.5)
    print(f"  {why}")


async def storm(url: str, pid: int, source: Source, database: Path, sandbox: Any) -> None:
    """Measure a storm, from its first alert until every message says how it ended."""
    calls = Calls(sandbox)
    least, peak = memory_mib(pid), [0.0]

    async def remember() -> None:
        while True:
            peak[0] = max(peak[0], memory_mib(pid))
            await asyncio.sleep(0.5)

    remembering = asyncio.create_task(remember())
    began, before = time.perf_counter(), cpu_seconds(pid)
    large = [alert("Large", one) for one in range(LARGE)]
    source.firing = {
        f"Rule{one}": [alert(f"Rule{one}", one * EACH + part) for part in range(EACH)] for one in range(GROUPS)
    }
    source.firing["Large"] = large
    told = [
        notification("Large", large[:200], truncated=LARGE - 200),
        *(notification(*one) for one in source.firing.items() if one[0] != "Large"),
    ]
    taken = await paced(url, told, STORM)
    p50, p99 = median(taken), percentile(taken, 0.99)
    print(f"{GROUPS} groups of {EACH} and one of {LARGE} in {STORM:.0f} s: accepted p50 {p50:.1f}, p99 {p99:.1f} ms")
    await asyncio.sleep(35)  # asked once more meanwhile
    gathered = rows(database, "SELECT count(*) FROM alert_groups WHERE inside != ''")[0][0]
    kept = rows(database, "SELECT count(*) FROM alerts")[0][0]
    ended = [
        notification(name, [{**one, "status": "resolved", "endsAt": alert("x", 0)["startsAt"]} for one in alerts])
        for name, alerts in source.firing.items()
        if name != "Large"
    ]
    source.firing = {}
    await paced(url, ended, STORM)
    kept_back = "SELECT count(*) FROM alert_notices"
    await until(lambda: rows(database, kept_back)[0][0] == 0, 240, "all that was kept is taken in")
    is_over = "SELECT count(*) FROM alert_storms WHERE closed_at IS NULL"
    await until(lambda: rows(database, is_over)[0][0] == 0, CALM + 240, "the storm is over and told")
    waiting = "SELECT count(*) FROM slack_outbox WHERE state IN ('waiting', 'sending', 'doubt')"
    await until(lambda: rows(database, waiting)[0][0] == 0, 120, "nothing waits to be said")
    lasted = time.perf_counter() - began
    remembering.cancel()
    states = dict(rows(database, "SELECT state, count(*) FROM alert_groups GROUP BY state"))
    cards = rows(database, "SELECT count(*) FROM slack_outbox WHERE kind = 'show'")[0][0]
    least_calls = 2 * cards + 1 + lasted / EVERY
    number = sum(calls.kinds.values())
    print(f"  {gathered} gathered, {kept} alerts kept, {cards} messages; at the end {states}")
    print(f"  {number} calls ({dict(calls.kinds)}) in {lasted:.0f} s")
    print(f"  CPU {cpu_seconds(pid) - before:.0f} s; memory {least:.0f} MiB, at most {peak[0]:.0f}")
    verdict("storm: Slack calls / least", [number / least_calls], 1.2)
    verdict("storm: memory growth, MiB", [peak[0] - least], 100)
    verdict("storm: groups not resolved at its end", [sum(states.values()) - states.get("resolved", 0)], 0)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        port, source = free_port(), Source()
        app = web.Application()
        app.add_routes(source.routes())
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address = runner.addresses[0]
        for part in ("steady", "storm"):
            async with town.workspace(Path(folder) / part, town.Shape(mode="socket", port=port)) as (sandbox, config):
                settings = yaml.safe_load(config.read_text())
                token = keep_secrets(Path(folder) / part, webhook_token=TOKEN)
                am = {"type": "alertmanager", "url": f"http://127.0.0.1:{address[1]}", "max_bytes": 64 * 2**20, **token}
                settings["integrations"]["alertmanager"] = am
                settings["alerts"] = {"channel": "checkout", "storm": {"calm": f"{CALM:.0f}s"}}
                config.write_text(yaml.safe_dump(settings, sort_keys=False))
                database = next(
                    iter((Path(folder) / part / "state").glob("*.db")), Path(folder) / part / "state" / "shipmate.db"
                )
                async with town.serving(config, port) as pid:
                    url = f"http://127.0.0.1:{port}/hooks/alertmanager"
                    if part == "steady":
                        await steady(url, folder, pid)
                    else:
                        await storm(url, pid, source, database, sandbox)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())

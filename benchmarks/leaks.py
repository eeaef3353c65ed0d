"""Whether memory is flat over an hour's traffic, played in minutes.

`shipmate serve` runs in a process of its own on SQLite beside a local workspace. Commands (reads, refusals, mistakes)
and notifications of alerts that fire and end come as fast as they are answered, one after the other, in equal rounds;
after each round its resident memory is read. Of the second half of the rounds, when caches are full, the slope is told
with its 95 % interval, per 1,000 pieces of traffic. Limit: the interval reaches down to 100 KiB or less per 1,000
(an hour at one piece a second would then grow by less than half a MiB). `leaks.py [ROUNDS] [EACH]`.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import town
import yaml
from measuring import memory_mib, spread, verdict

from bot.demo.configuration import keep_secrets
from bot.demo.surroundings import free_port

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 36
EACH = int(sys.argv[2]) if len(sys.argv) > 2 else 100
TOKEN = "benchmark-leaks-token-0001"
LIMIT = 100
WORDS = (
    "where",
    "where svc1",
    "where 77.7.7",
    "deploys",
    "deploys svc1",
    "help",
    "alerts",
    "audit",
    "nonsense",
    "calendar",
)


def notification(number: int) -> dict[str, object]:
    """Return a notification of one group, that fires and ends in turn."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    fires = number % 2 == 0
    labels = {"alertname": "Slow", "service": "svc1", "environment": "production"}
    alert = {
        "status": "firing" if fires else "resolved", "labels": labels, "annotations": {}, "startsAt": now,
        "endsAt": "0001-01-01T00:00:00Z" if fires else now, "generatorURL": "", "fingerprint": "0" * 16,
    }  # fmt: skip
    return {
        "version": "4", "groupKey": "Slow", "truncatedAlerts": 0, "status": alert["status"], "receiver": "shipmate",
        "groupLabels": {"alertname": "Slow"}, "commonLabels": labels, "commonAnnotations": {}, "externalURL": "",
        "alerts": [alert],
    }  # fmt: skip


def slope(values: list[float]) -> tuple[float, float]:
    """Return the slope per round and half of its 95 % interval, by least squares."""
    places = list(range(len(values)))
    line = statistics.linear_regression(places, values)
    off = [value - line.slope * place - line.intercept for place, value in zip(places, values, strict=True)]
    mean = statistics.mean(places)
    wide = sum((place - mean) ** 2 for place in places)
    error = (sum(one * one for one in off) / (len(values) - 2) / wide) ** 0.5
    return line.slope, 1.96 * error


async def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text) / "town"
        async with town.workspace(folder, town.Shape(mode="socket", port=port)) as (sandbox, config):
            settings = yaml.safe_load(config.read_text())
            token = keep_secrets(folder, webhook_token=TOKEN)
            settings["integrations"]["alertmanager"] = {"type": "alertmanager", "url": "http://127.0.0.1:9", **token}
            settings["alerts"] = {"channel": "checkout", "poll": "1h"}
            config.write_text(yaml.safe_dump(settings, sort_keys=False))
            async with town.serving(config, port) as pid, aiohttp.ClientSession() as http:
                found = []
                for number in range(ROUNDS):
                    for one in range(EACH):
                        words = {"user": "mia", "channel": "checkout", "command": "/shipmate"}
                        asked = {**words, "text": WORDS[one % len(WORDS)]}
                        async with http.post(f"{sandbox.url}/_sandbox/commands", json=asked) as answer:
                            assert answer.ok, await answer.text()
                        if one % 5 == 0:
                            url = f"http://127.0.0.1:{port}/hooks/alertmanager"
                            bearer = {"Authorization": f"Bearer {TOKEN}"}
                            async with http.post(url, json=notification(one // 5), headers=bearer) as answer:
                                assert answer.status == 204, await answer.text()
                    found.append(memory_mib(pid))
                    print(f"{(number + 1) * EACH:>7} {found[-1]:8.1f} MiB", flush=True)
    late = found[len(found) // 2 :]
    per_round, half = slope(late)
    scale = 1024 * 1000 / (EACH * 1.2)
    print(f"second half: {spread(late, '{:.1f}')} MiB; {per_round * scale:.0f} ± {half * scale:.0f} KiB per 1,000")
    verdict("growth per 1,000 pieces of traffic, KiB, lower end", [(per_round - half) * scale], LIMIT)


if __name__ == "__main__":
    asyncio.run(main())

"""The time from a stage's change to the edit of the card: from the commit to its arrival at the workspace.

A deployment runs whose job announces a stage every second and a half, so that the channel is quiet. Each change of
the card is timed from its commit; changes that come within a second of the one before are left out, they wait for
Slack's pace. The limit: p50 under 300 ms. `edits.py [DEPLOYMENTS]`.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import town
from measuring import percentile, verdict

DEPLOYMENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
STAGES = 8
QUIET = 1.0
JOB = f"for n in $(seq {STAGES}); do echo ::stage part $n; sleep 1.5; done"


async def main() -> None:
    commits: list[float] = []
    arrivals: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        shape = town.Shape(deploy=("/bin/sh", "-c", JOB))
        async with town.running(Path(folder) / "town", shape=shape) as (app, sandbox):
            outbox = app.slack.outbox
            show = outbox.show

            async def timed(tx, subject, channel, message, **more) -> None:
                await show(tx, subject, channel, message, **more)
                tx.after_commit(lambda: commits.append(time.perf_counter()))

            outbox.show = timed
            with sandbox.platform.changes.listen() as queue:

                async def watch() -> None:
                    while (change := await queue.get()) is not None:
                        if change["kind"] == "message":
                            arrivals.append(time.perf_counter())

                watching = asyncio.create_task(watch())
                for number in range(DEPLOYMENTS):
                    await deploy(app, f"svc{number}")
                watching.cancel()
    taken = waits(commits, arrivals)
    assert len(taken) >= DEPLOYMENTS * STAGES // 2, (len(commits), len(arrivals), len(taken))
    print(f"{len(commits)} changes, {len(taken)} on a quiet channel; p99 {percentile(taken, 0.99):.0f} ms\n")
    verdict("from a stage's change to its edit, p50, ms", taken, 300)


async def deploy(app: town.App, service: str) -> None:
    """Deploy a service and wait until that has ended."""
    headers = {"Authorization": f"Bearer {town.TERMINAL_TOKEN}"}
    url = f"http://127.0.0.1:{app.web.port}/api/do?wait=1"
    wish = {"text": f"deploy {service}@1.4.2 to staging"}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=wish) as answer:
        told = await answer.text()
    assert ": done" in told.splitlines()[-1], told


def waits(commits: list[float], arrivals: list[float]) -> list[float]:
    """Return, in ms, how long each change that nothing came shortly before waited for the next arrival."""
    found = []
    for before, at in zip([0.0, *commits], commits, strict=False):
        nearest = max((one for one in arrivals if one < at), default=0.0)
        following = next((one for one in arrivals if one >= at), None)
        if following is not None and at - before > QUIET and at - nearest > QUIET:
            found.append((following - at) * 1000)
    return found


asyncio.run(main())

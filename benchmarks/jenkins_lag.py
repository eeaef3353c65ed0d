"""How late the event loop is while 50 slow calls to Jenkins are in flight, against the same loop doing nothing.

A stand-in for Jenkins, in a process of its own, answers each request after a second. Fifty callers ask it for a run
with its stages without pause, each call in a thread of the adapter; meanwhile the loop is timed: how much later than
asked does a pause of 5 ms end. The limit: p99 under 20 ms. `jenkins_lag.py [SECONDS]`.
"""

import asyncio
import sys
import time
from pathlib import Path

from measuring import REPETITIONS, ROOT, percentile, server, verdict

sys.path.insert(0, str(ROOT))

from integrations.capabilities.builds import BuildRequest
from integrations.contract import Resources
from integrations.jenkins.client import Jenkins
from integrations.jenkins.settings import JenkinsSettings
from tests.servers.jenkins import JenkinsServer, text

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] != "serve" else 5.0
CALLS = 50
PAUSE = 0.005
ANSWERED_AFTER = 1.0


class SlowJenkins(JenkinsServer):
    """Answers late."""

    async def _receive(self, request):
        await asyncio.sleep(ANSWERED_AFTER)
        return await super()._receive(request)


async def serve() -> None:
    """Be the stand-in until killed; the first line says where it is."""
    async with SlowJenkins() as server:
        server.add_job("shop", kind="pipeline", parameters=[text("SHIPMATE_REQUEST_ID")], script=work)
        print(server.url, server.token, flush=True)
        await asyncio.Event().wait()


async def work(build) -> None:
    for number in range(20):
        async with build.stage(f"part {number}"):
            build.say("working")
    await asyncio.Event().wait()


async def lags(seconds: float) -> list[float]:
    """Return how late (ms) each pause ended."""
    found = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        await asyncio.sleep(PAUSE)
        found.append((time.perf_counter() - began - PAUSE) * 1000)
    return found


async def main() -> None:
    async with server(str(Path(__file__).resolve()), "serve") as slow:
        url, token = slow.line.split()
        settings = JenkinsSettings.model_validate(
            {"url": url, "username": "bot", "token": token, "threads": CALLS, "timeout": 30}
        )
        jenkins = Jenkins("jenkins", settings, Resources(state_dir=""))
        request = BuildRequest(request_id="r", job="shop", project="shop", sha="", version="1")
        ref = await jenkins.start_build(request)
        answered = 0

        async def call() -> None:
            nonlocal answered
            while True:
                await jenkins.get_run(ref)
                answered += 1

        idle, busy = [], []
        for repetition in range(REPETITIONS + 1):
            quiet = await lags(SECONDS)
            calls = [asyncio.create_task(call()) for _ in range(CALLS)]
            under_way = await lags(SECONDS)
            for one in calls:
                one.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            if repetition:
                idle.append(percentile(quiet, 0.99))
                busy.append(percentile(under_way, 0.99))
        await jenkins.close()
    print(f"{answered} calls of two requests were answered, {CALLS} in flight at any time")
    print(f"idle loop, p99, ms: {', '.join(f'{one:.1f}' for one in idle)}\n")
    verdict(f"loop lag with {CALLS} slow calls in flight, p99, ms", busy, 20)


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else main())

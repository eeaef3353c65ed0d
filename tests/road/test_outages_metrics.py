"""Prometheus is away, slow, or talks nonsense in the middle of a verification; or the service dies in it."""

import asyncio
import contextlib
import json

import psutil
import pytest
import pytest_asyncio
from aiohttp import web

from bot.demo.surroundings import free_port
from tests.road.shop import Shop, Wishes, town_with
from tests.road.town import buttons, words

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

GOOD_LOOKS = 2
WAYS = ("html", "failing", "slow", "cut")


class Tower:
    """A Prometheus that answers well at first; then each path has its own way to fail, until `well` is set.

    Source of the good answer: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
    """

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.closing = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{way}/api/v1/{rest:.*}", self.answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.closing.set()
        await self._runner.cleanup()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        way = request.match_info["way"]
        self.asked[way] = self.asked.get(way, 0) + 1
        if self.asked[way] <= GOOD_LOOKS:
            return web.json_response(
                {
                    "status": "success",
                    "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, "0.001"]}]},
                }
            )
        if way == "html":
            return web.Response(text="<html><h1>It works!</h1></html>", content_type="text/html")
        if way == "failing":
            return web.Response(status=500, text="internal error <!channel>")
        if way == "slow":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(30):
                    await self.closing.wait()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


def verified_by(instance: str) -> Wishes:
    """Return a service whose staging is verified by a metric."""
    metric = {"name": "errors", "with": instance, "query": 'errors{service="{service}"}', "max": 0.01, "unit": "ratio"}
    verify = {"window": "1600ms", "interval": "200ms", "metrics": [metric], "failures_allowed": 1}
    return Wishes(staging={"verify": verify, "rollback": "automatic"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tower():
    built = Tower()
    await built.start()
    yield built
    await built.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory, tower):
    folder = tmp_path_factory.mktemp("town")
    dying = Wishes(
        staging={
            "verify": {
                "window": "5s",
                "interval": "200ms",
                "probes": [{"url": "http://127.0.0.1:%PORT%/healthz"}],
                "failures_allowed": 0,
            },
            "rollback": "automatic",
        }
    )

    def then(settings):
        for way in WAYS:
            url = f"http://127.0.0.1:{tower.port}/{way}"
            settings["integrations"][f"prom-{way}"] = {"type": "prometheus", "url": url, "timeout": 0.5}

    wanted = {way: verified_by(f"prom-{way}") for way in WAYS} | {"dying": dying}
    async with town_with(folder, wanted, then) as built:
        yield built


async def test_prometheus_fails_in_the_middle_and_a_person_decides(town, tower):
    """Whatever way it fails: some good values are no verification, nothing is rolled back for it, both buttons work."""
    shops = [Shop(town, way) for way in WAYS]
    for shop in shops:
        await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    for shop in shops:
        card = await shop.card("1.4.1", "staging", "could not be verified")
        assert tower.asked[shop.name] > GOOD_LOOKS
        assert "Could not be verified: errors" in words(card)
        assert "<!channel>" not in json.dumps(card["blocks"])
        assert "Keep it" in buttons(card)
        assert await shop.runs("staging") == "1.4.1"
        await shop.besides(card, "could not be verified", "@", "Could not be verified: errors")
    for shop in shops:
        card = await shop.card("1.4.1", "staging", "could not be verified")
        await shop.press("mia", card, "Keep it")
        done = await shop.card("1.4.1", "staging", ": done")
        assert done["ts"] == card["ts"]
        assert "Kept by @mia, not verified" in words(done)

    shop = shops[0]
    await shop.slash("mia", "/deploy {}@1.4.2 to staging")
    card = await shop.card("1.4.2", "staging", "could not be verified")
    await shop.press("mia", card, "Roll back to 1.4.1")
    await shop.card("1.4.2", "staging", "rolled back to 1.4.1")
    assert await shop.runs("staging") == "1.4.1"


async def test_the_service_dies_again_and_again_while_it_is_verified(town):
    """Its process is killed under our eyes, and what was started instead too: it goes back by itself."""
    shop = Shop(town, "dying")
    await shop.deploy("1.4.1")
    await shop.slash("mia", "/deploy {}@1.4.2 to staging")
    card = await shop.card("1.4.2", "staging", "being verified")
    first = await town.until(lambda: process_of(shop), "the service's process")
    first.kill()

    async def another() -> psutil.Process | None:
        found = await process_of(shop)
        ended = "being verified" not in words(await shop.card("1.4.2", "staging"))
        return found if found is not None and (ended or found.pid != first.pid) else None

    second = await town.until(another, "the service is started again, or gone back")
    if "being verified" in words(await shop.card("1.4.2", "staging")):
        second.kill()
    back = await shop.card("1.4.2", "staging", "rolled back to 1.4.1")
    assert back["ts"] == card["ts"]
    assert "Verification failed: probe failed" in words(back)
    assert await shop.runs("staging") == "1.4.1"
    await shop.see("D-", "1.4.2 → staging: rolled back to 1.4.1. Verification failed")


async def process_of(shop: Shop) -> psutil.Process | None:
    """Return the process that serves a shop's staging, None while there is none."""
    port = shop.town.settings["integrations"]["local"]["places"][f"{shop.name}/staging"]["port"]
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if words[-1:] == [str(port)] and words[-2].endswith("app.py"):
                return process
    return None


async def test_the_real_prometheus_stops_and_comes_back(tmp_path, prometheus_server):
    """Stopped before the verification looks at it, nothing is known; started again, the next deployment succeeds."""
    ports = {"staging": free_port()}
    server = await asyncio.to_thread(prometheus_server, {"checkout": [f"127.0.0.1:{ports['staging']}"]})
    metric = {"name": "up", "with": "prom", "query": 'min(up{job="checkout"})', "min": 1.0}
    verify = {"window": "2s", "interval": "250ms", "metrics": [metric], "failures_allowed": 1}

    def then(settings):
        settings["integrations"]["prom"] = {"type": "prometheus", "url": server.url, "timeout": 2}
        settings["integrations"]["local"]["places"]["real/staging"]["port"] = ports["staging"]

    async with town_with(tmp_path, {"real": Wishes(staging={"verify": verify})}, then) as town:
        shop = Shop(town, "real")
        await asyncio.to_thread(server.stop)
        await shop.slash("mia", "/deploy {}@1.4.1 to staging")
        card = await shop.card("1.4.1", "staging", "could not be verified")
        assert "prom does not answer" in words(card)
        await asyncio.to_thread(server.restart)
        await asyncio.to_thread(server.until, 'min(up{job="checkout"}) == 1')
        await shop.press("mia", card, "Keep it")
        await shop.card("1.4.1", "staging", ": done")
        await shop.slash("mia", "/deploy {}@1.4.2 to staging")
        done = await shop.card("1.4.2", "staging", ": done")
        assert "Verified: up 1" in words(done)

"""A switch on this machine is asked while Shipmate works, and only then; what goes wrong is seen in its health."""

import asyncio
from datetime import timedelta

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot.app.heartbeat import Heartbeat
from bot.clock import SystemClock
from bot.settings import Settings, SettingsError, load
from bot.settings.model import HeartbeatSettings

SECRET = "5d41402a-bc4b-ping"


class Switch:
    """A dead man's switch that notes who asked, and answers as a test wants."""

    def __init__(self):
        self.url = ""
        self.asked: list[str] = []
        self.status = 200
        self.silent = asyncio.Event()
        self.silent.set()

    async def ping(self, request):
        self.asked.append(request.method)
        await self.silent.wait()
        return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:1/"})


@pytest.fixture
async def switch():
    made = Switch()
    app = web.Application()
    app.router.add_route("*", f"/{SECRET}", made.ping)
    async with TestServer(app) as server:
        made.url = str(server.make_url(f"/{SECRET}"))
        yield made


def heart(url, *, why="", method="GET", every=60.0):
    heartbeat = HeartbeatSettings.model_construct(url=SecretStr(url), every=timedelta(seconds=every), method=method)
    settings = Settings().model_copy(update={"heartbeat": heartbeat})

    async def why_not():
        if why == "hangs":
            await asyncio.Event().wait()
        return why

    return Heartbeat(lambda: settings, SystemClock(), why_not)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_it_is_told_while_all_is_well(switch, method):
    beats = heart(switch.url, method=method)
    assert (await beats.health()).detail == "not told yet"
    await beats.beat()
    health = await beats.health()
    assert switch.asked == [method]
    assert health.ok
    assert health.detail.startswith("last told at ")


async def test_nothing_is_told_while_something_is_not_well(switch):
    beats = heart(switch.url, why="the store cannot be written: disk full")
    await beats.beat()
    await beats.beat()
    health = await beats.health()
    assert switch.asked == []
    assert not health.ok
    assert health.detail == "failed 2 times: the store cannot be written: disk full; not told yet"


async def test_a_shipmate_that_hangs_is_not_alive(switch, monkeypatch):
    monkeypatch.setattr("bot.app.heartbeat.DEADLINE", 0.05)
    beats = heart(switch.url, why="hangs")
    await beats.beat()
    assert switch.asked == []
    assert "did not answer" in (await beats.health()).detail


@pytest.mark.parametrize(("status", "said"), [(404, "answers 404"), (500, "answers 500"), (302, "answers 302")])
async def test_a_switch_that_says_no_is_seen_and_its_address_is_not(switch, status, said):
    switch.status = status
    beats = heart(switch.url)
    await beats.beat()
    health = await beats.health()
    assert not health.ok
    assert said in health.detail
    assert SECRET not in health.detail
    switch.status = 200
    await beats.beat()
    assert (await beats.health()).ok


async def test_one_that_is_slow_or_away_breaks_nothing(switch):
    switch.silent.clear()
    slow = heart(switch.url, every=0.1)
    await slow.beat()
    assert "gave no answer" in (await slow.health()).detail
    switch.silent.set()
    for url in ("http://127.0.0.1:1/", "http://[broken/", "https://"):
        away = heart(url)
        await away.beat()
        assert not (await away.health()).ok


async def test_without_an_address_nothing_is_asked():
    beats = heart("", why="not asked for")
    await beats.beat()
    assert await beats.health() == await heart("").health()


@pytest.mark.parametrize(
    ("given", "said"),
    [({"url": "ftp://x.example/"}, "begins with https"), ({"url": "https://x.example/", "every": "1s"}, "10s at most")],
)
def test_mistakes_are_told(tmp_path, given, said):
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump({"heartbeat": given}))
    with pytest.raises(SettingsError, match=said):
        load(path, {})

"""Calendars over HTTP, from a real server: good ones, and whatever else may answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from bot.app.oncall import fetch, follow_calendars
from bot.health import HealthChecks
from bot.oncall import feeds as feeds_module
from bot.oncall.calendars import MOST_BYTES, Unreadable, events_of
from bot.oncall.oncall import OnCall
from tests.deployments.rig import TOM
from tests.oncall.rig import BERLIN, PRIMARY, Rig, at, up
from tests.oncall.test_calendars import HEAD, SERIES, WINDOW, feed

SECRET = "s3cret-of-the-feed"


class FeedServer:
    """Serves one calendar as `answer` says, and notes what it was asked."""

    def __init__(self) -> None:
        self.answer = "good"
        self.body = feed(SERIES)
        self.marks: list[str] = []
        self.elsewhere = 0
        self.url = ""
        self.let_go = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.marks.append(request.headers.get("If-None-Match", ""))
        if self.answer == "slow":
            await self.let_go.wait()
        if self.answer == "endless":
            return await self._endless(request)
        if self.answer == "redirect":
            raise web.HTTPFound(f"/elsewhere/{SECRET}")
        if self.answer.isdigit():
            return web.Response(status=int(self.answer), text=f"no {SECRET}")
        if self.answer == "mark" and self.marks[-1] == '"one"':
            return web.Response(status=304)
        body = b"<html>sign in</html>" if self.answer == "garbage" else self.body
        return web.Response(body=body, headers={"ETag": '"one"'} if self.answer == "mark" else {})

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(HEAD.encode())
        while True:
            await answer.write(b"X-NOTHING:" + b"x" * 65536 + b"\r\n")

    async def other(self, _request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response(body=self.body)


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    made = FeedServer()
    app = web.Application()
    app.router.add_get("/{name}.ics", made.serve)
    app.router.add_get("/elsewhere/{name}", made.other)
    async with TestServer(app) as running:
        made.url = str(running.make_url(""))
        yield made
        made.let_go.set()


@pytest.fixture
async def rig(tmp_path: Path, server: FeedServer) -> AsyncIterator[Rig]:
    async with up(tmp_path, now="2026-03-24 08:00", engine=False, schedules=schedules(server)) as made:
        made.oncall = over_http(made)
        yield made


def schedules(server: FeedServer, name: str = SECRET) -> dict[str, Any]:
    calendar = {"name": "duty", "url": f"{server.url.rstrip('/')}/{name}.ics", "every": "5m"}
    return {"primary": {**PRIMARY, "calendars": [calendar]}}


def over_http(rig: Rig) -> OnCall:
    """Return on call of a process that reads calendars as the bot does, and knows nothing yet."""
    return OnCall(replace(rig.oncall_parts(), fetch=lambda url, etag: fetch(rig.settings, url, etag)))


async def tom_is(rig: Rig) -> bool:
    found = await rig.oncall.now("primary", at("2026-03-24 10:00"))
    return found is not None and found.people == (TOM,)


async def test_a_good_one_counts_and_its_mark_spares_reading_it_again(rig: Rig, server: FeedServer):
    server.answer = "mark"
    await rig.oncall.feeds.read_due()
    assert await tom_is(rig)
    rig.clock.ahead += timedelta(minutes=6)
    await rig.oncall.feeds.read_due()
    assert server.marks == ["", '"one"']
    assert await tom_is(rig)
    plan = await rig.oncall.plan("primary")
    assert plan is not None
    assert plan.warnings == ()


async def test_the_mark_of_one_address_is_not_shown_to_another(rig: Rig, server: FeedServer):
    server.answer = "mark"
    await rig.oncall.feeds.read_due()
    server.body = feed()
    rig.configure(**schedules(server, "another"))
    await rig.oncall.feeds.read_due()
    assert server.marks == ["", ""], "it is read at once, and whole"
    assert not await tom_is(rig)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("garbage", "this is no iCalendar feed"),
        ("endless", f"the answer is over {MOST_BYTES} bytes"),
        ("redirect", "points elsewhere"),
        ("slow", "could not be read within"),
        ("304", "answers 304"),
        ("401", "credentials"),
        ("500", "answers 500"),
    ],
)
async def test_what_is_no_calendar_leaves_the_last_good_copy_and_is_told(
    rig: Rig, server: FeedServer, monkeypatch: pytest.MonkeyPatch, answer: str, said: str
):
    await rig.oncall.feeds.read_due()
    server.answer = answer
    if answer == "slow":
        monkeypatch.setattr(feeds_module, "PATIENCE", 0.2)
    rig.clock.ahead += timedelta(minutes=6)
    await rig.oncall.feeds.read_due()
    assert await tom_is(rig)
    (problem,) = await rig.oncall.feeds.problems()
    assert said in problem
    assert "what counts was read at 2026-03-24" in problem
    assert SECRET not in problem
    assert server.elsewhere == 0


async def test_health_tells_of_calendars_that_cannot_be_read(rig: Rig, server: FeedServer):
    class Running:
        """As much of the running bot as this needs."""

        settings, oncall, health = rig.settings, rig.oncall, HealthChecks(rig.clock)

    app: Any = Running()
    server.answer = "500"
    follow_calendars(app)
    try:
        await rig.oncall.feeds.read_due()
        found = (await app.health.ask())["calendars"]
        assert (found.ok, "primary, Calendar duty: " in found.detail) == (False, True)
        server.answer = "good"
        rig.clock.ahead += timedelta(minutes=6)
        await rig.oncall.feeds.read_due()
        assert (await app.health.ask())["calendars"].ok
        rig.configure(primary=PRIMARY)
        app.settings = rig.settings
        follow_calendars(app)
        assert app.health.names() == ()
    finally:
        await rig.oncall.feeds.stop()


async def test_no_calendar_is_parsed_within_a_transaction(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    await rig.oncall.feeds.read_due()
    parsed: list[bool] = []
    inside = [False]

    def watched(*args: Any) -> Any:
        parsed.append(inside[0])
        return events_of(*args)

    monkeypatch.setattr(feeds_module, "events_of", watched)
    again = over_http(rig)  # a process that was just started
    async with rig.store.write() as tx:
        inside[0] = True
        with pytest.raises(feeds_module.NotParsed):
            await again.plan("primary", tx.conn)
        inside[0] = False
    assert await asyncio.gather(*(again.plan("primary") for _ in range(5)))
    assert parsed == [False], "five who ask at once wait for one"
    async with rig.store.write() as tx:
        inside[0] = True
        plan = await again.plan("primary", tx.conn)
        inside[0] = False
    assert plan is not None
    assert plan.events
    assert parsed == [False]


async def test_what_was_gathered_before_a_crash_is_gathered_again(rig: Rig):
    """The process after it knows no calendar yet, and who was looked for may not be on call any more."""
    changes = rig.oncall.changes
    first = await changes.look("primary")
    async with rig.store.write() as tx:
        await changes.tell(tx, "primary", first)
    assert (await rig.standing()).people != ()
    await rig.oncall.feeds.read_due()
    rig.clock.ahead += at("2026-03-24 09:30") - rig.clock.now()
    look = await changes.look("primary")
    assert look.people == (TOM,)
    for process, late in ((over_http(rig), 0), (rig.oncall, 5)):
        rig.clock.ahead += timedelta(minutes=late)
        async with rig.store.write() as tx:
            await process.changes.tell(tx, "primary", look)
        assert (await rig.standing()).people != (TOM,)
    look = await changes.look("primary")
    async with rig.store.write() as tx:
        await changes.tell(tx, "primary", look)
    assert (await rig.standing()).people == (TOM,)
    assert len(await rig.posts()) == 1


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=1",
        "FREQ=HOURLY;BYMINUTE=0,30",
        f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE=0,1",
    ],
)
def test_what_would_take_hours_to_write_out_is_refused(rule: str):
    event = (
        "BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Tom\r\n"
        f"DTSTART:19700101T000000Z\r\nDTEND:19700101T000001Z\r\nRRULE:{rule}\r\nEND:VEVENT\r\n"
    )
    with pytest.raises(Unreadable, match="more often than every hour"):
        events_of(feed(event), BERLIN, *WINDOW)

"""The identity provider as the network has it: down, slow, wrong, changing its keys."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from bot.clock import SystemClock
from bot.deployments.rules import State
from bot.errors import Degraded
from bot.settings import Settings
from bot.signin import provider as module
from bot.signin.provider import Provider
from bot.signin.tokens import TokenRefused
from tests.identity.conftest import ANA
from tests.identity.program import CLIENT


class Clock(SystemClock):
    def __init__(self):
        self.ahead = 0.0

    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return super().monotonic() + self.ahead


def provider_at(issuer, clock=None):
    settings = Settings.model_validate({"identity": {"issuer": issuer, "client_id": CLIENT}})
    return Provider(lambda: settings, clock or Clock())


@asynccontextmanager
async def answering(answer):
    """Serve what `answer(base, path)` returns for each path."""
    asked = []

    async def handle(request):
        asked.append(request.path)
        found = answer(f"http://127.0.0.1:{urlsplit(str(request.url)).port}", request.path)
        return (await found, web.Response())[1] if asyncio.iscoroutine(found) else found

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def document(base, **changed):
    endpoints = dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), f"{base}/x")
    return {"issuer": base, **endpoints, **changed}


@pytest.mark.parametrize(
    "answer",
    [
        lambda _base, _path: web.Response(text="<html>Sign in to the guest Wi-Fi</html>", content_type="text/html"),
        lambda _base, _path: web.Response(status=503, text="{}"),
        lambda _base, _path: web.json_response([1]),
        lambda base, _path: web.Response(status=302, headers={"Location": f"{base}/elsewhere"}),
        lambda base, _path: web.json_response(document(base, issuer="https://evil.example")),
        lambda base, _path: web.json_response(document(base, token_endpoint="http://evil.example/token")),
        lambda base, _path: web.json_response(document(base, jwks_uri="")),
        lambda base, _path: web.json_response(document(base, jwks_uri=7)),
    ],
    ids=["html", "503", "a list", "a redirect", "another issuer", "an unsafe endpoint", "no keys", "nonsense"],
)
async def test_what_is_no_discovery_document(answer):
    async with answering(answer) as (issuer, _):
        with pytest.raises(Degraded) as caught:
            await provider_at(issuer).document()
    assert caught.value.code == "identity_away"
    assert issuer in str(caught.value.text)


async def test_nobody_there(unused_port_of_nobody):
    with pytest.raises(Degraded):
        await provider_at(f"http://127.0.0.1:{unused_port_of_nobody}").document()


@pytest.fixture
async def unused_port_of_nobody():
    async with answering(lambda *_: web.Response()) as (issuer, _):
        return urlsplit(issuer).port


async def test_a_provider_that_is_too_slow(monkeypatch):
    monkeypatch.setattr(module, "_DEADLINE", 0.2)
    never = asyncio.Event()
    async with answering(lambda *_: never.wait()) as (issuer, _):
        try:
            with pytest.raises(Degraded):
                await provider_at(issuer).document()
        finally:
            never.set()


async def test_keys_that_are_not_known_are_looked_for_once_a_while(program):
    clock = Clock()
    provider = provider_at(program.issuer, clock)
    asked = []
    get = provider._get

    async def counted(url):
        asked.append(url)
        return await get(url)

    provider._get = counted
    stranger = "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5vYm9keSJ9.e30.AAAA"
    for _ in range(5):
        with pytest.raises(TokenRefused):
            await provider.read(stranger, client_id=CLIENT)
    assert sum("jwks" in url for url in asked) == 1, "the first look was a moment ago"
    clock.ahead += module.KEYS_AGAIN_AFTER + 1
    for _ in range(5):
        with pytest.raises(TokenRefused):
            await provider.read(stranger, client_id=CLIENT)
    assert sum("jwks" in url for url in asked) == 2


async def test_the_provider_may_change_its_keys(desk, program, monkeypatch):
    monkeypatch.setattr(module, "KEYS_AGAIN_AFTER", 0.0)
    first = await desk.asked()
    browser = await desk.proven(ANA, first, "ana")
    await browser.answer("no")
    program.rotate()
    browser = await desk.proven(ANA, first, "ana")
    await browser.answer("yes")
    assert "counted" in browser.words
    await desk.rig.reaches(first.id, State.SUCCEEDED)


async def test_a_provider_that_goes_away_decides_nothing(desk_with, unused_port_of_nobody):
    async with desk_with(issuer=f"http://127.0.0.1:{unused_port_of_nobody}") as desk:
        deployment = await desk.asked()
        browser = desk.browser()
        link = await desk.click(ANA, deployment)
        await browser.go(link)
        assert browser.status == 503
        assert "cannot be used now" in browser.words
        assert await desk.votes(deployment) == 0
        await browser.go(link)
        assert browser.status == 503, "the link is still good for when it is back"


async def test_a_silent_slack_decides_nothing_for_whom_only_slack_knows(desk):
    deployment = await desk.asked()
    desk.crew.silent = True
    browser = await desk.proven(ANA, deployment, "ana")
    assert browser.status == 503
    assert await desk.votes(deployment) == 0
    desk.crew.silent = False
    await (await desk.proven(ANA, deployment, "ana")).answer("no")
    desk.crew.silent = True
    browser = await desk.proven(ANA, deployment, "ana")
    await browser.answer("yes")
    assert "counted" in browser.words, "whose subject is known needs no address from Slack"

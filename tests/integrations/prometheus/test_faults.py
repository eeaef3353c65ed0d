"""Prometheus down, slow, answering HTML, errors or half an answer: told apart by what the caller does next."""

import asyncio
import base64
import contextlib
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from pydantic import ValidationError

from integrations.contract import Resources
from integrations.errors import (
    BadReply,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RateLimited,
    Refused,
    Unavailable,
)
from integrations.prometheus.client import connect
from integrations.prometheus.settings import PrometheusSettings

AT = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = {"status": "success", "data": {"resultType": "scalar", "result": [1772323200, "1"]}}


def failure(kind: str, words: str) -> dict[str, str]:
    return {"status": "error", "errorType": kind, "error": words}


@pytest.fixture
async def serve():
    """Return what starts a server that answers every request as the handler does; returns its base URL."""
    runners = []

    async def start(handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def adapter(tmp_path):
    """Return what connects an adapter to a URL."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(url: str, **settings: object):
            chosen = PrometheusSettings.model_validate({"url": url, "timeout": 5, **settings})
            adapter = await connect("prom", chosen, Resources(state_dir=str(tmp_path)))
            stack.push_async_callback(adapter.close)
            return adapter

        yield start


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, failure("bad_data", "1:5: parse error"), Refused, "1:5: parse error"),
        (422, failure("execution", "too many samples"), Refused, "too many samples"),
        (503, failure("timeout", "query timed out"), Unavailable, "query timed out"),
        (500, failure("internal", "broken"), Unavailable, "broken"),
        (502, "<html>Bad gateway</html>", Unavailable, "502"),
        (401, "", NotAuthenticated, "token"),
        (403, "no", NotPermitted, "may not"),
        (404, "<html>nginx</html>", NotFound, "check `url`"),
        (400, "<html>what?</html>", BadReply, "400"),
        (200, "<html>Sign in</html>", BadReply, "HTML"),
        (200, "", BadReply, "something"),
        (200, [], BadReply, "no Prometheus answer"),
        (200, {"status": "success"}, BadReply, "no Prometheus answer"),
        (200, {"status": "success", "data": {}}, BadReply, "another form"),
        (200, {"status": "success", "data": {"result": [{"metric": {}}]}}, BadReply, "no vector"),
        (200, {"status": "success", "data": {"result": [{"metric": {}, "value": [1, "x"]}]}}, BadReply, "no vector"),
        (200, {"status": "success", "data": {"result": 7}}, BadReply, "no vector"),
        (200, {"status": "success", "data": {"result": [{"metric": {}, "value": [1e300, "1"]}]}}, BadReply, "vector"),
    ],
)
async def test_an_answer_is_told_apart(serve, adapter, status, body, error, words):
    async def handler(_):
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)

    prometheus = await adapter(await serve(handler))
    with pytest.raises(error, match=r"^prom: ") as raised:
        await prometheus.query("up", AT)
    assert type(raised.value) is error
    assert words in str(raised.value)


async def test_a_range_that_is_no_matrix_is_a_bad_reply(serve, adapter):
    async def handler(_):
        return web.json_response({"status": "success", "data": {"result": [{"metric": {}, "values": [[1]]}]}})

    prometheus = await adapter(await serve(handler))
    with pytest.raises(BadReply):
        await prometheus.query_range("up", AT, AT, timedelta(seconds=1))


@pytest.mark.parametrize(("after", "wait"), [("7", 7.0), ("soon", 5.0)])
async def test_being_asked_to_slow_down_says_for_how_long(serve, adapter, after, wait):
    async def handler(_):
        return web.Response(status=429, headers={"Retry-After": after})

    prometheus = await adapter(await serve(handler))
    with pytest.raises(RateLimited) as raised:
        await prometheus.query("up", AT)
    assert raised.value.retry_after == wait


async def test_nothing_listens(adapter):
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        prometheus = await adapter(f"http://127.0.0.1:{probing.getsockname()[1]}")
        with pytest.raises(Unavailable, match="Connection refused"):
            await prometheus.query("up", AT)
        with pytest.raises(Unavailable):
            await prometheus.ping()


async def test_a_server_that_does_not_answer_is_given_up_and_the_loop_goes_on(serve, adapter):
    release = asyncio.Event()

    async def handler(_):
        await release.wait()
        return web.json_response(GOOD)

    prometheus = await adapter(await serve(handler), timeout=0.3)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    beating = asyncio.create_task(beat())
    with pytest.raises(Unavailable, match=r"within 0\.3 s"):
        await prometheus.query("up", AT)
    beating.cancel()
    assert beats > 5
    release.set()


async def test_a_server_that_drips_is_given_up(serve, adapter):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.02)
        return response

    prometheus = await adapter(await serve(handler), timeout=0.4)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="did not end"):
        await prometheus.query("up", AT)
    assert time.monotonic() - began < 20


async def test_a_connection_that_closes_in_the_middle_is_unavailable(serve, adapter):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"status": "succ')
        request.transport.close()
        return response

    prometheus = await adapter(await serve(handler))
    with pytest.raises(Unavailable, match="in the middle"):
        await prometheus.query("up", AT)


async def test_an_answer_over_the_bound_is_refused(serve, adapter):
    async def handler(_):
        return web.Response(text=" " * 100_000)

    prometheus = await adapter(await serve(handler), max_bytes=50_000)
    with pytest.raises(Refused, match="over 50000 bytes"):
        await prometheus.query("up", AT)


async def test_a_redirect_is_not_followed_with_our_credentials(serve, adapter):
    asked = []

    async def elsewhere(request):
        asked.append(request)
        return web.json_response(GOOD)

    there = await serve(elsewhere)

    async def handler(_):
        raise web.HTTPFound(f"{there}/login")

    prometheus = await adapter(await serve(handler), token="t0ken")
    with pytest.raises(BadReply, match="login"):
        await prometheus.query("up", AT)
    assert asked == []


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"username": "ada", "password": "pw"}, "Basic " + base64.b64encode(b"ada:pw").decode()),
        ({}, None),
    ],
)
async def test_what_is_sent(serve, adapter, settings, header, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # the environment of the process must not count
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    seen = []

    async def handler(request):
        seen.append((request.method, request.path, dict(request.query), request.headers.get("Authorization")))
        return web.json_response(GOOD)

    prometheus = await adapter(await serve(handler) + "/prefix/", **settings)
    await prometheus.query("sum(up)", AT)
    method, path, query, authorization = seen[0]
    assert (method, path, authorization) == ("POST", "/prefix/api/v1/query", header)
    assert query == {"query": "sum(up)", "time": "1772323200.000", "timeout": "5s"}
    assert not any("t0ken" in repr(thing) for thing in (prometheus, settings.keys()))


async def test_a_fault_is_over_when_it_is_over(serve, adapter):
    answers = [web.Response(status=500), web.json_response(GOOD)]

    async def handler(_):
        return answers.pop(0)

    prometheus = await adapter(await serve(handler))
    with pytest.raises(Unavailable):
        await prometheus.query("up", AT)
    assert (await prometheus.query("up", AT))[0].value == 1  # and nothing was sent twice


async def test_a_range_of_too_many_points_is_refused_before_it_is_sent(adapter):
    prometheus = await adapter("http://127.0.0.1:9")
    with pytest.raises(Refused, match="over 11000 points"):
        await prometheus.query_range("up", AT, AT + timedelta(days=30), timedelta(seconds=1))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "localhost:9090"}, "http://host:9090"),
        ({"url": "ftp://x"}, "http://host:9090"),
        ({"url": "http://ada:pw@x"}, "credentials"),
        ({"url": "http://x/?a=b"}, "query"),
        ({"url": "http://x", "token": "t", "username": "a", "password": "p"}, "not both"),
        ({"url": "http://x", "username": "a"}, "belong together"),
        ({"url": "http://x", "password": "p"}, "belong together"),
        ({"url": "http://x", "tokn": "t"}, "tokn"),
    ],
)
def test_settings_that_are_wrong_say_how(settings, words):
    with pytest.raises(ValidationError, match=words):
        PrometheusSettings.model_validate(settings)

"""Alertmanager down, slow, answering HTML, errors or half an answer: told apart by what the caller does next."""

import asyncio
import base64
import contextlib
import socket
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from integrations.alertmanager.client import connect
from integrations.alertmanager.settings import AlertmanagerSettings
from integrations.capabilities.alerts import Matcher, Silence
from integrations.contract import Resources
from integrations.errors import (
    BadReply,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SILENCE = Silence(
    id="",
    matchers=(Matcher("a", "b"),),
    starts_at=NOW,
    ends_at=NOW + timedelta(hours=1),
    created_by="mia",
    comment="noise (S-1)",
)


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
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def adapter(tmp_path):
    """Return what connects an adapter to a URL."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(url: str, **settings: object):
            chosen = AlertmanagerSettings.model_validate({"url": url, "timeout": 60, **settings})
            made = await connect("am", chosen, Resources(state_dir=str(tmp_path)))
            stack.push_async_callback(made.close)
            return made

        yield start


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, '"bad matcher format"', Refused, "bad matcher format"),
        (422, '{"code": 601, "message": "filter in query is required"}', Refused, "filter in query"),
        (500, '"broken"', Unavailable, "broken"),
        (502, "<html>Bad gateway</html>", Unavailable, "502"),
        (401, "", NotAuthenticated, "token"),
        (403, "no", NotPermitted, "may not"),
        (404, "<html>nginx</html>", NotFound, "no Alertmanager"),
        (400, "<html>what?</html>", BadReply, "400"),
        (200, "<html>Sign in</html>", BadReply, "HTML"),
        (200, "", BadReply, "something"),
        (200, "{}", BadReply, "another form"),
        (200, "[7]", BadReply, "another form"),
        (200, '[{"labels": {}, "alerts": [], "receiver": null}]', BadReply, "another form"),
        (200, '[{"labels": {}, "alerts": [{"labels": {}}], "receiver": {"name": "x"}}]', BadReply, "another form"),
    ],
)
async def test_an_answer_is_told_apart(serve, adapter, status, body, error, words):
    async def handler(_):
        return web.Response(status=status, text=body, content_type="text/html")

    alertmanager = await adapter(await serve(handler))
    with pytest.raises(error, match=r"^am: ") as raised:
        await alertmanager.alert_groups()
    assert type(raised.value) is error
    assert words in str(raised.value)


@pytest.mark.parametrize("call", ["silences", "running_since", "ping"])
async def test_json_of_another_form_is_a_bad_reply_everywhere(serve, adapter, call):
    async def handler(_):
        return web.json_response([{"id": 7}])

    alertmanager = await adapter(await serve(handler))
    with pytest.raises(BadReply):
        await getattr(alertmanager, call)()


async def test_a_redirect_is_not_followed(serve, adapter):
    async def handler(_):
        return web.Response(status=302, headers={"Location": "http://login.example.org/"})

    alertmanager = await adapter(await serve(handler))
    with pytest.raises(BadReply, match=r"login\.example\.org"):
        await alertmanager.alert_groups()


@pytest.mark.parametrize(("after", "wait"), [("7", 7.0), ("soon", 5.0)])
async def test_being_asked_to_slow_down_says_for_how_long(serve, adapter, after, wait):
    async def handler(_):
        return web.Response(status=429, headers={"Retry-After": after})

    alertmanager = await adapter(await serve(handler))
    with pytest.raises(RateLimited) as raised:
        await alertmanager.alert_groups()
    assert raised.value.retry_after == wait


async def test_a_slow_one_is_given_up_and_a_silence_it_got_is_unknown(serve, adapter):
    over = asyncio.Event()

    async def handler(_):
        await over.wait()
        return web.Response()

    alertmanager = await adapter(await serve(handler), timeout=0.2)
    with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
        await alertmanager.alert_groups()
    with pytest.raises(OutcomeUnknown) as raised:
        await alertmanager.put_silence(SILENCE)
    assert raised.value.request_id == "noise (S-1)"
    over.set()


async def test_one_that_hangs_up_in_the_middle_leaves_the_outcome_unknown(serve, adapter):
    async def handler(request):
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"silence')
        request.transport.close()
        return answer

    alertmanager = await adapter(await serve(handler))
    with pytest.raises(OutcomeUnknown):
        await alertmanager.put_silence(SILENCE)
    with pytest.raises(Unavailable):
        await alertmanager.silences()


async def test_one_that_is_not_there_got_nothing(adapter):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        alertmanager = await adapter(f"http://127.0.0.1:{taken.getsockname()[1]}")
        for call in (alertmanager.ping(), alertmanager.put_silence(SILENCE)):
            with pytest.raises(Unavailable, match="cannot be reached"):
                await call


async def test_an_answer_without_end_is_not_read(serve, adapter):
    async def handler(_):
        return web.Response(body=b"[" + b" " * 4096)

    alertmanager = await adapter(await serve(handler), max_bytes=1024)
    with pytest.raises(Refused, match="over 1024 bytes"):
        await alertmanager.alert_groups()


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"token": "s3cret"}, "Bearer s3cret"),
        ({"username": "am", "password": "pass"}, f"Basic {base64.b64encode(b'am:pass').decode()}"),
        ({}, None),
    ],
)
async def test_credentials_and_the_receiver_are_sent(serve, adapter, settings, sent):
    seen = []

    async def handler(request):
        seen.append((request.path_qs, request.headers.get("Authorization")))
        return web.json_response([])

    alertmanager = await adapter(f"{await serve(handler)}/prefix/", receiver="ship.mate", **settings)
    await alertmanager.alert_groups()
    ((path, authorization),) = seen
    assert path.startswith("/prefix/api/v2/alerts/groups?receiver=")
    assert "ship" in path
    assert authorization == sent


async def test_a_file_of_authorities_that_is_none_is_told(adapter, tmp_path):
    with pytest.raises(Refused, match="cannot be read"):
        await adapter("https://127.0.0.1:1", ca_file=str(tmp_path / "none.pem"))

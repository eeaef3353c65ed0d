"""The edges: who is let in, how much of us anybody may take, and that no door is forgotten."""

import asyncio
import base64
import gzip
import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from bot.clock import SystemClock
from bot.slack.connection import Connection, SlackError
from bot.web import Limits, Web
from tests.hostile.house import SECRETS, SIGNED, House, as_json, open_house, slack_headers, standard
from tests.hostile.payloads import WEBHOOKS

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = Limits(idle=0.5, body=0.5, lingering=0.1, connections=20)
DOORS = {
    "GET /healthz": "anybody; tells the version, nothing else",
    "GET /readyz": "anybody; tells what is missing",
    "GET /metrics": "anybody who reaches the port: figures, no names of people",
    "POST /hooks/{instance}": "the tool's signature or token, 1 MiB",
    "GET /connect/{instance}": "the state of a link that was sent to a person, once",
    "GET /connect/{instance}/callback": "the state, the code and the browser's cookie",
    "POST /connect/{instance}": "the browser's cookie and the form's secret, 8 KiB",
    "GET /sign-in": "the state of a link that was sent to a person, once",
    "GET /sign-in/callback": "the state, the code and the browser's cookie",
    "POST /sign-in/{ident}": "the browser's cookie and the form's secret, 8 KiB",
    "POST /slack/events": "Slack's signature of the last five minutes, 1 MiB",
    "POST /api/do": "a bearer token, 64 KiB",
    "GET /api/identity": "anybody; tells issuer and client, which are public",
}
"""Every route there is: by what somebody is let in, and how much is read of them."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("edges")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def narrow() -> AsyncIterator[Web]:
    """A web server that is soon out of patience, with a door that reads a body."""

    async def ready() -> str:
        return ""

    async def read(request: web.Request) -> web.Response:
        return web.json_response({"bytes": len(await request.read())})

    server = Web(ready, limits=SHORT)
    await server.start("127.0.0.1", 0, [web.post("/read", read)])
    yield server
    await server.stop()


async def raw(port: int, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection and send these pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    return reader, writer


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Return all that comes until the other side closes."""
    async with asyncio.timeout(90):
        return await reader.read()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# ------------------------------------------------------------------------------------------------- how much of us


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: "])
async def test_a_request_that_never_becomes_whole_is_cut_off(narrow: Web, sent: bytes) -> None:
    reader, writer = await raw(narrow.port, sent)
    assert await rest(reader) == b""
    writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 100\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"Content-Length: 9\r\n\r\n",
    ],
    ids=["length", "chunks", "nothing"],
)
async def test_a_body_that_does_not_come_is_given_up(narrow: Web, head: bytes) -> None:
    reader, writer = await raw(narrow.port, b"POST /read HTTP/1.1\r\nHost: x\r\n", head)
    assert status_of(await rest(reader)) == 408
    writer.close()


async def test_a_body_that_trickles_without_end_is_given_up(narrow: Web) -> None:
    reader, writer = await raw(narrow.port, b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def trickle() -> None:
        while True:
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(trickle())
    try:
        async with asyncio.timeout(90):
            assert status_of(await reader.readline()) == 408
    finally:
        dripping.cancel()
        writer.close()


async def test_chunks_without_end_stop_at_the_limit(narrow: Web) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    reader, writer = await raw(narrow.port, b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(chunk * 20)
    async with asyncio.timeout(90):
        assert status_of(await reader.readline()) == 413
    writer.close()


async def test_a_compressed_body_is_refused_as_it_came(narrow: Web) -> None:
    bomb = gzip.compress(b"\0" * 30_000_000)
    head = f"POST /read HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    reader, writer = await raw(narrow.port, head.encode(), bomb)
    async with asyncio.timeout(90):
        assert status_of(await reader.readline()) == 415
    writer.close()


async def test_many_who_say_nothing_do_not_keep_others_out(narrow: Web) -> None:
    silent = [await raw(narrow.port, b"POST /read HTTP/1.1\r\n") for _ in range(SHORT.connections * 3)]
    reader, writer = await raw(narrow.port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status_of(await rest(reader)) == 200
    for _, one in [*silent, (reader, writer)]:
        one.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40,
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
    ],
    ids=["TLS", "line", "many", "field", "negative", "smuggling", "NUL"],
)
async def test_what_is_no_request_is_one_line_of_the_log(house: House, request_: bytes) -> None:
    reader, writer = await raw(house.app.web.port, request_)
    assert status_of(await rest(reader)) == 400
    writer.close()
    assert house.tracebacks() == []


# -------------------------------------------------------------------------------------------------- who is let in


async def test_every_route_is_known_with_what_lets_somebody_in(house: House) -> None:
    assert house.app.web.routes() == sorted(DOORS), "a new route: write down who may use it, and how much it reads"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused(house: House, method: str) -> None:
    for path in ("/hooks/am", "/api/do", "/slack/events", "/sign-in/x"):
        assert (await house.ask(method, path)).status in {404, 405}
    assert (await house.ask(method, "/../etc/passwd")).status in {400, 404}


@pytest.mark.parametrize(
    "path", ["/hooks/../metrics", "/hooks/%2e%2e%2fmetrics", "/hooks/am%00", "/hooks/", "//x/healthz"]
)
async def test_paths_lead_nowhere_else(house: House, path: str) -> None:
    answer = await house.ask("POST", path, data=b"{}")
    assert answer.status in {400, 404, 405}
    assert "shipmate_" not in answer.text


_RAW_HEADERS = ["X-Gitlab-Token", "Authorization", "X-Shipmate-Signature", "webhook-signature", "webhook-id",
                "webhook-timestamp", "X-Shipmate-Token", "X-Twilio-Signature", "X-PagerDuty-Signature"]  # fmt: skip


@pytest.mark.parametrize("instance", sorted(SIGNED))
async def test_nobody_without_the_secret_gets_in(house: House, instance: str) -> None:
    body = as_json(next(iter(WEBHOOKS.get(instance, {"x": {"CallSid": "1"}}).values())))
    genuine = SIGNED[instance](body, f"/hooks/{instance}")
    named = next(name for name in genuine if name in _RAW_HEADERS and not name.endswith(("id", "timestamp")))
    forged = [
        "",
        " ",
        "x",
        genuine[named][:-1],
        genuine[named] + "x",
        genuine[named].swapcase(),
        "v0=",
        "Bearer ",
        "Basic !",
    ]
    for value in forged:
        answer = await house.hook(instance, body, **{named: value})
        assert answer.status == 401, f"{value!r}: {answer}"
    changed = await house.ask("POST", f"/hooks/{instance}", data=io.BytesIO(body + b" "), headers={})
    assert changed.status == 401
    for header in _RAW_HEADERS:
        sent = (
            f"POST /hooks/{instance} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}: ".encode()
            + b"Bearer \xff\xfe"
        )
        reader, writer = await raw(house.app.web.port, sent + b"\r\nContent-Length: 2\r\n\r\n{}")
        assert status_of(await rest(reader)) == 401
        writer.close()
    assert house.tracebacks() == []


async def test_what_is_signed_with_its_time_cannot_be_played_again_later(house: House) -> None:
    body = as_json(WEBHOOKS["post"]["delivery"])
    old = standard(body, at=str(int(time.time()) - 400))
    assert (await house.hook("post", body, **old)).status == 401
    for stamp in ("", "soon", "9" * 40, "-1", "1e9", "١٢٣"):
        told = {name: value for name, value in standard(body, at=stamp or "x").items() if value.isascii()}
        assert (await house.hook("post", body, **told)).status == 401
    now = standard(body, ident="msg_again")
    seen = await house.rows()
    assert [(await house.hook("post", body, **now)).status for _ in range(2)] == [204, 204]
    assert (await house.rows())["webhook_events"] == seen["webhook_events"] + 1
    other = as_json({**WEBHOOKS["post"]["delivery"], "page": "A-2/1/mia"})
    assert (await house.hook("post", other, **now)).status == 401, "the signature of another body"


@pytest.mark.parametrize("stamp", ["0", "x", "", "9" * 4000, "-5", "1.5", "0x10", " "])
async def test_a_time_that_is_none_is_no_signature_of_slack_s(house: House, stamp: str) -> None:
    body = b"command=/where"
    headers = {**slack_headers(body, at=stamp or "0"), "X-Slack-Request-Timestamp": stamp}
    assert (await house.ask("POST", "/slack/events", data=io.BytesIO(body), headers=headers)).status == 401
    assert house.tracebacks() == []


async def test_nothing_of_an_unsigned_body_is_read(house: House) -> None:
    for body in (b"payload=" + b"[" * 200_000, b"\xff\xfe", b"payload=5"):
        headers = {**slack_headers(body), "X-Slack-Signature": "v0=é"}
        answer = await house.ask("POST", "/slack/events", data=io.BytesIO(body), headers=headers)
        assert (answer.status, answer.text) == (401, "the request is not signed by Slack\n")
    assert house.tracebacks() == []


@pytest.mark.parametrize(
    "token", ["", " ", "x" * 5000, SECRETS["TERMINAL_MIA"][:-1], SECRETS["TERMINAL_MIA"].upper(), "a.b.c"]
)
async def test_a_terminal_needs_its_token(house: House, token: str) -> None:
    answer = await house.do(b'{"text": "where"}', token=token)
    assert answer.status in {401, 503}
    assert json.loads(answer.text)["ok"] is False


# ---------------------------------------------------------------------------------------- where an answer is sent to


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "https://evil.example/x", "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x", "https://x:y@hooks.slack.com/x", "http://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x", "file:///etc/passwd", "https://[::1]/x", "https://[bad", "",
        "//hooks.slack.com", "http://127.0.0.1:9/x",
    ],
)  # fmt: skip
async def test_an_answer_goes_to_slack_and_nowhere_else(tmp_path: Path, url: str) -> None:
    connection = Connection(token="xoxb-1", api_url="http://127.0.0.1:1/api/", clock=SystemClock())
    with pytest.raises(SlackError, match="none of Slack's"):
        await connection.respond(url, {"text": "secret"})


async def test_passwords_of_others_are_no_bearer_tokens(house: House) -> None:
    basic = base64.b64encode(f"x:{SECRETS['TERMINAL_MIA']}".encode()).decode()
    answer = await house.ask("POST", "/api/do", data=b'{"text": "where"}', headers={"Authorization": f"Basic {basic}"})
    assert answer.status == 401

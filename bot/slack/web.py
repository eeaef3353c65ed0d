"""HTTP mode: the route that Slack calls. Nothing of a body is read before its signature is checked.

Bolt, which checks the signature once more, reads the body first, and fails on signatures and times that are no text
of Slack's.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_internals import build_async_context
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.clock import Clock
from bot.slack.bolt import kind_of
from bot.slack.shapes import mistake

_log = structlog.get_logger(__name__)

PATH: Final = "/slack/events"
MAX_BODY: Final = 2**20
"""Bytes: Slack's own payloads are far smaller."""
FRESH: Final = 300
"""Seconds that a signed time may be from ours, as Slack recommends."""
_LONGEST_STAMP = 12


def routes(app: AsyncApp, signing_secret: str, clock: Clock) -> list[web.RouteDef]:
    """Return the one route of HTTP mode: commands, interactions, events and menus all arrive here."""

    async def receive(request: web.Request) -> web.Response:
        if not _fresh(request, clock):
            raise web.HTTPUnauthorized(text="the request is not signed, or not just now\n")
        raw = await _body(request)
        if not _signed(request, raw, signing_secret):
            _log.warning("a request is not signed by Slack", remote=request.remote)
            raise web.HTTPUnauthorized(text="the request is not signed by Slack\n")
        body = _text(raw)
        if (attempt := request.headers.get("X-Slack-Retry-Num")) is not None:
            _log.info("Slack repeats a delivery", attempt=attempt, reason=request.headers.get("X-Slack-Retry-Reason"))
        return await to_aiohttp_response(await app.async_dispatch(_read(request, body)))

    return [web.post(PATH, receive)]


def _read(request: web.Request, body: str) -> AsyncBoltRequest:
    """Return the request as Bolt takes it; 400 when its body is no payload of Slack's."""
    try:
        asked = AsyncBoltRequest(body=body, query=request.query_string, headers=dict(request.headers))
        # Bolt takes any form that holds the word "payload" for an interaction, also a command somebody typed.
        if not asked.body and "payload" not in (form := dict(parse_qsl(body, keep_blank_values=True))):
            asked.body = form
            asked.context = build_async_context(AsyncBoltContext({}), form)
        kind = kind_of(asked.body)
    except (AttributeError, TypeError, ValueError, RecursionError):
        raise web.HTTPBadRequest(text="the body is no payload of Slack's\n") from None
    if wrong := mistake(kind, asked.body):
        _log.warning("a payload has another shape than Slack's", kind=kind, mistake=wrong)
        raise web.HTTPBadRequest(text="the body is no payload of Slack's\n")
    return asked


def _fresh(request: web.Request, clock: Clock) -> bool:
    """Tell whether a request says that it was signed just now; what it says is part of what is signed."""
    stamp = request.headers.get("X-Slack-Request-Timestamp", "")
    known = stamp.isascii() and stamp.isdecimal() and len(stamp) <= _LONGEST_STAMP
    return known and abs(clock.now().timestamp() - int(stamp)) <= FRESH


def _signed(request: web.Request, body: bytes, secret: str) -> bool:
    stamp, given = request.headers["X-Slack-Request-Timestamp"], request.headers.get("X-Slack-Signature", "")
    wanted = f"v0={hmac.digest(secret.encode(), f'v0:{stamp}:'.encode() + body, hashlib.sha256).hex()}"
    return bool(secret) and hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


async def _body(request: web.Request) -> bytes:
    """Return the body; 413 as soon as it is over the limit."""
    held = bytearray()
    async for chunk in request.content.iter_any():
        held += chunk
        if len(held) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=len(held))
    return bytes(held)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise web.HTTPBadRequest(text="the body is not UTF-8\n") from None

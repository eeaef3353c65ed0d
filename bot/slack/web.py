"""HTTP mode: the route that Slack calls, with its signature checked and its size bounded.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_internals import build_async_context
from slack_bolt.request.async_request import AsyncBoltRequest

_log = structlog.get_logger(__name__)

PATH = "/slack/events"
MAX_BODY = 2**20
"""Bytes: Slack's own payloads are far smaller."""


def routes(app: AsyncApp) -> list[web.RouteDef]:
    """Return the one route of HTTP mode: commands, interactions, events and menus all arrive here."""

    async def receive(request: web.Request) -> web.Response:
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        if not (stamp.isascii() and stamp.isdecimal()):  # the SDK would fail on it, with a traceback in the log
            raise web.HTTPUnauthorized(text="the request is not signed")
        body = await _body(request)
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
    except (AttributeError, TypeError, ValueError):  # Bolt reads it before it checks who signed it
        raise web.HTTPBadRequest(text="the body is no payload of Slack's") from None
    return asked


async def _body(request: web.Request) -> str:
    """Return the body; 413 as soon as it is over the limit, 400 when it is no text."""
    held = bytearray()
    async for chunk in request.content.iter_any():
        held += chunk
        if len(held) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=len(held))
    try:
        return held.decode()
    except UnicodeDecodeError:
        raise web.HTTPBadRequest(text="the body is not UTF-8") from None

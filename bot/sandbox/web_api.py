"""The Web API's door: reads a request, finds the caller, and answers as Slack does.

Reference: https://docs.slack.dev/apis/web-api
"""

import json
import time
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from bot.sandbox import methods
from bot.sandbox.apps import App
from bot.sandbox.call import METHODS, Call, Method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.platform import Platform

__all__ = ["WebApi", "methods"]

_UNAUTHENTICATED = frozenset(("api.test",))


class WebApi:
    """Serves `/api/<method>`: form, JSON and query arguments; bearer token or `token` argument."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call; always JSON, with HTTP 200 except for rate limits."""
        name = request.match_info["method"]
        started = time.perf_counter()
        args: Json = {}
        app: App | None = None
        status = 200
        headers: dict[str, str] = {}
        try:
            args = await _arguments(request)
            app, body, headers = await self._answer(name, request, args)
        except SlackError as error:
            status, body = error.status, error.body()
            headers = {**headers, **error.headers}
            app = app or self._platform.apps.by_token(_token(request, args))
        self._note(name, app, args, body, started)
        return web.json_response(body, status=status, headers=headers)

    async def _answer(self, name: str, request: web.Request, args: Json) -> tuple[App | None, Json, dict[str, str]]:
        known = METHODS.get(name)
        if known is None:
            raise SlackError("unknown_method", req_method=name)
        token = _token(request, args)
        if not token and name in _UNAUTHENTICATED:
            test = Call(name, self._platform, _nobody(), args)
            return None, {"ok": True, **await known.handler(test)}, {}
        app = self._authenticate(known, token)
        call = Call(name, self._platform, app, args)
        if not known.app_token:
            call.need(*known.scopes)
        wait = self._platform.limits.wait_for_method(app.id, name, known.tier)
        if wait and not name.startswith("chat.post"):
            raise SlackError("ratelimited", status=429, headers={"Retry-After": str(wait)})
        headers = {
            "X-OAuth-Scopes": ",".join(sorted(app.manifest.scopes)),
            "X-Accepted-OAuth-Scopes": ",".join(known.scopes),
        }
        return app, {"ok": True, **await known.handler(call)}, headers

    def _authenticate(self, known: Method, token: str) -> App:
        """Return whose token this is; raises `not_authed`, `invalid_auth`, `token_revoked` and the like."""
        if not token:
            raise SlackError("not_authed")
        app = self._platform.apps.by_token(token)
        if app is None:
            raise SlackError("invalid_auth")
        if token in app.revoked:
            raise SlackError("token_revoked")
        if known.app_token != (token == app.app_token) and known.name not in {"api.test", "auth.test"}:
            raise SlackError("not_allowed_token_type")
        return app

    def _note(self, name: str, app: App | None, args: Json, body: Json, started: float) -> None:
        shown = {key: value for key, value in args.items() if key != "token"}
        elapsed = round((time.perf_counter() - started) * 1000, 3)
        self._platform.log.add(
            "from_app",
            name,
            app.id if app else "",
            ticket=str(args.get("trigger_id") or ""),
            kind="web_api",
            request=shown,
            response=body,
            ms=elapsed,
        )


def _nobody() -> Any:  # noqa: ANN401 - `api.test` works without a caller and reads arguments only
    return None


def _token(request: web.Request, args: Json) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    value = args.get("token")
    return value if isinstance(value, str) else ""


async def _arguments(request: web.Request) -> Json:
    """Return the arguments of a call, from the query and from a form or JSON body."""
    args = _plain(request.query)
    kind = request.content_type
    if request.method != "POST" or not request.body_exists:
        return args
    if kind == "application/json":
        try:
            body = json.loads(await request.text())
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return args | body
    if kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return args | _plain(await request.post())
    raise SlackError("invalid_post_type")


def _plain(values: MultiMapping[Any]) -> Json:
    return {key: value for key, value in values.items() if isinstance(value, str)}

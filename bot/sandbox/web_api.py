"""The Web API's door: reads a request, finds the caller, and answers as Slack does.

Reference: https://docs.slack.dev/apis/web-api
"""

import base64
import binascii
import time
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from bot.sandbox import methods
from bot.sandbox.apps import App
from bot.sandbox.call import METHODS, Call, Method
from bot.sandbox.decoding import decode
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.platform import Platform
from bot.sandbox.tokens import Caller

__all__ = ["WebApi", "methods"]

_FORMS = frozenset(("application/x-www-form-urlencoded", "multipart/form-data"))
_CHARSETS = frozenset(("utf-8", "utf8", "iso-8859-1"))
_HIDDEN = frozenset(("token", "client_secret", "code", "refresh_token"))


class WebApi:
    """Serves `/api/<method>`: form, JSON and query arguments; bearer token or `token` argument."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call; always JSON, with HTTP 200 except for rate limits."""
        name = request.match_info["method"]
        started = time.perf_counter()
        status = 200
        headers: dict[str, str] = {}
        args: Json = {}
        app: App | None = None
        warnings = _charset_warnings(request)
        try:
            args = await _arguments(request, METHODS.get(name))
            caller = self._platform.apps.caller(_token(request, args))
            app = caller.app if caller else None
            known = _known(name)
            headers = _scope_headers(known, caller)
            call = self._call(known, request, args, caller)
            body = {"ok": True, **await known.handler(call)}
            warnings = [*call.warnings, *warnings]
        except SlackError as error:
            status, body = error.status, error.body()
            headers |= error.headers
        self._note(name, app, args, _with_warnings(body, warnings), started)
        return web.json_response(body, status=status, headers=headers)

    def _call(self, known: Method, request: web.Request, args: Json, caller: Caller | None) -> Call:
        """Return the call when its token is good for the method, and the method's tier has room for it."""
        client = _basic(request)
        token = _token(request, args)
        if not known.tokens and not (token and caller):
            return Call(known.name, self._platform, args=args, client=client)
        checked = self._authenticated(known, token, caller)
        call = Call(known.name, self._platform, checked, args, client=client)
        call.need(*known.scopes_for(checked.kind))
        if checked.app is not None:
            wait = self._platform.limits.wait_for_method(checked.app.id, known.name, known.tier)
            if wait and not known.name.startswith("chat.post"):
                raise SlackError("ratelimited", status=429, headers={"Retry-After": str(wait)})
        return call

    def _authenticated(self, known: Method, token: str, caller: Caller | None) -> Caller:
        """Return the caller; raises `not_authed`, `invalid_auth`, `token_revoked` and the like."""
        if not token:
            raise SlackError("not_authed")
        if caller is None:
            raise SlackError("invalid_auth")
        app = caller.app
        if app is not None and token in app.revoked:
            raise SlackError("token_revoked")
        if app is not None and app.id not in self._platform.apps.installed:
            raise SlackError("account_inactive" if caller.kind == "bot" else "invalid_auth")
        if caller.expires is not None and caller.expires <= self._platform.clock():
            raise SlackError("token_expired")
        user = self._platform.workspace.users.get(caller.user)
        if caller.kind == "user" and (user is None or user.deleted):
            raise SlackError("account_inactive")
        if known.tokens and caller.kind not in known.tokens:
            raise SlackError("not_allowed_token_type")
        return caller

    def _note(self, name: str, app: App | None, args: Json, body: Json, started: float) -> None:
        shown = {key: value for key, value in args.items() if key not in _HIDDEN}
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


def _known(name: str) -> Method:
    if name not in METHODS:
        raise SlackError("unknown_method", req_method=name)
    return METHODS[name]


def _scope_headers(known: Method, caller: Caller | None) -> dict[str, str]:
    """Return what Slack says of scopes with every answer (https://docs.slack.dev/apis/web-api)."""
    if caller is None or caller.kind not in {"bot", "user"}:
        return {}
    return {
        "x-oauth-scopes": ",".join(sorted(caller.scopes)),
        "x-accepted-oauth-scopes": ",".join(known.scopes_for(caller.kind)),
    }


def _with_warnings(body: Json, warnings: list[str]) -> Json:
    """Add warnings to an answer as Slack does: the list, and all of them in one string."""
    if warnings:
        body["warning"] = ",".join(warnings)
        body["response_metadata"] = {**body.get("response_metadata", {}), "warnings": warnings}
    return body


def _charset_warnings(request: web.Request) -> list[str]:
    """Return `missing_charset` or `superfluous_charset` (https://docs.slack.dev/reference/methods/api.test#warnings)."""
    if request.method != "POST":
        return []
    has_charset = "charset=" in request.headers.get("Content-Type", "").lower()
    if request.content_type == "application/json" and not has_charset:
        return ["missing_charset"]
    if request.content_type == "application/x-www-form-urlencoded" and has_charset:
        return ["superfluous_charset"]
    return []


def _token(request: web.Request, args: Json) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    value = args.get("token")
    return value if isinstance(value, str) else ""


def _basic(request: web.Request) -> tuple[str, str] | None:
    """Return the client id and secret of HTTP basic authentication, None without."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return user, password


async def _arguments(request: web.Request, known: Method | None) -> Json:
    """Return the arguments of a call, from the query and from a form or JSON body.

    A JSON body of a method that takes none is passed over, as Slack does
    (https://docs.slack.dev/apis/web-api/#post-bodies).
    """
    args = _plain(request.query)
    if request.method != "POST" or not request.body_exists:
        return args
    kind = request.content_type
    if "Content-Type" not in request.headers:
        raise SlackError("missing_post_type")
    if (request.charset or "utf-8").lower() not in _CHARSETS:
        raise SlackError("invalid_charset")
    if kind == "application/json":
        body = await _json(request)
        return args | body if known is None or known.takes_json else args
    if kind in _FORMS:
        return args | await _form(request)
    if kind == "text/plain":
        return args
    raise SlackError("invalid_post_type")


async def _json(request: web.Request) -> Json:
    try:
        body = decode(await request.text())
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body


async def _form(request: web.Request) -> Json:
    try:
        return _plain(await request.post())
    except ValueError:
        raise SlackError("invalid_form_data") from None


def _plain(values: MultiMapping[Any]) -> Json:
    return {key: value for key, value in values.items() if isinstance(value, str)}

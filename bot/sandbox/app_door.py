"""The door that apps come in by: what is away, failing or slow on request, and which exchange each call is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias

from aiohttp import web

from bot.sandbox.faults import Fault
from bot.sandbox.platform import Platform
from bot.sandbox.wire import Scope

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FOR_APPS = ("/api/", "/link/", "/response/", "/upload/", "/files-pri/")
_BROKEN = {
    "http_500": (500, "<html><body>Internal Server Error</body></html>"),
    "http_503": (503, "<html><body>Service Unavailable</body></html>"),
}


class AppDoor:
    """Lets requests of apps in, or has them fail as it was planned."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    @web.middleware
    async def check(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Serve a request of an app as one exchange; everybody else's passes."""
        if not request.path.startswith(_FOR_APPS):
            return await handler(request)
        if self._platform.absence.is_away:
            self._note(request, "away")
            return web.Response(status=503, text="upstream unavailable")
        if request.path.startswith("/link/"):
            return await handler(request)  # a socket lives on; each of its envelopes is an exchange of its own
        scope, started = Scope(), time.perf_counter()
        with self._platform.log.within(scope):
            response = await self._serve(request, handler)
            if not scope.exchange:
                self._note_file(request, response, started)
        self._platform.log.note(scope, http_status=response.status)
        return response

    def _note_file(self, request: web.Request, response: web.StreamResponse, started: float) -> None:
        """Note that an app sent or read a file; the page, which shows it without a token, is no app."""
        token, is_upload = _bearer(request), request.path.startswith("/upload/")
        if not (token or is_upload):
            return
        ident = request.match_info.get("file", "").rpartition("-")[2]
        file = self._platform.workspace.files.get(ident)
        owners = (app for app in self._platform.apps.installed.values() if file and app.bot_user_id == file.user)
        app = self._platform.apps.by_token(token) if token else next(owners, None)
        self._platform.log.add(
            "from_app",
            "upload" if is_upload else "download",
            app.id if app else "",
            kind="file",
            request={"file": ident, "bytes": request.content_length if is_upload else None},
            response={"ok": response.status == HTTPStatus.OK},
            ms=round((time.perf_counter() - started) * 1000, 3),
        )

    async def _serve(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        method = request.match_info.get("method")
        fault = self._platform.faults.for_call(method) if method else None
        if fault is None:
            return await handler(request)
        if (cut := await self._before(fault, request)) is not None:
            self._note(request, fault.kind)
            return cut
        response = await handler(request)
        if (scope := self._platform.log.current) is not None:
            self._platform.log.note(scope, fault=fault.kind)
        return _cut(request) if fault.kind == "lost_reply" else response

    async def _before(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        """Carry out what strikes before the method runs; None when it is to run all the same."""
        if fault.kind == "ratelimited":
            body = {"ok": False, "error": "ratelimited"}
            return web.json_response(body, status=429, headers={"Retry-After": str(fault.retry_after)})
        if fault.kind in _BROKEN:
            status, text = _BROKEN[fault.kind]
            return web.Response(status=status, text=text, content_type="text/html")
        if fault.kind == "timeout":
            await asyncio.sleep(fault.seconds)
            return web.Response(status=504)
        if fault.kind == "drop":
            return _cut(request)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "token_revoked":
            await self._revoke(request)
        return None

    async def _revoke(self, request: web.Request) -> None:
        """Revoke the token this request carries, in its header or in its form."""
        token = _bearer(request)
        if not token and request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            token = str((await request.post()).get("token", ""))
        app = self._platform.apps.by_token(token)
        if app is not None:
            app.revoked.add(token)
            self._platform.faults.revoked.append((app.id, token))

    def _note(self, request: web.Request, fault: str) -> None:
        app = self._platform.apps.by_token(_bearer(request))
        name = request.match_info.get("method") or request.path.split("/")[1]
        self._platform.log.add(
            "from_app", name, app.id if app else "", kind="web_api", request=None, response={"fault": fault}, ms=0
        )


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cut(request: web.Request) -> web.StreamResponse:
    """Cut the caller's connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)

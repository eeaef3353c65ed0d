"""Who may talk to the server: nobody's web page but its own.

The control API needs no password, so a page from elsewhere, open in the same browser, must not reach it: neither by
posting across origins, nor by a name that was made to point at this machine (DNS rebinding).
"""

import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import web
from yarl import URL

_NAMES = frozenset(("localhost",))


class Guard:
    """Refuses requests of foreign pages with HTTP 403; Slack clients send no `Origin` and pass."""

    def __init__(self) -> None:
        """Expect to be bound to a loopback address."""
        self._is_loopback = True
        self._host = ""

    def bound_to(self, host: str) -> None:
        """Note the address the server listens on; on a loopback address only loopback names are answered."""
        self._host = host
        self._is_loopback = _is_loopback(host)

    @web.middleware
    async def check(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let the request pass or refuse it."""
        host = _name(request.host)
        if self._is_loopback and host != self._host and not _is_loopback(host):
            raise web.HTTPForbidden(text=f"this workspace does not answer to the name {host}; use its address")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"{request.scheme}://{request.host}":
            raise web.HTTPForbidden(text="this workspace does not take requests from pages of other origins")
        return await handler(request)


def _name(authority: str) -> str:
    try:
        return URL(f"http://{authority}").host or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host in _NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

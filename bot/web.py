"""The bot's web server: whether it lives, whether it is ready, its metrics, and what others add to it."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.store import StoreUnavailable

BODY_LIMIT: Final = 1024 * 1024
SHUTDOWN_SECONDS: Final = 5.0

Ready = Callable[[], Awaitable[str]]
"""Returns "" when the bot can do its work, else what is missing."""


class Web:
    """One aiohttp server. `ready` is asked on each /readyz."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int, routes: Sequence[web.RouteDef]) -> None:
        """Listen on host and port (0 takes a free one; `port` then says which).

        Raises:
            OSError: the port is taken or not ours to take.
        """
        application = web.Application(client_max_size=BODY_LIMIT)
        application.add_routes(
            [
                web.get("/healthz", self.alive),
                web.get("/readyz", self.readiness),
                web.get("/metrics", self.metrics),
                *routes,
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Take no more requests and let those under way end."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def alive(self, _: web.Request) -> web.Response:
        """Answer 200 as long as the event loop turns."""
        return web.json_response({"status": "alive", "version": version("shipmate")})

    async def readiness(self, _: web.Request) -> web.Response:
        """Answer 200 when the bot can do its work, 503 with the reason otherwise."""
        try:
            missing = await self._ready()
        except StoreUnavailable as error:
            missing = str(error)
        if missing:
            return web.json_response({"status": "not ready", "reason": missing}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(self, _: web.Request) -> web.Response:
        """Answer with Shipmate's own metrics in Prometheus' text format."""
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

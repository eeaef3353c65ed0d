"""The bot's web server: whether it lives, whether it is ready, its metrics, and what others add to it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.endings import end
from bot.store import StoreUnavailable

BODY_LIMIT: Final = 1024 * 1024
SHUTDOWN_SECONDS: Final = 5.0
READY_SECONDS: Final = 3.0
"""How long the store may take to answer before we are not ready."""
_MOST_ASKED: Final = 8

Ready = Callable[[], Awaitable[str]]
"""Returns "" when the bot can do its work, else what is missing."""


class Web:
    """One aiohttp server. `ready` is asked on each /readyz, `held` for why nothing goes on, "" when it does."""

    def __init__(self, ready: Ready, held: Callable[[], str] = lambda: "") -> None:
        self._ready = ready
        self._held = held
        self._runner: web.AppRunner | None = None
        self._asked: set[asyncio.Task[str]] = set()
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
        await end(self._asked)

    async def alive(self, _: web.Request) -> web.Response:
        """Answer 200 as long as the event loop turns."""
        return web.json_response({"status": "alive", "version": version("shipmate")})

    async def readiness(self, _request: web.Request) -> web.Response:
        """Answer 200 when the bot can do its work, 503 with the reason otherwise."""
        asked = asyncio.create_task(self._told_missing(), name="readyz")
        self._asked.add(asked)  # one that hangs is left to end by itself: even its cancellation may take long
        asked.add_done_callback(self._asked.discard)
        done, _ = await asyncio.wait([asked], timeout=READY_SECONDS)
        missing = asked.result() if done else f"the store gives no answer within {READY_SECONDS:g} s"
        if missing:
            return web.json_response({"status": "not ready", "reason": missing}, status=503)
        held = self._held()
        # It has to be reached: who is asked what shall go on answers through it.
        return web.json_response({"status": "held", "reason": held} if held else {"status": "ready"})

    async def _told_missing(self) -> str:
        if len(self._asked) > _MOST_ASKED:
            return "the store gives no answer"
        try:
            return await self._ready()
        except StoreUnavailable as error:
            return str(error)

    async def metrics(self, _: web.Request) -> web.Response:
        """Answer with Shipmate's own metrics in Prometheus' text format."""
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

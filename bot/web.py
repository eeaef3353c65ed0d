"""The bot's web server: whether it lives, whether it is ready, its metrics, and what others add to it.

Anybody may connect, so all is bounded: how long a request may take to arrive, how large it may be, and how many
connections may stand open. aiohttp bounds what a request's first lines hold; it has no time limit for a body.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.endings import end
from bot.store import StoreUnavailable

SHUTDOWN_SECONDS: Final = 5.0
READY_SECONDS: Final = 3.0
"""How long the store may take to answer before we are not ready."""
_MOST_ASKED: Final = 8

Ready = Callable[[], Awaitable[str]]
"""Returns "" when the bot can do its work, else what is missing."""

log = structlog.get_logger()
_server_log = logging.getLogger(f"{__name__}.server")


def _in_a_line(record: logging.LogRecord) -> bool:
    """Let what is no HTTP be logged as one line: anybody can send that, and a traceback says nothing more."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args = "no readable request came from %s: %s", (*_of(record), type(error).__name__)
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.exc_info = record.exc_text = None
    return True


def _of(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else ("somebody",)


_server_log.addFilter(_in_a_line)


class Limits(Struct, frozen=True, kw_only=True):
    """What a client may take of us. Times are in seconds, sizes in bytes.

    `idle` bounds how long a connection may stand without a whole request: the next one's first lines have to be there
    by then. It is longer than what proxies wait for (usually a minute), so that they close first. `body` bounds how
    long the rest of a request may take, `lingering` how long what is left of a refused one is listened to. Above
    `connections` the oldest one that has sent no whole request is closed. How long a line of a header may be, and how
    many there may be, is bounded by aiohttp: 8190 bytes, 128 lines.
    """

    idle: float = 75.0
    body: float = 15.0
    lingering: float = 2.0
    body_bytes: int = 1024 * 1024
    connections: int = 500


class _TooSlow(TimeoutError):
    """A body did not arrive in time."""


class Web:
    """One aiohttp server. `ready` is asked on each /readyz, `held` for why nothing goes on, "" when it does."""

    def __init__(self, ready: Ready, held: Callable[[], str] = lambda: "", *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._ready = ready
        self._held = held
        self._runner: web.AppRunner | None = None
        self._asked: set[asyncio.Task[str]] = set()
        self._server: asyncio.Server | None = None
        self._under_way: dict[object, web.Request] = {}
        self.port = 0

    async def start(self, host: str, port: int, routes: Sequence[web.RouteDef]) -> None:
        """Listen on host and port (0 takes a free one; `port` then says which).

        Raises:
            OSError: the port is taken or not ours to take.
        """
        application = web.Application(client_max_size=self.limits.body_bytes, middlewares=[self._bounded])
        application.add_routes(
            [
                web.get("/healthz", self.alive),
                web.get("/readyz", self.readiness),
                web.get("/metrics", self.metrics),
                *routes,
            ]
        )
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_server_log,
            shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=self.limits.idle,
            lingering_time=self.limits.lingering,
            auto_decompress=False,  # nobody who calls us compresses, and a bomb stays as small as it was sent
        )
        await self._runner.setup()
        self._server = await asyncio.get_running_loop().create_server(self._accept, host, port, backlog=128)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more requests and let those under way end."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await end(self._asked)

    def routes(self) -> list[str]:
        """Return what can be asked, as "METHOD /path", sorted; a HEAD that goes with a GET is left out."""
        known = self._runner.app.router.routes() if self._runner is not None else ()
        return sorted(
            f"{one.method} {one.resource.canonical}" for one in known if one.resource and one.method != "HEAD"
        )

    def _accept(self) -> asyncio.Protocol:
        """Return what speaks with a new client; where there are too many, the oldest that sends nothing whole goes."""
        if self._runner is None or self._runner.server is None:
            raise RuntimeError("a connection came before the server was set up, or after it was taken down")
        server = self._runner.server
        if len(connections := server.connections) >= self.limits.connections:
            waited_for = next((one for one in connections if self._owes_a_request(one)), None)
            if waited_for is not None:
                log.warning("web.crowded", connections=len(connections))
                waited_for.force_close()
        return server()

    def _owes_a_request(self, connection: object) -> bool:
        request = self._under_way.get(connection)
        return request is None or not request.content.is_eof()

    @web.middleware
    async def _bounded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what is compressed or comes too slowly."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise web.HTTPUnsupportedMediaType(text="a compressed body is not taken: send it as it is\n")
        self._under_way[request.protocol] = request
        try:
            with self._hurried(request):
                return await handler(request)
        except _TooSlow:
            log.warning("web.too_slow", path=request.path, remote=request.remote)
            text = f"the body did not arrive within {self.limits.body:g} seconds\n"
            raise web.HTTPRequestTimeout(text=text, headers={"Connection": "close"}) from None
        finally:
            self._under_way.pop(request.protocol, None)

    @contextlib.contextmanager
    def _hurried(self, request: web.Request) -> Iterator[None]:
        """Have who reads the body fail once it has taken too long to come."""
        if request.content.is_eof():
            yield
            return

        def give_up() -> None:
            if not request.content.is_eof():
                request.content.set_exception(_TooSlow())

        timer = asyncio.get_running_loop().call_later(self.limits.body, give_up)
        try:
            yield
        finally:
            timer.cancel()

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

"""Socket Mode: one connection to Slack, kept up whatever happens, with a bound on what is handled at a time.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import logging

import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.clock import Clock
from bot.endings import end
from bot.slack import failures
from bot.slack.connection import Connection

_log = structlog.get_logger(__name__)

AT_ONCE = 64
"""Deliveries handled at a time; more wait their turn (the SDK has no bound of its own)."""
PING_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
ANEW_SECONDS = 20.0
"""Without a connection for so long, the client is made anew: the SDK may be trying a ticket that is used up."""


class SocketLink:
    """Keeps a Socket Mode connection. `connected` says whether deliveries can arrive now, `reason` why they cannot."""

    def __init__(
        self,
        app: AsyncApp,
        connection: Connection,
        clock: Clock,
        *,
        app_token: str,
        ping_seconds: float = PING_SECONDS,
        anew_seconds: float = ANEW_SECONDS,
    ) -> None:
        self._app = app
        self._connection = connection
        self._clock = clock
        self._app_token = app_token
        self._ping_seconds = ping_seconds
        self._anew_seconds = anew_seconds
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._handled: set[asyncio.Task[None]] = set()
        self._client: SocketModeClient | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False
        self.connected = asyncio.Event()
        self.reason = "not connected yet"

    def take_token(self, app_token: str) -> None:
        """Use another app-level token for the next connection; the one that stands goes on."""
        self._app_token = app_token

    async def start(self) -> None:
        """Begin to connect; returns at once, `connected` tells when it is done."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name="slack.socket")

    async def close(self, seconds: float = 5.0) -> None:
        """Take nothing more, finish what is being handled within so many seconds, and disconnect."""
        self._closing = True
        if self._handled:
            await asyncio.wait(set(self._handled), timeout=seconds)
        await end([self._keeper])
        await self._drop()
        await end(self._handled)

    async def _keep(self) -> None:
        """Make a client and watch it; make another when it has not been connected for too long."""
        pause = _FIRST_PAUSE
        while True:
            self._client = self._make()
            connecting = asyncio.ensure_future(self._client.connect_to_new_endpoint(force=True))
            try:
                pause = _FIRST_PAUSE if await self._watch(self._client, connecting) else min(pause * 2, _LONGEST_PAUSE)
            finally:
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)
            _log.warning("no Socket Mode connection: connecting anew", reason=self.reason, pause=pause)
            await self._drop()
            await self._clock.sleep(pause)

    async def _watch(self, client: SocketModeClient, connecting: "asyncio.Future[None]") -> bool:
        """Watch a client until it has failed or was not connected for too long; tell whether it ever was."""
        since = self._clock.monotonic()
        ever = False
        while self._clock.monotonic() - since < self._anew_seconds:
            if await client.is_connected():
                since = self._clock.monotonic()
                ever, self.reason = True, ""
                self.connected.set()
            else:
                self.connected.clear()
                if connecting.done() and not ever and (error := connecting.exception()) is not None:
                    failure = failures.read(error)
                    self.reason = failure.reason if failure is not None else f"{type(error).__name__}: {error}"
                    return False
            if connecting.done():
                await self._clock.sleep(_LOOK_SECONDS)
            else:
                await asyncio.wait({connecting}, timeout=_LOOK_SECONDS)  # who asks at once is told that it stands
        self.reason = "the connection was lost"
        return ever

    def _make(self) -> SocketModeClient:
        client = SocketModeClient(
            app_token=self._app_token,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            web_client=self._connection.client,
            ping_interval=self._ping_seconds,
        )
        client.socket_mode_request_listeners.append(self._arrived)
        return client

    async def _arrived(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        if self._closing:
            return  # not acknowledged: Slack gives it to another connection, or again
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - listeners run in tasks of the SDK
        self._handled.add(task)
        try:
            async with self._slots:
                started = self._clock.monotonic()
                if request.retry_attempt:
                    _log.info("Slack repeats a delivery", attempt=request.retry_attempt, reason=request.retry_reason)
                response = await run_async_bolt_app(self._app, request)
                await send_async_response(client, request, response, started)
        finally:
            self._handled.discard(task)

    async def _drop(self) -> None:
        client, self._client = self._client, None
        self.connected.clear()
        if client is None:
            return
        await client.close()  # type: ignore[no-untyped-call]  # the SDK's has no annotations
        left = [client.message_processor, client.current_session_monitor, client.message_receiver]
        await asyncio.gather(*(one for one in left if one is not None), return_exceptions=True)

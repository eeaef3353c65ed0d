"""Socket Mode, server side: tickets, WebSocket connections, envelopes and their acknowledgements.

Reference: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import logging
import uuid
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
from aiohttp import web

from bot.sandbox.apps import App
from bot.sandbox.changes import Changes
from bot.sandbox.decoding import decode
from bot.sandbox.delivery import Answer, Attempt, Delivery
from bot.sandbox.errors import Json
from bot.sandbox.ids import new_secret
from bot.sandbox.options import Options
from bot.sandbox.wire import Scope, WireLog

_LOG = logging.getLogger(__name__)

MAX_CONNECTIONS = 10
"""How many connections an app may hold open at a time.

One more is let in only to be told `too_many_websockets` (https://github.com/slackapi/node-slack-sdk/issues/1654).
"""

_CLOSE_TIMEOUT = 0.5
_DEBUG_LIFETIME = 360.0
_PING = b"Ping from a local workspace"


@dataclass(eq=False, slots=True)
class Connection:
    """One WebSocket of one app; `pending` maps envelope ids to who waits for the acknowledgement."""

    app_id: str
    socket: web.WebSocketResponse
    request: web.Request
    pending: dict[str, "asyncio.Future[object]"] = field(default_factory=dict)
    is_leaving: bool = False

    def lifetime(self, usual: float) -> float:
        """Return how many seconds it lasts: six minutes where its URL was given `debug_reconnects=true`.

        Reference: https://docs.slack.dev/apis/events-api/using-socket-mode#connect
        """
        return min(usual, _DEBUG_LIFETIME) if self.request.query.get("debug_reconnects") == "true" else usual


class Sockets:
    """Every Socket Mode connection of every app; each envelope goes to one of the app's connections, in turn."""

    def __init__(self, changes: Changes, log: WireLog, options: Options) -> None:
        """Start without connections."""
        self._changes = changes
        self._log = log
        self._options = options
        self._tickets: dict[str, str] = {}
        self._connections: dict[str, list[Connection]] = {}

    def ticket(self, app: App) -> str:
        """Return a ticket that opens one connection (https://docs.slack.dev/reference/methods/apps.connections.open)."""
        ticket = new_secret(40)
        self._tickets[ticket] = app.id
        while len(self._tickets) > 1000:  # noqa: PLR2004 - tickets that were never used are forgotten
            self._tickets.pop(next(iter(self._tickets)))
        return ticket

    def connected(self, app_id: str) -> int:
        """Return how many connections the app holds open."""
        return sum(not connection.is_leaving for connection in self._connections.get(app_id, []))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until either side ends it."""
        app_id = self._tickets.pop(request.query.get("ticket", ""), None)
        if app_id is None:
            return web.Response(status=403, text="this ticket opens no connection")
        socket = web.WebSocketResponse(timeout=_CLOSE_TIMEOUT, max_msg_size=2**20)
        try:
            await socket.prepare(request)
        except ConnectionResetError:
            return web.Response(status=400)  # nobody is there to read it
        connection = Connection(app_id, socket, request)
        if self.connected(app_id) >= MAX_CONNECTIONS:
            await self._part(connection, "too_many_websockets")
            return socket
        await self._serve(connection)
        return socket

    async def _serve(self, connection: Connection) -> None:
        app_id, socket = connection.app_id, connection.socket
        open_now = self._connections.setdefault(app_id, [])
        open_now.append(connection)
        self._changes.publish("app", app_id=app_id, connections=len(open_now))
        care = asyncio.create_task(self._look_after(connection))
        try:
            seconds = connection.lifetime(self._options.socket_lifetime)
            hello = _hello(app_id, self.connected(app_id), int(seconds))
            await self._tell(connection, hello)
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._received(connection, message.data)
        finally:
            care.cancel()
            open_now.remove(connection)
            for waiting in connection.pending.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the connection ended before the acknowledgement"))
            self._note("from_app", app_id, "close", {"code": socket.close_code})
            self._changes.publish("app", app_id=app_id, connections=len(open_now))

    async def _look_after(self, connection: Connection) -> None:
        """Ping a connection, and when it has lived long enough warn it and then ask to renew it."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + connection.lifetime(self._options.socket_lifetime)
        warns = ends - self._options.socket_warning
        for moment, reason in ((warns, "warning"), (ends, "refresh_requested")):
            while True:
                with contextlib.suppress(ConnectionResetError):
                    await connection.socket.ping(_PING)
                left = moment - loop.time()
                if left <= 0:
                    break
                await asyncio.sleep(min(self._options.ping_interval, left))
            await self._part(connection, reason)

    def _received(self, connection: Connection, data: str) -> None:
        try:
            answer = decode(data)
        except ValueError:
            _LOG.warning("a Socket Mode client sent text that is not JSON")
            return
        if not isinstance(answer, dict):
            return
        ident = answer.get("envelope_id")
        waiting = connection.pending.get(ident) if isinstance(ident, str) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

    def _next(self, app_id: str) -> Connection | None:
        """Return the connection whose turn it is; those that are about to be renewed only where there is no other."""
        everyone = self._connections.get(app_id, [])
        alive = [connection for connection in everyone if not connection.socket.closed]
        chosen = next((connection for connection in alive if not connection.is_leaving), alive[0] if alive else None)
        if chosen is not None:
            everyone.remove(chosen)
            everyone.append(chosen)
        return chosen

    async def transmit(self, app: App, delivery: Delivery, attempt: Attempt) -> Answer:
        """Send one envelope over the next connection and wait for its acknowledgement."""
        connection = self._next(app.id)
        if connection is None:
            return Answer("no_connection")
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "payload": delivery.payload,
            "type": delivery.kind,
            "accepts_response_payload": delivery.accepts_response,
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": attempt.number, "retry_reason": attempt.reason}
        waiting: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        connection.pending[envelope["envelope_id"]] = waiting
        try:
            await connection.socket.send_json(envelope)
            if attempt.is_cut:
                _cut(connection)
                return Answer("dropped")
            return Answer("ok", await waiting)
        except ConnectionResetError:
            return Answer("dropped")
        finally:
            connection.pending.pop(envelope["envelope_id"], None)

    async def disconnect(self, reason: str = "refresh_requested", app_id: str | None = None) -> int:
        """Ask apps to connect anew; returns how many connections there were.

        A `warning` comes some seconds before the end and leaves the connection open; every other reason closes it.
        """
        leaving = [c for ident, some in self._connections.items() if app_id in {None, ident} for c in some]
        await asyncio.gather(*(self._part(connection, reason) for connection in leaving))
        return len(leaving)

    async def drop(self) -> int:
        """Cut every connection without a word, as a network does; returns how many there were."""
        cut = [connection for some in self._connections.values() for connection in some]
        for connection in cut:
            _cut(connection)
        return len(cut)

    async def _part(self, connection: Connection, reason: str) -> None:
        connection.is_leaving = True
        message = {"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}}
        await self._tell(connection, message)
        if reason != "warning":
            with contextlib.suppress(ConnectionResetError):
                await connection.socket.close()

    async def _tell(self, connection: Connection, message: Json) -> None:
        self._note("to_app", connection.app_id, str(message["type"]), message)
        with contextlib.suppress(ConnectionResetError):
            await connection.socket.send_json(message)

    def _note(self, direction: Literal["to_app", "from_app"], app_id: str, name: str, message: Json) -> None:
        answer = {"status": "ok", "body": None} if direction == "to_app" else None
        self._log.add(direction, name, app_id, scope=Scope(), kind="socket", request=message, response=answer, ms=0)


def _cut(connection: Connection) -> None:
    connection.is_leaving = True
    if connection.request.transport is not None:
        connection.request.transport.abort()


def _hello(app_id: str, connections: int, seconds: int) -> Json:
    return {
        "type": "hello",
        "num_connections": connections,
        "debug_info": {"host": "local", "build_number": 1, "approximate_connection_time": seconds},
        "connection_info": {"app_id": app_id},
    }

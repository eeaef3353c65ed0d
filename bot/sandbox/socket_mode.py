"""Socket Mode, server side: tickets, WebSocket connections, envelopes and their acknowledgements.

Reference: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import json
import logging
import uuid
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from bot.sandbox.apps import App
from bot.sandbox.changes import Changes
from bot.sandbox.delivery import Delivery
from bot.sandbox.errors import Json
from bot.sandbox.ids import new_secret

_LOG = logging.getLogger(__name__)

MAX_CONNECTIONS = 10
"""How many connections an app may hold open at a time."""

_CONNECTION_TIME = 18060
_CLOSE_TIMEOUT = 0.5


@dataclass(eq=False, slots=True)
class Connection:
    """One WebSocket of one app; `pending` maps envelope ids to who waits for the acknowledgement."""

    app_id: str
    socket: web.WebSocketResponse
    request: web.Request
    pending: dict[str, "asyncio.Future[object]"] = field(default_factory=dict)
    is_leaving: bool = False


class Sockets:
    """Every Socket Mode connection of every app; each envelope goes to one of the app's connections, in turn."""

    def __init__(self, changes: Changes) -> None:
        """Start without connections."""
        self._changes = changes
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
        if self.connected(app_id) >= MAX_CONNECTIONS:
            return web.Response(status=429, text="too many connections")
        socket = web.WebSocketResponse(timeout=_CLOSE_TIMEOUT, max_msg_size=2**20)
        try:
            await socket.prepare(request)
        except ConnectionResetError:
            return web.Response(status=400)  # nobody is there to read it
        connection = Connection(app_id, socket, request)
        open_now = self._connections.setdefault(app_id, [])
        open_now.append(connection)
        self._changes.publish("app", app_id=app_id, connections=len(open_now))
        try:
            with contextlib.suppress(ConnectionResetError):
                await socket.send_json(_hello(app_id, self.connected(app_id)))
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._received(connection, message.data)
        finally:
            open_now.remove(connection)
            for waiting in connection.pending.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionResetError("the connection ended before the acknowledgement"))
            self._changes.publish("app", app_id=app_id, connections=len(open_now))
        return socket

    def _received(self, connection: Connection, data: str) -> None:
        try:
            answer = json.loads(data)
        except json.JSONDecodeError:
            _LOG.warning("a Socket Mode client sent text that is not JSON")
            return
        ident = answer.get("envelope_id") if isinstance(answer, dict) else None
        waiting = connection.pending.get(ident) if isinstance(ident, str) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

    async def transmit(self, app: App, delivery: Delivery, retry_num: int, retry_reason: str) -> tuple[str, object]:
        """Send one envelope over the next connection and wait for its acknowledgement."""
        connections = [c for c in self._connections.get(app.id, []) if not c.is_leaving and not c.socket.closed]
        if not connections:
            return "no_connection", None
        connection = connections[0]
        everyone = self._connections[app.id]
        everyone.remove(connection)
        everyone.append(connection)
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "payload": delivery.payload,
            "type": delivery.kind,
            "accepts_response_payload": delivery.accepts_response,
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": retry_num, "retry_reason": retry_reason}
        waiting: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        connection.pending[envelope["envelope_id"]] = waiting
        try:
            await connection.socket.send_json(envelope)
            return "ok", await waiting
        except ConnectionResetError:
            return "dropped", None
        finally:
            connection.pending.pop(envelope["envelope_id"], None)

    async def disconnect(self, reason: str = "refresh_requested", app_id: str | None = None) -> int:
        """Ask apps to connect anew; returns how many connections there were.

        A `warning` comes some seconds before the end and leaves the connection open for what is still to be
        acknowledged; every other reason closes it.
        """
        leaving = [c for ident, some in self._connections.items() if app_id in {None, ident} for c in some]
        for connection in leaving:
            connection.is_leaving = True
        await asyncio.gather(*(_part(connection, reason) for connection in leaving))
        return len(leaving)

    async def drop(self) -> int:
        """Cut every connection without a word, as a network does; returns how many there were."""
        cut = [connection for some in self._connections.values() for connection in some]
        for connection in cut:
            connection.is_leaving = True
            if connection.request.transport is not None:
                connection.request.transport.abort()
        return len(cut)


async def _part(connection: Connection, reason: str) -> None:
    with contextlib.suppress(ConnectionResetError):
        await connection.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
        if reason != "warning":
            await connection.socket.close()


def _hello(app_id: str, connections: int) -> Json:
    return {
        "type": "hello",
        "num_connections": connections,
        "debug_info": {
            "host": "sandbox",
            "build_number": 1,
            "approximate_connection_time": _CONNECTION_TIME,
        },
        "connection_info": {"app_id": app_id},
    }

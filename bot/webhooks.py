"""POST /hooks/<instance>: verify, parse, and hand the typed event to its domain, once.

Each tool's `wire` module knows its signature and its format; this module knows neither a tool nor a domain. What a
domain writes and the note that the event was seen are one transaction, so a redelivery changes nothing and a
failure lets the sender try again. What a tool signs together with the time is refused when it comes late: a replay
finds its id noted for a week, and after that its time is long over. A tool that reads what it is answered, such as a
telephone call that goes on as we say, is told by its own module.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

import structlog
from aiohttp import web
from msgspec import Struct
from multidict import CIMultiDict
from pydantic import BaseModel

from bot.clock import Clock
from bot.crowd import Crowd, CrowdHandler, seen
from bot.store import Store, StoreUnavailable, Tx, insert
from integrations.contract import PATH, WebhookEvent
from integrations.errors import BadReply

BODY_LIMIT: Final = 1024 * 1024
KEEP: Final = timedelta(days=7)
"""How long it is known which events were taken in: no tool sends one again after that. See `bot.app.pruning`."""
FRESH: Final = timedelta(minutes=5)
"""How far the time that is signed with a delivery may be from ours, as Standard Webhooks recommends."""

log = structlog.get_logger()

EventHandler = Callable[[Tx, WebhookEvent], Awaitable[None]]
"""Takes one event into a domain, in the transaction that also notes that it was seen."""


class Wire(Protocol):
    """What a tool's webhook module has (`integrations/<tool>/wire.py`)."""

    def verify(self, settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:
        """Tell whether the tool sent this. Compares secrets in constant time."""
        ...

    def parse(self, instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
        """Return what it says. Raises: BadReply when it is not of the tool's format."""
        ...


@runtime_checkable
class TimedWire(Wire, Protocol):
    """A tool that signs when it sent something."""

    def sent_at(self, settings: BaseModel, headers: Mapping[str, str]) -> datetime | None:
        """Return when a delivery that was verified says that it was sent, None where that is not signed."""
        ...


@runtime_checkable
class ReplyingWire(Wire, Protocol):
    """A tool that reads what it is answered."""

    def reply(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """Return the media type and the text that answer a delivery which was taken in."""
        ...


class Hook(Struct, frozen=True):
    """One instance that sends us events."""

    instance: str
    settings: BaseModel
    wire: Wire


class Webhooks:
    """The receiver of all tools' events. `handlers` maps an event's kind to its domain's function.

    `crowded` maps kinds that may come in crowds to what takes in many of them at once.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        hooks: Sequence[Hook],
        handlers: Mapping[str, EventHandler],
        crowded: Mapping[str, CrowdHandler] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._hooks = {hook.instance: hook for hook in hooks}
        self._handlers = handlers
        self._crowd = Crowd(store, clock, crowded or {})
        self.why_closed: Callable[[], str] = lambda: ""

    def routes(self) -> list[web.RouteDef]:
        """Return the one route, to be added to the bot's web application."""
        return [web.post("/hooks/{instance}", self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 204, or what the tool reads, once all is taken in, 4xx when it never will be, 503 to be told again."""
        hook = self._hooks.get(request.match_info["instance"])
        if hook is None:
            raise web.HTTPNotFound(text="no instance of this name receives webhooks\n")
        try:
            body = await _read(request)
        except web.HTTPRequestEntityTooLarge:
            log.warning("webhook.too_large", instance=hook.instance, told=request.content_length, most=BODY_LIMIT)
            raise
        headers = _headers(request)
        if not hook.wire.verify(hook.settings, headers, body):
            log.warning("webhook.forged", instance=hook.instance, remote=request.remote)
            raise web.HTTPUnauthorized(text="the signature or token is missing or wrong\n")
        self._must_be_fresh(hook, headers)
        if closed := self.why_closed():
            raise web.HTTPServiceUnavailable(text=f"not now: {closed}\n", headers={"Retry-After": "60"})
        try:
            events = hook.wire.parse(hook.instance, headers, body)
        except BadReply as error:
            log.warning("webhook.unreadable", instance=hook.instance, error=error.message, excerpt=error.excerpt)
            raise web.HTTPBadRequest(text=f"{error.message}\n") from error
        try:
            with self._crowd.joined():
                for event in events:
                    await self._take_in(event)
        except StoreUnavailable as error:
            log.exception("webhook.not_kept", instance=hook.instance)
            raise web.HTTPServiceUnavailable(text="not kept; try again\n", headers={"Retry-After": "5"}) from error
        if isinstance(hook.wire, ReplyingWire):
            media_type, text = hook.wire.reply(headers, body)
            return web.Response(text=text, content_type=media_type)
        return web.Response(status=204)

    def _must_be_fresh(self, hook: Hook, headers: Mapping[str, str]) -> None:
        sent_at = hook.wire.sent_at(hook.settings, headers) if isinstance(hook.wire, TimedWire) else None
        if sent_at is not None and abs(self._clock.now() - sent_at) > FRESH:
            log.warning("webhook.stale", instance=hook.instance, sent_at=sent_at.isoformat())
            raise web.HTTPUnauthorized(text="its signed time is over five minutes off: a replay, or a wrong clock\n")

    async def _take_in(self, event: WebhookEvent) -> None:
        handler = self._handlers.get(event.kind)
        if handler is None:
            log.debug("webhook.unhandled", instance=event.instance, kind=event.kind)
            return
        if self._crowd.takes(event):
            await self._crowd.take_in(event)
            return
        now = self._clock.now()
        async with self._store.write(urgent=True) as tx:  # the sender waits
            if not event.id:
                await handler(tx, event)
                return
            note = insert(tx.conn, seen).values(instance=event.instance, event_id=event.id, received_at=now)
            if (await tx.conn.execute(note.on_conflict_do_nothing())).rowcount:
                await handler(tx, event)


def _headers(request: web.Request) -> CIMultiDict[str]:
    """Return the headers and, as HTTP/2 does, the target: some tools sign it, or say in it what they are about."""
    headers = CIMultiDict(request.headers)
    headers[PATH] = request.raw_path
    return headers


async def _read(request: web.Request) -> bytes:
    too_large = web.HTTPRequestEntityTooLarge(BODY_LIMIT, request.content_length or 0)
    if (request.content_length or 0) > BODY_LIMIT:
        raise too_large
    body = await request.read()
    if len(body) > BODY_LIMIT:
        raise too_large
    return body

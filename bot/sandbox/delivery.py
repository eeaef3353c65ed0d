"""What the workspace sends to an app: each delivery, its acknowledgement, and its repetition."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from bot.sandbox.apps import App, Apps
from bot.sandbox.errors import Json
from bot.sandbox.ids import new_id
from bot.sandbox.options import Options
from bot.sandbox.wire import Scope, WireLog, subjects

_LOG = logging.getLogger(__name__)

Kind: TypeAlias = Literal["slash_commands", "interactive", "events_api"]

RETRY_REASONS = {"timeout": "http_timeout", "dropped": "connection_failed", "no_connection": "connection_failed"}


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """How an app answered one delivery.

    `status`: `ok`, `timeout` (nothing in time), `dropped` (the connection ended first), `no_connection` (nobody to
    send to) or `http_<status>`; `body`: the decoded JSON, text, or None; `elapsed_ms`: from sending to the answer.
    """

    status: str
    body: object
    elapsed_ms: float

    @property
    def ok(self) -> bool:
        """Tell whether the app acknowledged."""
        return self.status == "ok"

    def wire(self) -> Json:
        """Return it as JSON for the control API."""
        return {"status": self.status, "body": self.body}


@dataclass(slots=True)
class Delivery:
    """One thing sent to one app; it keeps its id when it is sent again."""

    id: str
    app_id: str
    kind: Kind
    type: str
    payload: Json
    accepts_response: bool
    command: str = ""
    attempts: int = 0
    acks: list[Acknowledgement] = field(default_factory=list)
    scope: Scope = field(default_factory=Scope)

    @property
    def ack(self) -> Acknowledgement | None:
        """Return the newest acknowledgement."""
        return self.acks[-1] if self.acks else None

    def wire(self) -> Json:
        """Return it as JSON for the control API."""
        return {
            "delivery_id": self.id,
            "app_id": self.app_id,
            "kind": self.kind,
            "type": self.type,
            "payload": self.payload,
            "attempts": self.attempts,
            "acks": [ack.wire() | {"elapsed_ms": ack.elapsed_ms} for ack in self.acks],
        }


class Transport(Protocol):
    """Carries one delivery to an app, once."""

    async def transmit(self, app: App, delivery: Delivery, retry_num: int, retry_reason: str) -> tuple[str, object]:
        """Send it and return (status, body) as `Acknowledgement` names them; `retry_num` 0 is the first time."""


class Deliveries:
    """Sends to apps over the transport each one uses, and repeats events that are not acknowledged.

    Reference: https://docs.slack.dev/apis/events-api/#retries (events are repeated up to three times) and
    https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response (the rest never).
    """

    def __init__(
        self, apps: Apps, socket: Transport, http: Transport, *, options: Options, log: WireLog, limit: int = 1000
    ) -> None:
        """Keep the parts; `limit` deliveries can be sent again by their id."""
        self._apps = apps
        self._transports: dict[str, Transport] = {"socket": socket, "http": http}
        self._options = options
        self._log = log
        self._kept: dict[str, Delivery] = {}
        self._limit = limit
        self._tasks: set[asyncio.Task[Any]] = set()

    async def send(
        self, app: App, kind: Kind, name: str, payload: Json, *, accepts_response: bool = True, command: str = ""
    ) -> Delivery:
        """Deliver once and return with the acknowledgement in it; repetitions of an event go on in the background."""
        delivery = Delivery(new_id("Dl"), app.id, kind, name, payload, accepts_response, command)
        delivery.scope.messages |= subjects(payload)
        self._log.given(payload, delivery.scope)
        self._kept[delivery.id] = delivery
        while len(self._kept) > self._limit:
            self._kept.pop(next(iter(self._kept)))
        ack = await self._attempt(app, delivery)
        if kind == "events_api" and not ack.ok:
            self.spawn(self._repeat(app, delivery, ack))
        return delivery

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` beside what is going on; `close` ends it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("background delivery failed", exc_info=error)

    async def _repeat(self, app: App, delivery: Delivery, ack: Acknowledgement) -> None:
        for number, pause in enumerate(self._options.event_retries, start=1):
            await asyncio.sleep(pause)
            ack = await self._attempt(app, delivery, number, RETRY_REASONS.get(ack.status, "http_error"))
            if ack.ok:
                return

    async def _attempt(self, app: App, delivery: Delivery, number: int = 0, reason: str = "") -> Acknowledgement:
        delivery.attempts += 1
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._options.ack_timeout):
                status, body = await self._transports[app.mode].transmit(app, delivery, number, reason)
        except TimeoutError:
            status, body = "timeout", None
        elapsed = round((time.perf_counter() - started) * 1000, 3)
        ack = Acknowledgement(status, body, elapsed)
        delivery.acks.append(ack)
        self._log.add(
            "to_app",
            delivery.type,
            app.id,
            scope=delivery.scope,
            delivery_id=delivery.id,
            kind=delivery.kind,
            transport=app.mode,
            request=delivery.payload,
            response=ack.wire(),
            ms=elapsed,
            retry_num=number,
        )
        return ack

    async def redeliver(self, ident: str) -> Delivery | None:
        """Send a past delivery again, byte for byte; None when it is not known any more."""
        delivery = self._kept.get(ident)
        if delivery is None:
            return None
        await self._attempt(self._apps.installed[delivery.app_id], delivery, delivery.attempts, "http_timeout")
        return delivery

    async def close(self) -> None:
        """End what is still being repeated."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

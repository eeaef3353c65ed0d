"""What the workspace sends to an app: each delivery, its acknowledgement, and its repetition."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from bot.sandbox.absence import Absence
from bot.sandbox.apps import App, Apps
from bot.sandbox.errors import Json
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.ids import new_id
from bot.sandbox.options import Options
from bot.sandbox.wire import Scope, WireLog, subjects

_LOG = logging.getLogger(__name__)

Kind: TypeAlias = Literal["slash_commands", "interactive", "events_api"]

RETRY_REASONS = {
    "timeout": "http_timeout",
    "dropped": "connection_failed",
    "no_connection": "connection_failed",
    "too_many_redirects": "too_many_redirects",
    "ssl_error": "ssl_error",
}
"""What `X-Slack-Retry-Reason` says of each acknowledgement that failed; `http_error` of every HTTP status.

Reference: https://docs.slack.dev/apis/events-api/#retries
"""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """How an app answered one delivery.

    `status`: `ok`, `timeout` (nothing in time), `dropped` (the connection ended first), `no_connection` (nobody to
    send to), `too_many_redirects`, `ssl_error`, `lost` (a planned fault: never sent) or `http_<status>`; `body`: the
    decoded JSON, text, or None; `elapsed_ms`: from sending to the answer.
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

    @property
    def first_ack(self) -> Acknowledgement | None:
        """Return the acknowledgement of the first attempt."""
        return self.acks[0] if self.acks else None

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


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a delivery is sent this time.

    `number` 0 is the first time, `reason` why it comes again. Faults: `is_cut` ends the connection before the app can
    acknowledge, `skew` moves the time stamp of the signature by so many seconds.
    """

    number: int = 0
    reason: str = ""
    is_cut: bool = False
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a transport brought back: `status` and `body` as `Acknowledgement` names them.

    `is_final` tells that the app wants no repetition (`X-Slack-No-Retry`).
    """

    status: str
    body: object = None
    is_final: bool = False


class Transport(Protocol):
    """Carries one delivery to an app, once."""

    async def transmit(self, app: App, delivery: Delivery, attempt: Attempt) -> Answer:
        """Send it and return the app's answer."""


class Deliveries:
    """Sends to apps over the transport each one uses, and repeats events that are not acknowledged.

    Reference: https://docs.slack.dev/apis/events-api/#retries (events are repeated up to three times) and
    https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response (the rest never).
    """

    def __init__(
        self,
        apps: Apps,
        transports: dict[str, Transport],
        *,
        options: Options,
        log: WireLog,
        faults: Faults,
        absence: Absence,
    ) -> None:
        """Keep the parts; `transports` has one for each mode of an app (`socket`, `http`)."""
        self._apps = apps
        self._transports = transports
        self._options = options
        self._log = log
        self._faults = faults
        self._absence = absence
        self._kept: dict[str, Delivery] = {}
        self._held: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def send(
        self, app: App, kind: Kind, name: str, payload: Json, *, accepts_response: bool = True, command: str = ""
    ) -> Delivery:
        """Deliver once and return with the acknowledgement in it; repetitions of an event go on in the background.

        While the workspace is away, an event waits in the background until it is back, or is lost; whatever else a
        person does fails at once.
        """
        delivery = Delivery(new_id("Dl"), app.id, kind, name, payload, accepts_response, command)
        delivery.scope.messages |= subjects(payload)
        self._log.given(payload, delivery.scope)
        self._kept[delivery.id] = delivery
        while len(self._kept) > self._options.deliveries_limit:
            self._kept.pop(next(iter(self._kept)))
        if self._absence.is_away:
            if kind != "events_api" or self._absence.loses_events:
                self._unsent(app, delivery, "no_connection", "away")
            else:
                self.spawn(self._first(app, delivery))
            return delivery
        await self._first(app, delivery)
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

    async def _first(self, app: App, delivery: Delivery) -> None:
        """Send a delivery for the first time, with the fault that is planned for it."""
        await self._absence.over()
        fault = self._faults.for_delivery(delivery.kind, delivery.type)
        if fault is not None and fault.kind == "lose":
            self._unsent(app, delivery, "lost", fault.kind)
            return
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        waiting = self._held.pop(app.id, None)
        if fault is not None and fault.kind == "reorder" and waiting is None:
            await self._hold(app, fault.seconds)
        answer = await self._attempt(app, delivery, _attempt_with(fault), fault)
        if waiting is not None:
            waiting.set()
        if fault is not None and fault.kind == "duplicate":
            self.spawn(self._attempt(app, delivery, Attempt(), fault, is_extra=True))
        if delivery.kind == "events_api" and answer.status != "ok" and not answer.is_final:
            self.spawn(self._repeat(app, delivery, answer))

    async def _hold(self, app: App, seconds: float) -> None:
        """Wait until the app's next delivery has been sent, at most so many seconds."""
        released = self._held[app.id] = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await released.wait()
        except TimeoutError:
            if self._held.get(app.id) is released:
                del self._held[app.id]

    async def _repeat(self, app: App, delivery: Delivery, answer: Answer) -> None:
        for number, pause in enumerate(self._options.event_retries, start=1):
            await asyncio.sleep(pause)
            await self._absence.over()
            reason = RETRY_REASONS.get(answer.status, "http_error")
            answer = await self._attempt(app, delivery, Attempt(number, reason))
            if answer.status == "ok" or answer.is_final:
                return

    async def _attempt(
        self, app: App, delivery: Delivery, attempt: Attempt, fault: Fault | None = None, *, is_extra: bool = False
    ) -> Answer:
        """Send once and note it; an extra one (a duplicate) does not count as the delivery's acknowledgement."""
        delivery.attempts += 1
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._options.ack_timeout):
                answer = await self._transports[app.mode].transmit(app, delivery, attempt)
        except TimeoutError:
            answer = Answer("timeout")
        ack = Acknowledgement(answer.status, answer.body, round((time.perf_counter() - started) * 1000, 3))
        if not is_extra:
            delivery.acks.append(ack)
        self._note(app, delivery, ack, attempt.number, fault.kind if fault else None)
        return answer

    def _unsent(self, app: App, delivery: Delivery, status: str, fault: str) -> None:
        ack = Acknowledgement(status, None, 0)
        delivery.acks.append(ack)
        self._note(app, delivery, ack, 0, fault)

    def _note(self, app: App, delivery: Delivery, ack: Acknowledgement, number: int, fault: str | None) -> None:
        details: Json = {"fault": fault} if fault else {}
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
            ms=ack.elapsed_ms,
            retry_num=number,
            **details,
        )

    async def redeliver(self, ident: str) -> Delivery | None:
        """Send a past delivery again, byte for byte; None when it is not known any more."""
        delivery = self._kept.get(ident)
        app = self._apps.installed.get(delivery.app_id) if delivery else None
        if delivery is None or app is None:
            return None
        await self._attempt(app, delivery, Attempt(delivery.attempts, "http_timeout"))
        return delivery

    async def close(self) -> None:
        """End what is still being repeated."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _attempt_with(fault: Fault | None) -> Attempt:
    if fault is None:
        return Attempt()
    return Attempt(is_cut=fault.kind == "cut", skew=fault.seconds if fault.kind == "clock_skew" else 0.0)

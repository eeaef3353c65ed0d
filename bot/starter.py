"""Runs stored deliveries: a few at a time, in the order of arrival, and nobody's crowd out the others'."""

import asyncio
import functools
import secrets
from collections import Counter, deque
from typing import Generic, Protocol, TypeVar

import structlog

from bot.clock import Clock
from bot.command import Invocation
from bot.deliveries import LEASE, Deliveries, Delivery
from bot.endings import end
from bot.identity import Person
from bot.store import StoreUnavailable, Tx

MOST_ATTEMPTS = 5
"""A delivery that ended the process, or could not be ended, this often is parked."""

_BATCH = 500
_PRUNE_SECONDS = 3600.0
_LONGEST_PAUSE = 30.0

log = structlog.get_logger()

Out = TypeVar("Out")


class Runner(Protocol[Out]):
    """What runs a delivery: `bot.dispatch.Dispatcher`."""

    async def run(self, invocation: Invocation) -> Out:
        """Do what was asked. A mistake of ours in a handler is an outcome, not an error."""
        ...

    async def finish(self, tx: Tx, outcome: Out) -> str:
        """Keep the answer in `tx` and return the outcome's code."""
        ...

    async def give_up(self, tx: Tx, invocation: Invocation, error_id: str) -> None:
        """Keep in `tx` that a mistake of ours ended it, and tell who asked."""
        ...


class _Lost(Exception):
    """The row is another process's by now: nothing of ours may be kept."""


class Starter(Generic[Out]):
    """Takes deliveries from the moment it is made and runs them between `start` and `stop`.

    At most `at_once` run together, at most `per_person` of one person; those of one person begin in the order in
    which they arrived, and the people take turns.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        runner: Runner[Out],
        *,
        clock: Clock,
        at_once: int = 8,
        per_person: int = 4,
    ) -> None:
        self._deliveries = deliveries
        self._runner = runner
        self._clock = clock
        self._at_once = at_once
        self._per_person = per_person
        self._queues: dict[Person | None, deque[Delivery]] = {}
        self._busy: Counter[Person | None] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._upkeep: asyncio.Task[None] | None = None
        self._open = False
        self._closing = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        deliveries.arrived = self._arrived

    @property
    def waiting(self) -> int:
        """How many deliveries wait for their turn."""
        return sum(len(queue) for queue in self._queues.values())

    @property
    def running(self) -> int:
        """How many are being run."""
        return len(self._running)

    async def start(self) -> None:
        """Take over what an earlier process left, and begin.

        Raises:
            StoreUnavailable: the rows cannot be read.
        """
        await self.take_over()
        self._open = True
        self._upkeep = asyncio.create_task(self._keep_up(), name="deliveries: upkeep")
        self._pump()

    async def stop(self, grace: float = 20.0) -> None:
        """Begin nothing more, let what runs end within `grace` seconds, and leave the rest stored."""
        self._open = False
        self._closing.set()
        await end([self._upkeep])
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace)
            await end(late)
        left = [delivery.id for queue in self._queues.values() for delivery in queue]
        self._queues.clear()
        if left:
            try:
                await self._deliveries.release(left)
            except StoreUnavailable as error:
                log.warning("deliveries_not_released", count=len(left), reason=error.reason)

    async def idle(self) -> None:
        """Return when nothing waits and nothing runs."""
        await self._idle.wait()

    async def take_over(self) -> int:
        """Queue what no process works on any more; returns how many."""
        count = 0
        while True:
            taken = await self._deliveries.claim(_BATCH)
            for delivery in taken:
                self._queue(delivery)
            count += len(taken)
            if len(taken) < _BATCH:
                break
        if count:
            log.info("deliveries_taken_over", count=count)
        self._pump()
        return count

    def _arrived(self, delivery: Delivery) -> None:
        self._queue(delivery)
        self._pump()

    def _queue(self, delivery: Delivery) -> None:
        person = delivery.invocation.person if delivery.invocation else None
        self._queues.setdefault(person, deque()).append(delivery)
        self._idle.clear()

    def _pump(self) -> None:
        while self._open and len(self._running) < self._at_once:
            person = next((one for one in self._queues if self._busy[one] < self._per_person), _NOBODY)
            if isinstance(person, _Nobody):
                break
            queue = self._queues.pop(person)
            delivery = queue.popleft()
            if queue:
                self._queues[person] = queue  # behind the others: people take turns
            self._busy[person] += 1
            task = asyncio.create_task(self._work(delivery), name=f"delivery {delivery.id}")
            self._running.add(task)
            task.add_done_callback(functools.partial(self._done, person))

    def _done(self, person: Person | None, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._busy[person] -= 1
        if not self._busy[person]:
            del self._busy[person]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("delivery_task_broke", error=repr(error))
        self._pump()
        if not self._running and not self._queues:
            self._idle.set()

    async def _work(self, delivery: Delivery) -> None:
        """Run one delivery until it is ended, parked, lost to another process, or we close."""
        outcome: Out | None = None
        failures, away, error_id, term = 0, 0, "", delivery.term
        while True:
            try:
                term = await self._in_term(delivery, term)
                if delivery.invocation is None or delivery.attempts > MOST_ATTEMPTS or failures >= MOST_ATTEMPTS:
                    return await self._park(delivery, error_id)
                if outcome is None:
                    outcome = await self._runner.run(delivery.invocation)
                return await self._end(delivery, outcome)
            except _Lost:
                log.warning("delivery_lost", delivery_id=delivery.id)
                return None
            except StoreUnavailable as error:
                away += 1
                log.warning("delivery_waits_for_store", delivery_id=delivery.id, reason=error.reason)
            except Exception:
                failures += 1
                error_id = secrets.token_hex(4)
                log.exception("delivery_failed", delivery_id=delivery.id, failures=failures, error_id=error_id)
            if not await self._pause(min(2.0 ** (failures + away), _LONGEST_PAUSE)):
                return None

    async def _in_term(self, delivery: Delivery, term: int) -> int:
        """Return the present term of the lease; where another has begun, a delivery may have been taken over."""
        lease = self._deliveries.store.lease
        lease.check(lease.term)
        if lease.term != term:
            term = lease.term
            if not await self._deliveries.still_ours(delivery.id):
                raise _Lost
        lease.work(term)
        return term

    async def _end(self, delivery: Delivery, outcome: Out) -> None:
        async with self._deliveries.store.write() as tx:
            await self._finish(tx, delivery, await self._runner.finish(tx, outcome))

    async def _park(self, delivery: Delivery, error_id: str) -> None:
        error_id = error_id or secrets.token_hex(4)
        log.error("delivery_parked", delivery_id=delivery.id, attempts=delivery.attempts, error_id=error_id)
        try:
            async with self._deliveries.store.write() as tx:
                if delivery.invocation is not None:
                    await self._runner.give_up(tx, delivery.invocation, error_id)
                await self._finish(tx, delivery, "broken", parked=True)
        except (StoreUnavailable, _Lost):
            raise
        except Exception:
            # Telling is what fails, perhaps since the first time: without it, then.
            log.exception("parking_cannot_be_told", delivery_id=delivery.id, error_id=error_id)
            async with self._deliveries.store.write() as tx:
                await self._finish(tx, delivery, "broken", parked=True)

    async def _finish(self, tx: Tx, delivery: Delivery, code: str, *, parked: bool = False) -> None:
        if not await self._deliveries.finish(tx, delivery.id, code, parked=parked):
            raise _Lost

    async def _pause(self, seconds: float) -> bool:
        """Wait; False when we close meanwhile."""
        waits = (asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._closing.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        return not self._closing.is_set()

    async def _keep_up(self) -> None:
        """Hold our leases, take over what others left behind, and delete what is old."""
        pruned = float("-inf")
        while True:
            try:
                if self._clock.monotonic() - pruned > _PRUNE_SECONDS:
                    pruned = self._clock.monotonic()
                    await self._deliveries.prune()
                if self._deliveries.store.dialect == "postgresql":
                    if not self._idle.is_set():
                        await self._deliveries.hold()
                    await self.take_over()
            except StoreUnavailable as error:
                log.warning("deliveries_upkeep_failed", reason=error.reason)
            await self._clock.sleep(LEASE.total_seconds() / 3)


class _Nobody:
    """Stands for: everybody who waits has enough running."""


_NOBODY = _Nobody()

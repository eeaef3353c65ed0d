"""The durability engine: DBOS, behind the five words that the rest of Shipmate uses.

`workflow` declares a durable story, `step` and `transact` checkpoint what it does, `pause` waits through
restarts, and `Engine` starts what rows in `starts` ask for, follows it and hands it over at the end. Only this
module, `bot.app` and the domains' `workflow.py` know that DBOS exists.

A process killed anywhere goes on where it was: on SQLite the next process takes over what the last one left; on
PostgreSQL every process renews a lease (`bot.store.lease`), and a survivor takes over from whoever lost theirs.
Work that loses the store (a full disk, a lost connection) stops as if it had been killed, and goes on here, or
elsewhere where the lease was lost with it.
Source: https://docs.dbos.dev/python/reference/contexts (DBOS Transact for Python 3.4).
"""

import asyncio
import functools
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa
import structlog
from dbos import DBOS, AsyncSQLAlchemyDatasource, DBOSConfig, SetWorkflowID
from dbos._datasource import DatasourceOptions
from dbos._dbos import _get_dbos_instance
from dbos._utils import INTERNAL_QUEUE_NAME

from bot.clock import Clock
from bot.endings import end
from bot.store import Store, Tx
from bot.store.engine_file import config_of, use_wal
from bot.store.errors import StoreUnavailable
from bot.store.lease import still_ours
from bot.store.outage import CutOff, cut_off_when_away, note_outage, unless_away
from bot.store.starts import Start, due, enter, next_due, wait_for_wanted
from integrations.errors import RateLimited, Unavailable

P = ParamSpec("P")
T = TypeVar("T")
Story = Callable[..., Coroutine[Any, Any, None]]
OnParked = Callable[[str, str, tuple[Any, ...], str], Awaitable[None]]

log = structlog.get_logger()

APPLICATION_VERSION = "shipmate-1"
"""Fixed by us: DBOS's own default changes with every edit and silently strands the work of the version before."""

MAX_ATTEMPTS = 5
_SWEEP_SECONDS = 5.0
_TAKEOVER_SECONDS, _UNKNOWN_EVERY = 0.5, 10  # every tenth look is also for work whose replica nobody knows
_LONGEST_OUTAGE_PAUSE = 10.0
_STORIES: dict[str, Story] = {}


class Parked(Exception):
    """A step failed as often as it may. The work stands still until a person decides; `why` is for them."""

    def __init__(self, step_name: str, why: str) -> None:
        super().__init__(step_name, why)
        self.step_name = step_name
        self.why = why


def workflow(name: str) -> Callable[[Story], Story]:
    """Declare a durable workflow under a versioned name, such as "deployment.execute.v1".

    The function takes plain values, returns nothing, and does everything through `step`, `transact` and `pause`.
    When its steps change, it gets a new name and the old one stays until no row asks for it.
    """

    def declare(story: Story) -> Story:
        @functools.wraps(story)
        async def run(*args: Any) -> None:  # noqa: ANN401 - whatever the row says
            await _engine().run(name, story, args)

        _STORIES[name] = DBOS.workflow(name=name, max_recovery_attempts=None)(run)
        return story

    return declare


async def step(name: str, fn: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `fn` and record its result, so that it does not run again once it is recorded.

    It is at-least-once: one that had finished but was not recorded runs again, so every outside effect carries a
    request id. A tool that does not answer is asked up to five times, waiting longer each time.

    Raises:
        Parked: it stayed unavailable.
    """

    async def patient() -> T:
        delay = 1.0
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                with cut_off_when_away():
                    still_ours()
                    return await fn(*args, **kwargs)
            except Unavailable as error:
                log.warning("step.unavailable", step=name, attempt=attempt, error=str(error))
                if attempt == MAX_ATTEMPTS:
                    raise Parked(name, str(error)) from error
                await _engine().clock.sleep(error.retry_after if isinstance(error, RateLimited) else delay)
                delay *= 2
        raise AssertionError  # pragma: no cover - the loop returns or raises

    with cut_off_when_away():
        return await DBOS.run_step_async({"name": name}, patient)


async def transact(name: str, fn: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:  # noqa: ANN401
    """Run `fn(tx, *args)` in one transaction that also records the step: our rows and the checkpoint, or neither."""
    engine = _engine()
    kept: list[Tx] = []

    async def body() -> T:
        kept.clear()  # the datasource runs the body again when the database asks for a retry
        tx = Tx(await engine.datasource.sql_session().connection())
        result = await fn(tx, *args)
        kept.append(tx)
        return result

    options: DatasourceOptions = {
        "name": name,
        "isolation_level": "SERIALIZABLE" if engine.store.dialect == "sqlite" else "READ COMMITTED",
    }
    async with engine.store.writing():
        with cut_off_when_away():
            still_ours()
            result = await engine.datasource.run_tx_step_async(options, body)
    for tx in kept:
        tx.committed()
    return result


async def pause(seconds: float) -> None:
    """Wait; a restart in between does not start the wait over."""
    with cut_off_when_away():
        await DBOS.sleep_async(seconds)


_current: list["Engine"] = []


def _engine() -> "Engine":
    if not _current:
        message = "no engine was launched in this process"
        raise RuntimeError(message)
    return _current[-1]


class Engine:
    """One launched engine; a process has at most one."""

    datasource: AsyncSQLAlchemyDatasource

    def __init__(self, store: Store, clock: Clock, *, slots: int, on_parked: OnParked | None) -> None:
        self.store = store
        self.clock = clock
        self.executor_id = f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        self._active: dict[str, asyncio.Task[Any]] = {}
        self._elsewhere: dict[str, float] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._parked = on_parked
        self._cut_off: set[str] = set()
        self._cut = asyncio.Event()
        self._slots = slots

    @classmethod
    async def launch(
        cls,
        store: Store,
        *,
        clock: Clock,
        engine_url: str,
        on_parked: OnParked | None = None,
        slots: int = 64,
    ) -> "Engine":
        """Launch DBOS in this loop, take over what a dead process left, and begin to start what rows ask for.

        `engine_url` is where the engine keeps its own tables: a second SQLite file, or the same PostgreSQL database.
        `slots` bounds how many workflows run at once. `on_parked(workflow id, name, args, why)` is told of work that
        stands still.

        Raises:
            RuntimeError: this process already runs an engine.
        """
        if _current:
            raise RuntimeError("an engine already runs in this process")
        logging.getLogger("dbos").setLevel(logging.WARNING)
        if store.dialect == "sqlite":
            await use_wal(engine_url)
        engine = cls(store, clock, slots=slots, on_parked=on_parked)
        _current.append(engine)
        try:
            log.info("engine.launched", replica=engine.executor_id)
            config = config_of(store, engine_url, engine.executor_id, APPLICATION_VERSION)
            DBOS(config=cast("DBOSConfig", config))
            engine.datasource = await _datasource(store)
            if store.dialect == "postgresql":
                await store.lease.begin(engine.executor_id, lost=engine._lease_lost)
            DBOS.launch()
            await engine._take_over(unknown=True)
        except BaseException:
            await engine.stop(grace=0)
            raise
        engine._loops.append(asyncio.create_task(engine._start_wanted(), name="engine-starts"))
        engine._loops.append(asyncio.create_task(engine._go_on_after_outages(), name="engine-outages"))
        if store.dialect == "postgresql":
            engine._loops.append(asyncio.create_task(engine._watch_leases(), name="engine-leases"))
        return engine

    @property
    def active(self) -> int:
        """How many workflows run in this process now."""
        return len(self._active)

    async def stop(self, *, grace: float = 10.0) -> None:
        """Stop starting, give running workflows `grace` seconds to end, leave the rest to the next process."""
        await end(self._loops)
        self._loops.clear()
        running = set(self._active.values())
        logging.getLogger("dbos").setLevel(logging.ERROR)  # it warns of every task that we cancel on purpose
        if running and grace > 0:
            await asyncio.wait(running, timeout=grace)
        await end(running)  # DBOS keeps a cancelled task's workflow PENDING: it goes on elsewhere
        await asyncio.to_thread(DBOS.destroy)
        # DBOS made its own pool the loop's default one, and has just shut it down.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="shipmate"))
        await self.store.lease.end()
        _current[:] = [one for one in _current if one is not self]

    async def run(self, name: str, story: Story, args: tuple[Any, ...]) -> None:
        """Run one workflow's story under our rules; called by DBOS, fresh or recovered."""
        workflow_id = DBOS.workflow_id or ""
        self._count(workflow_id, asyncio.current_task())
        structlog.contextvars.bind_contextvars(workflow=workflow_id)
        try:
            with cut_off_when_away():
                await self._tell(workflow_id, name, story, args)
        except CutOff as cut:
            log.warning("workflow.cut_off", workflow=workflow_id, story=name, reason=cut.reason)
            self._cut_off.add(workflow_id)
            self._cut.set()
            raise

    def _count(self, workflow_id: str, task: asyncio.Task[Any] | None) -> None:
        """Hold that a workflow runs, until its task has ended: after its story DBOS still writes down that it did."""
        if task is None or task.done() or self._active.get(workflow_id) is task:
            return
        self._active[workflow_id] = task

        def ended(_: object) -> None:
            if self._active.get(workflow_id) is task:
                del self._active[workflow_id]

        task.add_done_callback(ended)

    async def _tell(self, workflow_id: str, name: str, story: Story, args: tuple[Any, ...]) -> None:
        """Run the story to its end, or park it."""
        self.store.lease.work()
        still_ours()
        try:
            attempts = await enter(self.store, workflow_id, functools.partial(self._steps_done, workflow_id))
            if attempts > MAX_ATTEMPTS:
                raise Parked("start", f"it failed {MAX_ATTEMPTS} times at the same step")  # noqa: TRY301
            await story(*args)
        except StoreUnavailable:
            raise
        except Parked as parked:
            await self._park(workflow_id, name, args, parked.why)
        except Exception as error:
            log.exception("workflow.failed", workflow=workflow_id, story=name)
            await self._park(workflow_id, name, args, f"{type(error).__name__}: {error}")

    async def _park(self, workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        log.error("workflow.parked", workflow=workflow_id, story=name, why=why)
        if self._parked is not None:
            await self._parked(workflow_id, name, args, why)

    async def _steps_done(self, workflow_id: str) -> int:
        # Plain executor: asyncio.to_thread would carry the workflow's context along and record this as a step of it.
        loop = asyncio.get_running_loop()
        steps = await loop.run_in_executor(None, functools.partial(DBOS.list_workflow_steps, workflow_id))
        return len(steps)

    async def _start_wanted(self) -> None:
        while True:
            try:
                free = self._slots - len(self._active)
                now = self.clock.now()
                batch = await due(self.store, now, limit=free, skip=self._known()) if free > 0 else ()
                for wanted in batch:
                    await self._start(wanted)
                if batch:
                    continue
                soonest = await next_due(self.store, now)
            except (StoreUnavailable, sa.exc.SQLAlchemyError):
                log.exception("engine.starts_unreadable")
                soonest = None
            wait = _SWEEP_SECONDS
            if soonest is not None:
                wait = min(wait, max(0.0, (soonest - self.clock.now()).total_seconds()))
            await wait_for_wanted(self.store, timeout=wait)

    async def _go_on_after_outages(self) -> None:
        """Resume what lost the store, once that can be written again."""
        while True:
            await self._cut.wait()
            self._cut.clear()
            delay = 1.0
            while self._cut_off:
                await self.clock.sleep(delay)
                delay = min(delay * 2, _LONGEST_OUTAGE_PAUSE)
                await self.store.lease.wait_until_held()
                try:
                    for workflow_id in sorted(self._cut_off):
                        await note_outage(self.store, workflow_id)
                        await self._queue_again(workflow_id)
                        self._cut_off.discard(workflow_id)
                except (StoreUnavailable, sa.exc.SQLAlchemyError) as error:
                    log.warning("engine.store_away", waiting=len(self._cut_off), error=str(error).splitlines()[0])

    async def _start(self, wanted: Start) -> None:
        story = _STORIES.get(wanted.name)
        if story is None:
            log.error("engine.unknown_workflow", workflow=wanted.workflow_id, story=wanted.name)
            self._elsewhere[wanted.workflow_id] = self.clock.monotonic() + _SWEEP_SECONDS
            return
        with SetWorkflowID(wanted.workflow_id):
            handle = await DBOS.start_workflow_async(story, *wanted.args)
        task = getattr(handle, "task", None)
        if isinstance(task, asyncio.Task):
            self._count(wanted.workflow_id, task)
        else:  # begun before: a queue or another process has it, and will note that in its row
            self._elsewhere[wanted.workflow_id] = self.clock.monotonic() + _SWEEP_SECONDS

    def _known(self) -> set[str]:
        """Return the workflows that need no start now: those that run here, and those just found to be elsewhere."""
        now = self.clock.monotonic()
        self._elsewhere = {name: until for name, until in self._elsewhere.items() if until > now}
        return self._active.keys() | self._elsewhere.keys()

    async def _lease_lost(self) -> None:
        """Stop all that is under way, as if the process had been killed: it may be another's by now."""
        self._cut_off |= self._active.keys()
        await end(list(self._active.values()))
        self._cut.set()

    async def _queue_again(self, workflow_id: str) -> None:
        """Have a workflow that was cut off run again, unless another process has taken it over."""
        queue = _get_dbos_instance()._sys_db.reenqueue_for_recovery  # noqa: SLF001 - resume_workflow asks nobody's name
        asked = functools.partial(queue, workflow_id, [self.executor_id], INTERNAL_QUEUE_NAME)
        await asyncio.get_running_loop().run_in_executor(None, asked)

    async def _recover(self, executor_id: str) -> int:
        """Have the unfinished workflows of a process that is gone run again, here or elsewhere; return how many."""
        asked = functools.partial(DBOS._recover_pending_workflows, [executor_id])  # noqa: SLF001 - the same
        return len(await asyncio.get_running_loop().run_in_executor(None, asked))

    async def _take_over(self, *, unknown: bool) -> None:
        """Take over from processes that are gone; with `unknown` also from those of which only their work is left."""
        names: set[str] = set()
        if unknown:
            pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
            names = {w.executor_id for w in pending if w.executor_id and w.executor_id != self.executor_id}
        if self.store.dialect == "postgresql":
            await self.store.lease.take_over(names, self._recover)
            return
        for name in sorted(names):
            log.info("engine.took_over", workflows=await self._recover(name))

    async def _watch_leases(self) -> None:
        """Find processes whose lease is over, because they died or hang, and take over what they left."""
        looks = 0
        while True:
            await asyncio.sleep(_TAKEOVER_SECONDS)
            looks += 1
            try:
                await self._take_over(unknown=looks % _UNKNOWN_EVERY == 0)
            except (sa.exc.SQLAlchemyError, OSError) as error:
                log.warning("engine.leases_unreadable", error=str(error).splitlines()[:1])


async def _datasource(store: Store) -> AsyncSQLAlchemyDatasource:
    url = store.engine.url.render_as_string(hide_password=False)
    async with store.writing():  # it makes a table, and on SQLite one writes at a time
        datasource = await AsyncSQLAlchemyDatasource.create(url, engine=store.engine, schema="shipmate_engine")
    record = unless_away(datasource._record_error)  # noqa: SLF001 - nothing else sees why a commit failed
    datasource._record_error = record  # type: ignore[method-assign, assignment]  # noqa: SLF001
    return datasource

"""The durability engine: DBOS, behind the five words that the rest of Shipmate uses.

`workflow` declares a durable story, `step` and `transact` checkpoint what it does, `pause` waits through
restarts, and `Engine` starts what rows in `starts` ask for, follows it and hands it over at the end. Only this
module, `bot.app` and the domains' `workflow.py` know that DBOS exists.

A process killed anywhere goes on where it was: on SQLite the next process takes over what the last one left; on
PostgreSQL every process holds an advisory lock as its lease, and a survivor takes over from whoever lost theirs.
Work that loses the store itself (a full disk, a lost connection) stops as if it had been killed, and goes on here.
Source: https://docs.dbos.dev/python/reference/contexts (DBOS Transact for Python 3.4).
"""

import asyncio
import functools
import hashlib
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, AsyncSQLAlchemyDatasource, DBOSConfig, SetWorkflowID
from dbos._datasource import DatasourceOptions
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock
from bot.endings import end
from bot.store import Store, Tx
from bot.store.engine_file import use_wal
from bot.store.errors import StoreUnavailable
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
_TAKEOVER_SECONDS = 3.0
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

    def __init__(self, store: Store, clock: Clock, datasource: AsyncSQLAlchemyDatasource, executor_id: str) -> None:
        self.store = store
        self.clock = clock
        self.datasource = datasource
        self.executor_id = executor_id
        self._active: dict[str, asyncio.Task[Any]] = {}
        self._elsewhere: dict[str, float] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._lease: AsyncConnection | None = None
        self._parked: OnParked | None = None
        self._cut_off: set[str] = set()
        self._cut = asyncio.Event()
        self._slots = 0

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
        executor_id = f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        config: DBOSConfig = {
            "name": "shipmate",
            "system_database_url": engine_url,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor_id,
            "log_level": "WARNING",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": 0.1,  # idle with us, but a stop waits until it wakes
            "dbos_system_schema": "shipmate_engine",
        }
        if store.dialect == "sqlite":
            await use_wal(engine_url)
        DBOS(config=config)
        url = store.engine.url.render_as_string(hide_password=False)
        async with store.writing():  # it makes a table, and on SQLite one writes at a time
            datasource = await AsyncSQLAlchemyDatasource.create(url, engine=store.engine, schema="shipmate_engine")
        record = unless_away(datasource._record_error)  # noqa: SLF001 - nothing else sees why a commit failed
        datasource._record_error = record  # type: ignore[method-assign, assignment]  # noqa: SLF001
        engine = cls(store, clock, datasource, executor_id)
        engine._parked = on_parked
        engine._slots = slots
        _current.append(engine)
        try:
            await engine._hold_lease()
            DBOS.launch()
            if store.dialect == "sqlite":
                await engine._take_over()
            else:
                await engine._take_over_from_the_dead()
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
        if self._lease is not None:
            await self._lease.close()
            self._lease = None
        _current[:] = [one for one in _current if one is not self]

    async def run(self, name: str, story: Story, args: tuple[Any, ...]) -> None:
        """Run one workflow's story under our rules; called by DBOS, fresh or recovered."""
        workflow_id = DBOS.workflow_id or ""
        task = asyncio.current_task()
        if task is not None:
            self._active[workflow_id] = task
        structlog.contextvars.bind_contextvars(workflow=workflow_id)
        try:
            with cut_off_when_away():
                await self._tell(workflow_id, name, story, args)
        except CutOff as cut:
            log.warning("workflow.cut_off", workflow=workflow_id, story=name, reason=cut.reason)
            self._cut_off.add(workflow_id)
            self._cut.set()
            raise
        finally:
            self._active.pop(workflow_id, None)

    async def _tell(self, workflow_id: str, name: str, story: Story, args: tuple[Any, ...]) -> None:
        """Run the story to its end, or park it."""
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
                try:
                    for workflow_id in sorted(self._cut_off):
                        await note_outage(self.store, workflow_id)
                        await DBOS.resume_workflow_async(workflow_id)
                        self._cut_off.discard(workflow_id)
                except (StoreUnavailable, sa.exc.SQLAlchemyError) as error:
                    log.warning("engine.store_away", waiting=len(self._cut_off), error=str(error).splitlines()[0])

    async def _start(self, wanted: Start) -> None:
        story = _STORIES.get(wanted.name)
        if story is None:
            log.error("engine.unknown_workflow", workflow=wanted.workflow_id, story=wanted.name)
            return
        with SetWorkflowID(wanted.workflow_id):
            handle = await DBOS.start_workflow_async(story, *wanted.args)
        task = getattr(handle, "task", None)
        if isinstance(task, asyncio.Task):
            self._active.setdefault(wanted.workflow_id, task)
        else:  # begun before: a queue or another process has it, and will note that in its row
            self._elsewhere[wanted.workflow_id] = self.clock.monotonic() + _SWEEP_SECONDS

    def _known(self) -> set[str]:
        """Return the workflows that need no start now: those that run here, and those just found to be elsewhere."""
        now = self.clock.monotonic()
        self._elsewhere = {name: until for name, until in self._elsewhere.items() if until > now}
        return self._active.keys() | self._elsewhere.keys()

    async def _take_over(self, executor_id: str | None = None) -> int:
        """Resume the unfinished workflows of `executor_id`, or of every other process; return how many."""
        pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        theirs = [w for w in pending if w.executor_id != self.executor_id]
        if executor_id is not None:
            theirs = [w for w in theirs if w.executor_id == executor_id]
        for abandoned in theirs:
            await DBOS.resume_workflow_async(abandoned.workflow_id, queue_name=abandoned.queue_name)
        if theirs:
            log.info("engine.took_over", workflows=len(theirs))
        return len(theirs)

    async def _hold_lease(self) -> None:
        if self.store.dialect != "postgresql":
            return
        connection = await self.store.engine.connect()
        self._lease = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await self._lease.execute(sa.select(sa.func.pg_advisory_lock(_lease_key(self.executor_id))))

    async def _watch_leases(self) -> None:
        """Find processes whose lease is free, because they died, and take over what they left."""
        while True:
            await self.clock.sleep(_TAKEOVER_SECONDS)
            try:
                if self._lease is None or self._lease.closed:
                    await self._hold_lease()
                await self._take_over_from_the_dead()
            except sa.exc.SQLAlchemyError:
                log.exception("engine.lease_lost")
                self._lease = None

    async def _take_over_from_the_dead(self) -> None:
        pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        others = {w.executor_id for w in pending if w.executor_id and w.executor_id != self.executor_id}
        for executor_id in sorted(others):
            key = _lease_key(executor_id)
            async with self.store.engine.connect() as connection:
                autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
                dead = (await autocommit.execute(sa.select(sa.func.pg_try_advisory_lock(key)))).scalar_one()
                if dead:
                    try:
                        await self._take_over(executor_id)
                    finally:
                        await autocommit.execute(sa.select(sa.func.pg_advisory_unlock(key)))


def _lease_key(executor_id: str) -> int:
    digest = hashlib.sha256(executor_id.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)

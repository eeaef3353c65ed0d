"""Follows a run to its end: woken by webhooks, polling with growing pauses where none come.

It attaches again after a crash, because all it needs is the run's reference.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.clock import Clock
from integrations.capabilities.runs import Run, RunRef, RunState, RunTracker
from integrations.errors import NotPermitted, RateLimited, Refused, Unavailable

log = structlog.get_logger()

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
LONGEST_WAIT = 30.0
"""Seconds between looks at a run that waits for a person; an answer of ours wakes its follower at once."""
GROWTH = 1.5
PATIENCE = timedelta(minutes=5)
SILENCE_NOTED_AFTER = 3


class Hooks(Struct, frozen=True, kw_only=True):
    """What the follower asks and tells.

    `cancelled` is read before each poll; `changed` gets the run whenever its state, stages or waiting actions differ;
    `logged` gets (text, next offset) of new log and starts from `log_offset`; `silent` is told since when the tool is
    not answering; `not_ended` why the tool does not let us end it: the run goes on, and so does its follower.
    `end` asks for the end of a run that was cancelled; without it, or when it is late, the tracker does.
    """

    cancelled: Callable[[], Awaitable[bool]]
    changed: Callable[[Run], Awaitable[None]]
    logged: Callable[[str, int], Awaitable[None]]
    silent: Callable[[datetime, str], Awaitable[None]]
    not_ended: Callable[[str], Awaitable[None]] | None = None
    end: Callable[[RunRef], Awaitable[None]] | None = None
    log_offset: int = 0


class Watch:
    """Follows runs. One for all; `wake` is called by webhooks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wakes: dict[str, asyncio.Event] = {}

    def wake(self, ref: RunRef) -> None:
        """Have whoever follows this run look at once."""
        event = self._wakes.get(str(ref))
        if event is not None:
            event.set()

    def wake_all(self) -> None:
        """Have every follower look at once, because somebody asked to cancel something."""
        for event in self._wakes.values():
            event.set()

    async def follow(self, tracker: RunTracker, ref: RunRef, hooks: Hooks, *, deadline: datetime) -> Run:
        """Return the run once it is over.

        A request to cancel is passed on; a run that is not over by `deadline` is cancelled and counts as failed. As
        long as it waits for a person it is not late, and the time of that does not count.

        Raises:
            Unavailable: the tool has not answered for five minutes; the run goes on, follow it again later.
        """
        event = self._wakes.setdefault(str(ref), asyncio.Event())
        try:
            return await _Following(self._clock, tracker, ref, hooks, deadline, event).to_the_end()
        finally:
            self._wakes.pop(str(ref), None)


class _Following:
    """One run being followed."""

    def __init__(
        self,
        clock: Clock,
        tracker: RunTracker,
        ref: RunRef,
        hooks: Hooks,
        deadline: datetime,
        event: asyncio.Event,
    ) -> None:
        self._clock = clock
        self._tracker = tracker
        self._ref = ref
        self._hooks = hooks
        self._deadline = deadline
        self._event = event
        self._offset = hooks.log_offset
        self._told_to_end = False
        self._late = False
        self._waits_since: datetime | None = None
        self._silent_since: datetime | None = None
        self._silences = 0

    async def to_the_end(self) -> Run:
        pause = FIRST_PAUSE
        seen: object = None
        while True:
            self._event.clear()
            run = await self._look()
            if run is not None:
                shape = (
                    run.state,
                    run.reason,
                    tuple((stage.name, stage.state) for stage in run.stages),
                    tuple(action.id for action in run.actions),
                )
                longest = LONGEST_WAIT if run.actions else LONGEST_PAUSE
                pause = min(pause * GROWTH, longest) if shape == seen else FIRST_PAUSE
                if shape != seen:
                    seen = shape
                    await self._hooks.changed(run)
                if run.state.final:
                    return self._judged(run)
            else:
                pause = LONGEST_PAUSE
            await self._wait(pause)

    async def _look(self) -> Run | None:
        try:
            if not self._told_to_end and await self._hooks.cancelled():
                await self._end(self._hooks.end)
            run = await self._tracker.get_run(self._ref)
            if self._is_late(run):
                await self._end()
                self._late = True
                run = await self._tracker.get_run(self._ref)
            await self._read_log(final=run.state.final)
        except RateLimited as error:
            await self._wait(error.retry_after)
            return None
        except Unavailable as error:
            await self._note_silence(error)
            return None
        self._silent_since, self._silences = None, 0
        self._ref = run.ref
        return run

    async def _end(self, end: Callable[[RunRef], Awaitable[None]] | None = None) -> None:
        self._told_to_end = True
        try:
            await (end or self._tracker.cancel_run)(self._ref)
        except (NotPermitted, Refused) as error:
            log.warning("watch.not_ended", run=str(self._ref), error=str(error))
            if self._hooks.not_ended is not None:
                await self._hooks.not_ended(error.message)
        except Unavailable:
            self._told_to_end = False
            raise

    def _is_late(self, run: Run) -> bool:
        """Tell whether a run has had its time; what it waits for people is not counted."""
        now = self._clock.now()
        if self._waits_since is not None:
            self._deadline += now - self._waits_since
        self._waits_since = now if run.actions and not run.state.final else None
        if self._told_to_end or run.state.final or self._waits_since is not None:
            return False
        return now >= self._deadline

    async def _read_log(self, *, final: bool) -> None:
        for _ in range(16):  # what a run floods beyond that stays with the tool
            chunk = await self._tracker.read_log(self._ref, self._offset)
            if chunk.text:
                await self._hooks.logged(chunk.text, chunk.next_offset)
            moved = chunk.next_offset != self._offset
            self._offset = chunk.next_offset
            if not (moved and (chunk.more or final)):
                return

    async def _note_silence(self, error: Unavailable) -> None:
        now = self._clock.now()
        self._silent_since = self._silent_since or now
        self._silences += 1
        log.warning("watch.unavailable", run=str(self._ref), error=str(error), since=self._silent_since.isoformat())
        if now - self._silent_since >= PATIENCE:
            raise error
        if self._silences == SILENCE_NOTED_AFTER:
            await self._hooks.silent(self._silent_since, error.instance)

    def _judged(self, run: Run) -> Run:
        if self._late and run.state is not RunState.SUCCEEDED:
            return replace(run, state=RunState.FAILED, reason="it was not over in time and was cancelled")
        return run

    async def _wait(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, woken):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

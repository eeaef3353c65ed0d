"""Why a run failed: the line for a card, the excerpt for a thread, and what became of its tests."""

from dataclasses import dataclass

from bot.builds.logs import last_lines
from bot.clock import Clock
from bot.store import Store
from integrations.capabilities.runs import Run, RunTracker


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is said of a failure: one line, and excerpts of the log with their titles."""

    cause: str
    excerpts: tuple[tuple[str, str], ...] = ()


class Failures:
    """Explains failed runs and keeps which tests failed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def explain(self, service: str, run: Run, tracker: RunTracker, log: str) -> Finding:
        """Return why a run failed, from the end of its log; notes its tests."""
        await self.note_tests(service, run, tracker)
        return await self.read(run, log)

    async def read(self, run: Run, log: str) -> Finding:
        """Return why a run failed, from the end of its log."""
        shown = last_lines(log)
        excerpts = (("The end of the log", shown),) if shown else ()
        return Finding(cause=run.reason or "the build failed", excerpts=excerpts)

    async def note_tests(self, service: str, run: Run, tracker: RunTracker) -> None:
        """Keep the outcome of a run's tests, where the tool knows tests."""

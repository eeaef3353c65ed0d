"""Why a run failed: the line for a card, the excerpt for a thread, and what became of its tests."""

import asyncio
from collections.abc import Sequence

import structlog
from msgspec import Struct

from bot.builds import outcomes
from bot.builds.logs import last_lines
from bot.builds.outcomes import Failure
from bot.clock import Clock
from bot.store import Store
from integrations.capabilities.reports import TestReport, TestReports
from integrations.capabilities.runs import Run, RunTracker
from integrations.errors import IntegrationError

log = structlog.get_logger()

_EXCERPT = 2500
_LAST_LINES = 15
_LAST_LENGTH = 1200
_LISTED = 10


class Finding(Struct, frozen=True, kw_only=True):
    """What is said of a failure: one line, and excerpts of the log with their titles, the most telling first."""

    cause: str
    excerpts: tuple[tuple[str, str], ...] = ()


class Failures:
    """Explains failed runs and keeps which tests failed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def explain(self, service: str, run: Run, tracker: RunTracker, text: str) -> Finding:
        """Return why a run failed, from the end of its log and its tests, which are kept."""
        report = await self._report(run, tracker)
        await self._keep(service, run, report)
        finding = await self.read(run, text, report)
        async with self._store.read() as conn:
            failed = await outcomes.failed(conn, str(run.ref))
        if not failed:
            return finding
        return Finding(cause=finding.cause, excerpts=(("Failed tests", lines_of(failed)), *finding.excerpts))

    async def read(self, run: Run, text: str, report: TestReport | None = None) -> Finding:
        """Return why a run failed, from the end of its log."""
        # Plain executor: asyncio.to_thread would carry a workflow's context along.
        found = await asyncio.get_running_loop().run_in_executor(None, _diagnosed, text, report)
        end = last_lines(text, _LAST_LINES, _LAST_LENGTH)
        excerpts: tuple[tuple[str, str], ...]
        if found.guessed:
            # The tool's own words, where it has any, are worth more than a guess.
            cause = run.reason or (found.cause if text.strip() else "the build failed and its log is empty")
            excerpts = (("The end of the log", last_lines(text)),)
        else:
            where = f" ({found.where})" if found.where and found.where not in found.cause else ""
            cause = f"{found.cause}{where}"
            excerpts = (("Why it failed", found.excerpt), ("The end of the log", end))
        return Finding(cause=cause, excerpts=tuple((title, words) for title, words in excerpts if words.strip()))

    async def note_tests(self, service: str, run: Run, tracker: RunTracker) -> None:
        """Keep the outcome of a run's tests, where the tool knows tests."""
        await self._keep(service, run, await self._report(run, tracker))

    async def _report(self, run: Run, tracker: RunTracker) -> TestReport | None:
        if not isinstance(tracker, TestReports):
            return None
        try:
            return await tracker.get_report(run.ref)
        except IntegrationError as error:  # the run is over whatever its tests say
            log.warning("tests.unreadable", run=str(run.ref), error=str(error))
            return None

    async def _keep(self, service: str, run: Run, report: TestReport | None) -> None:
        if report is None or not report.total:
            return
        at = run.ended_at or self._clock.now()
        async with self._store.write() as tx:
            await outcomes.keep(tx, service, str(run.ref), report, branch=run.branch, sha=run.sha, at=at)


class _Diagnosed(Struct, frozen=True, kw_only=True):
    cause: str
    where: str
    excerpt: str
    guessed: bool


def _diagnosed(text: str, report: TestReport | None) -> _Diagnosed:
    """Read a log; runs in a thread, because a long one takes its time."""
    from bot.diagnosis import Sureness, diagnose  # noqa: PLC0415 - heavy, and needed only once something failed

    found = diagnose(text, report)
    return _Diagnosed(
        cause=found.cause,
        where=found.where,
        excerpt="\n".join(line.text for line in found.excerpt)[:_EXCERPT],
        guessed=found.sureness is Sureness.GUESS,
    )


def lines_of(failed: Sequence[Failure]) -> str:
    """Return failed tests as lines: what each is, its name, its message."""
    lines = [f"{one.standing}: {one.title}: {one.message}".rstrip(": ") for one in failed[:_LISTED]]
    more = len(failed) - len(lines)
    return "\n".join([*lines, f"… {more} more"] if more > 0 else lines)[:_EXCERPT]

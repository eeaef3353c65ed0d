"""`Tests`: what people are told of the tests of a run."""

from bot.builds import outcomes
from bot.builds.beginnings import job_of
from bot.builds.failures import Failures
from bot.builds.outcomes import Failure, Tested
from bot.builds.parts import Parts
from bot.builds.refs import unreachable
from bot.builds.waiting import tame
from bot.catalog import Service
from bot.errors import Refused
from bot.reply import Headline, Markup, Note, Paragraph, Part, Reply, code, link, moment, say
from integrations.capabilities.builds import BuildServer
from integrations.capabilities.reports import TestReports
from integrations.capabilities.runs import RunRef, RunTracker
from integrations.errors import IntegrationError, NotFound

_LISTED = 20
_LOOKED_AT = 10
_LONGEST = 200


class Tests:
    """Answers questions about tests; a run that was never seen is asked of its tool, and kept."""

    __test__ = False

    def __init__(self, parts: Parts, failures: Failures) -> None:
        self._parts = parts
        self._failures = failures

    async def of_service(self, service: Service) -> Reply:
        """Return the tests of the newest build of a service that is over.

        Raises:
            Refused: it is not built, its tool knows no tests (`no_test_reports`), or it has no build (`no_build_yet`).
            Degraded: the tool does not answer.
        """
        job = job_of(service)
        server = self._parts.toolbox.get(BuildServer, job.instance)
        self._able(server, job.instance)
        try:
            newest = await server.list_builds(job.job, limit=_LOOKED_AT)
        except NotFound as error:
            raise Refused("unknown_job", f"{job.instance} has no job {job.job}: {error.message}") from error
        except IntegrationError as error:
            raise unreachable(error) from error
        over = next((one for one in newest if one.state.final), None)
        if over is None:
            raise Refused("no_build_yet", f"{job.job} has no build that is over.")
        number = over.number or over.ref.id
        return await self.of_run(service.name, str(over.ref), f"{service.name} {number}")

    async def of_run(self, service: str, run: str, title: str) -> Reply:
        """Return the tests of one run; `title` is what it is called. Raises: as for `of_service`."""
        if not run:
            raise Refused("never_ran", f"{title} has no tests: nothing was built for it.")
        async with self._parts.store.read() as conn:
            known = await outcomes.of_run(conn, run)
        if known is None:
            await self._look(service, RunRef.parse(run), title)
        async with self._parts.store.read() as conn:
            known = await outcomes.of_run(conn, run)
            failed = await outcomes.failed(conn, run)
        if known is None:
            raise Refused("no_tests", f"{title} has no test report.")
        return _told(title, known, list(failed))

    async def _look(self, service: str, ref: RunRef, title: str) -> None:
        tracker = self._parts.toolbox.get(RunTracker, ref.instance)
        self._able(tracker, ref.instance)
        try:
            run = await tracker.get_run(ref)
        except NotFound as error:
            raise Refused("build_gone", f"{ref.instance} no longer knows {title}: {error.message}") from error
        except IntegrationError as error:
            raise unreachable(error) from error
        if not run.state.final:
            raise Refused("under_way", f"{title} still goes on: its tests are told when it is over.")
        await self._failures.note_tests(service, run, tracker)

    def _able(self, tool: object, instance: str) -> None:
        if not isinstance(tool, TestReports):
            raise Refused("no_test_reports", f"{instance} keeps no test reports.")


def _told(title: str, tested: Tested, failed: list[Failure]) -> Reply:
    passed = tested.total - tested.failed - tested.skipped
    words = f"{tested.failed} of {tested.total} tests failed" if tested.failed else f"all {passed} tests passed"
    skipped = f", {tested.skipped} skipped" if tested.skipped else ""
    parts: list[Part] = [Headline(say("{}: {}{}", title, words, skipped))]
    lines = [_line(one) for one in failed[:_LISTED]]
    if len(failed) > _LISTED:
        lines.append(say("… {} more", len(failed) - _LISTED))
    if lines:
        parts.append(Paragraph(Markup("\n".join(lines))))
    where = say(" · {} {}", tested.branch, code(tested.sha[:7])) if tested.sha else Markup("")
    more = say(" · {}", link(tested.url, "report")) if tested.url else Markup("")
    parts.append(Note(say("{}{}{}", moment(tested.at, day=True), where, more)))
    return Reply(summary=f"{title}: {words}{skipped}", parts=tuple(parts))


def _line(one: Failure) -> Markup:
    message = say(": {}", tame(one.message, _LONGEST)) if one.message else Markup("")
    return say("*{}* {}{} ({})", one.standing, code(tame(one.title, 150)), message, one.reason)

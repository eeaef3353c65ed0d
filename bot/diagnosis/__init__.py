"""Why a build failed: from a run's log, and its test report where there is one, to one line and an excerpt.

Pure: no I/O and no clock. A log is fed in pieces to an `Intake`, which keeps a bounded part of it; one module per tool
reads that part; of what they find, the finding nearest to the cause speaks, and the others say where it happened.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from bot.diagnosis import compilers, docker, gitlab, go, gradle, guess, jenkins, jest, maven, npm, pytest, shell, traces
from bot.diagnosis.cleaning import inside_buildkit
from bot.diagnosis.diagnosis import (
    Depth,
    Diagnosis,
    FailingTest,
    Finding,
    Line,
    Sureness,
    distinct,
    one_line,
)
from bot.diagnosis.intake import Intake
from integrations.capabilities.reports import CaseState, TestReport

__all__ = ["Diagnosis", "FailingTest", "Intake", "Line", "Sureness", "diagnose"]


class Reader(Protocol):
    """Reads the kept lines of a log as one tool writes it."""

    def __call__(self, lines: Sequence[Line], /) -> Finding | None:
        """Return what the tool says of its failure, None where the log has nothing of it."""
        ...


# Of equally deep and equally late findings the one named first speaks.
READERS: Sequence[Reader] = (
    maven.read,
    gradle.read,
    jest.read,
    pytest.read,
    go.read,
    npm.read,
    docker.read,
    jenkins.read,
    gitlab.read,
    traces.read_node,
    compilers.read,
    traces.read_python,
    traces.read_java,
    shell.read,
)
OUTER = {"jenkins", "gitlab", "docker", "npm", "make"}  # tools that run others: they say where it happened
WRAPPER_LINES = 2


def diagnose(log: bytes | str | Iterable[bytes | str] | Intake, report: TestReport | None = None) -> Diagnosis:
    """Say why a run failed.

    Args:
        log: the whole log, its pieces in order, or an Intake that was fed with it. Bytes are UTF-8; what is not is
            replaced. An empty log gives a guess that says so.
        report: the run's tests; its failing ones are taken in place of those read from the log.
    """
    intake = log if isinstance(log, Intake) else Intake()
    if isinstance(log, bytes | str):
        intake.feed(log)
    elif not isinstance(log, Intake):
        for piece in log:
            intake.feed(piece)
    findings = _findings(intake.lines())
    reported = _reported(report)
    if not findings:
        return _without_log(reported, report)
    best = max(findings, key=lambda finding: (finding.depth, finding.at))
    outer = [finding for finding in findings if finding is not best and finding.tool in OUTER]
    where = best.where or next((finding.where for finding in outer if finding.where), "")
    excerpt = distinct([*best.lines, *(line for finding in outer for line in finding.lines[:WRAPPER_LINES])])
    diagnosis = Diagnosis(
        tool=best.tool,
        cause=best.cause,
        excerpt=excerpt,
        sureness=best.sureness,
        where=where,
        tests=reported or best.tests,
        links=tuple(dict.fromkeys(link for finding in findings for link in finding.links)),
    )
    if reported and best.depth <= Depth.STEP:  # the report knows more than "exit code 1"
        return replace(diagnosis, cause=_count(reported), sureness=Sureness.SURE)
    return diagnosis


def _findings(lines: Sequence[Line]) -> list[Finding]:
    """Return what all readers find; what programs wrote inside of an image's build is read as they wrote it."""
    inner = [Line(line.number, inside_buildkit(line.text)) for line in lines]
    findings = [found for read in READERS if (found := read(lines if read is docker.read else inner))]
    guessed = None if findings else guess.read(inner)
    return [guessed] if guessed else findings


def _reported(report: TestReport | None) -> tuple[FailingTest, ...]:
    cases = report.cases if report else ()
    return tuple(
        FailingTest(suite=case.suite, name=case.name, message=one_line(case.message))
        for case in cases
        if case.state is CaseState.FAILED
    )


def _count(tests: Sequence[FailingTest]) -> str:
    count = f"{len(tests)} tests failed" if len(tests) > 1 else "A test failed"
    named = f"{tests[0].suite}.{tests[0].name}" if tests[0].suite else tests[0].name
    return one_line(f"{count}: {named}: {tests[0].message}" if tests[0].message else f"{count}: {named}")


def _without_log(tests: tuple[FailingTest, ...], report: TestReport | None) -> Diagnosis:
    links = (report.url,) if report and report.url else ()
    if tests:
        return Diagnosis(tool="", cause=_count(tests), excerpt=(), sureness=Sureness.SURE, tests=tests, links=links)
    return Diagnosis(tool="", cause="The log is empty.", excerpt=(), sureness=Sureness.GUESS, links=links)

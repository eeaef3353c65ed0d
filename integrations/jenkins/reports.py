"""The JUnit report of a build. `report_of` is pure, `get_report` blocks.

The format: https://github.com/jenkinsci/junit-plugin, exported at `…/testReport/api/`.
"""

from collections.abc import Mapping
from typing import Any

from integrations.capabilities.reports import CaseState, TestCase, TestReport
from integrations.errors import Refused
from integrations.jenkins.connection import Connection

_MOST_CASES = 10_000
_MESSAGE = 1_000
_STATES = {"PASSED": CaseState.PASSED, "FIXED": CaseState.PASSED, "SKIPPED": CaseState.SKIPPED}
_ORDER = {CaseState.FAILED: 0, CaseState.SKIPPED: 1, CaseState.PASSED: 2}
_CASE = "className,name,status,duration,errorDetails,skippedMessage"
_COUNTS = "failCount,passCount,skipCount,totalCount,duration"


def get_report(connection: Connection, path: str, url: str) -> TestReport | None:
    """Return the report of the build at a path, None if it has none. Raises: as `Connection.get`."""
    suites = f"suites[name,cases[{_CASE},errorStackTrace]]"
    lean = f"suites[name,cases[{_CASE}]]"
    for wanted in (suites, lean):
        try:
            found = connection.find(f"{path}/testReport", f"{_COUNTS},{wanted},childReports[result[{wanted}]]")
        except Refused:  # over the bound: without the stack traces it may fit
            continue
        return None if found is None else report_of(found, url)
    counts = connection.find(f"{path}/testReport", _COUNTS)
    return None if counts is None else report_of(counts, url)


def report_of(found: Mapping[str, Any], url: str) -> TestReport:
    """Return a report: of one module, or of the modules of a Maven job together."""
    children = [child.get("result") or {} for child in found.get("childReports") or ()]
    suites = [suite for part in (found, *children) for suite in part.get("suites") or ()]
    cases = [_case(suite, one) for suite in suites for one in suite.get("cases") or ()]
    cases.sort(key=lambda case: _ORDER[case.state])
    failed, skipped = int(found.get("failCount") or 0), int(found.get("skipCount") or 0)
    passed = found.get("passCount")
    total = failed + skipped + int(passed) if passed is not None else int(found.get("totalCount") or len(cases))
    seconds = found.get("duration")
    return TestReport(
        total=total,
        failed=failed,
        skipped=skipped,
        seconds=float(seconds) if seconds is not None else None,
        cases=tuple(cases[:_MOST_CASES]),
        url=f"{url}testReport/",
    )


def _case(suite: Mapping[str, Any], one: Mapping[str, Any]) -> TestCase:
    details = str(one.get("errorDetails") or one.get("skippedMessage") or "")
    trace = str(one.get("errorStackTrace") or "")
    first = (details or trace).strip().partition("\n")[0]
    seconds = one.get("duration")
    return TestCase(
        suite=str(one.get("className") or suite.get("name") or ""),
        name=str(one.get("name") or ""),
        state=_STATES.get(str(one.get("status")), CaseState.FAILED),
        seconds=float(seconds) if seconds is not None else None,
        message=first[:_MESSAGE],
        details=trace or details,
    )

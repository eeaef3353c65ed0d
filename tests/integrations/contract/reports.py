"""The contract of TestReports."""

from collections.abc import Sequence
from typing import Protocol
from xml.sax.saxutils import quoteattr

import pytest

from integrations.capabilities import reports
from integrations.capabilities.reports import CaseState
from integrations.capabilities.runs import RunRef
from integrations.errors import NotFound

Case = tuple[str, str, str, str]
"""(suite, name, "passed" | "failed" | "skipped", the message of a failure)."""

CASES: tuple[Case, ...] = (
    ("shop.Cart", "adds", "passed", ""),
    ("shop.Cart", "discounts", "failed", "expected 1 but was 2"),
    ("shop.Cart", "ships", "skipped", ""),
    ("shop.Till", "opens", "passed", ""),
)


def junit(cases: Sequence[Case]) -> str:
    """Return these tests as JUnit XML."""
    inside = {"passed": "", "skipped": "<skipped/>"}
    told = (
        f"<testcase classname={quoteattr(suite)} name={quoteattr(name)} time='0.1'>"
        + inside.get(state, f"<failure message={quoteattr(message)}>at line 7</failure>")
        + "</testcase>"
        for suite, name, state, message in cases
    )
    return f"<testsuite name='shop'>{''.join(told)}</testsuite>"


class Tested(Protocol):
    """What the suite needs: the adapter, a run that nobody started, and runs that report these tests."""

    source: reports.TestReports
    unknown: RunRef

    async def run(self, request_id: str, *cases: Case) -> RunRef:
        """Return a run that is over and reported these tests; without any it reported nothing."""
        ...


class ReportsContract:
    """Derive from it and override `tested`."""

    @pytest.fixture
    def tested(self) -> Tested:
        raise NotImplementedError

    async def test_is_a_source_of_test_reports(self, tested):
        assert isinstance(tested.source, reports.TestReports)

    async def test_a_report_says_what_failed_first(self, tested):
        report = await tested.source.get_report(await tested.run("r-1", *CASES))
        assert (report.total, report.failed, report.skipped) == (4, 1, 1)
        first = report.cases[0]
        assert (first.name, first.state) == ("discounts", CaseState.FAILED)
        assert first.suite.endswith("Cart")
        assert "expected 1 but was 2" in first.message
        assert {case.name for case in report.cases if case.state is CaseState.PASSED} == {"adds", "opens"}

    async def test_tests_that_all_passed(self, tested):
        report = await tested.source.get_report(await tested.run("r-1", CASES[0], CASES[3]))
        assert (report.total, report.failed, report.skipped) == (2, 0, 0)

    async def test_a_run_without_tests_has_no_report(self, tested):
        assert await tested.source.get_report(await tested.run("r-1")) is None

    async def test_an_unknown_run_is_not_found(self, tested):
        with pytest.raises(NotFound):
            await tested.source.get_report(tested.unknown)

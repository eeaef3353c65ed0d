"""TestReports: what the JUnit reports of a pipeline's jobs said.

https://docs.gitlab.com/api/pipelines/#get-a-test-report-for-a-pipeline
"""

from collections.abc import Iterator
from typing import Any

import gitlab

from integrations.capabilities.reports import CaseState, TestCase, TestReport
from integrations.capabilities.runs import RunRef
from integrations.errors import BadReply
from integrations.gitlab.part import Part
from integrations.gitlab.values import Json

_MOST_CASES = 10_000
_STATES = {"success": CaseState.PASSED, "skipped": CaseState.SKIPPED}
_ORDER = [CaseState.FAILED, CaseState.PASSED, CaseState.SKIPPED]


class Reports(Part):
    """Reads test reports."""

    async def get_report(self, ref: RunRef) -> TestReport | None:
        """Return the tests of a pipeline, None when none of its jobs has reported any (yet)."""
        project_id, pipeline_id = self._ids(ref)

        def ask(library: gitlab.Gitlab) -> TestReport | None:
            path = f"/projects/{project_id}/pipelines/{pipeline_id}"
            about: Any = library.http_get(path)
            answer: Any = library.http_get(f"{path}/test_report")
            if not isinstance(answer, dict):
                raise BadReply(self.instance, "a test report is no object", excerpt=str(answer))
            return report_of(answer, url=f"{about['web_url']}/test_report")

        return await self._api.read(ask)


def report_of(answer: Json, *, url: str) -> TestReport | None:
    """Return the report, None of one without tests."""
    if not answer["total_count"]:
        return None
    cases = sorted(_cases(answer), key=lambda case: _ORDER.index(case.state))
    return TestReport(
        total=int(answer["total_count"]),
        failed=int(answer["failed_count"]) + int(answer["error_count"]),
        skipped=int(answer["skipped_count"]),
        seconds=answer.get("total_time"),
        cases=tuple(cases[:_MOST_CASES]),
        url=url,
    )


def _cases(answer: Json) -> Iterator[TestCase]:
    for suite in answer.get("test_suites") or ():
        for case in suite.get("test_cases") or ():
            output = _text(case.get("system_output"))
            trace = _text(case.get("stack_trace"))
            yield TestCase(
                suite=str(case.get("classname") or suite["name"]),
                name=str(case["name"]),
                state=_STATES.get(str(case["status"]), CaseState.FAILED),
                seconds=case.get("execution_time"),
                message=next((line.strip() for line in output.splitlines() if line.strip()), "")[:500],
                details="\n".join(filter(None, (output, trace))),
            )


def _text(value: object) -> str:
    """Return what a test said; GitLab gives an object where the report had attributes."""
    if isinstance(value, dict):
        return str(value.get("message") or value.get("__content__") or value)
    return str(value or "")

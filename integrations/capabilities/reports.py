"""TestReports: which tests of a run passed and failed."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from integrations.capabilities.runs import RunRef


class CaseState(StrEnum):
    """How one test came out. An error before or after its assertions counts as FAILED."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class TestCase(Struct, frozen=True, kw_only=True):
    """One test. `suite` and `name` together name it across runs.

    `message` is the assertion or error in one line, `details` the stack trace, as far as the tool keeps it.
    """

    __test__ = False  # pytest is not to collect it

    suite: str
    name: str
    state: CaseState
    seconds: float | None = None
    message: str = ""
    details: str = ""


class TestReport(Struct, frozen=True, kw_only=True):
    """The tests of one run. `cases` are at most 10,000, failed ones first; the counts are of all."""

    __test__ = False

    total: int
    failed: int
    skipped: int
    seconds: float | None = None
    cases: Sequence[TestCase] = ()
    url: str = ""


@runtime_checkable
class TestReports(Protocol):
    """Knows the tests of a run. Tests import the module: pytest would take a class of this name for its own."""

    async def get_report(self, ref: RunRef) -> TestReport | None:
        """Return the report of a run, None when it has none (yet)."""
        ...

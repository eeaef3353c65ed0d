"""The test reports of a run: JUnit XML files that its command left in the folder $SHIPMATE_REPORTS, masked."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from integrations.capabilities.reports import TestCase, TestReport
from integrations.junit import read_junit
from integrations.local.masking import Mask

_MOST_FILES = 2000


def read_reports(instance: str, folder: Path, mask: Mask) -> TestReport | None:
    """Return the report of all files in a folder and below it, None when there is none.

    Raises:
        BadReply: a file is no JUnit XML, or too large.
    """
    files = sorted(path for path in folder.rglob("*.xml") if path.is_file() and not path.is_symlink())[:_MOST_FILES]
    if not files:
        return None
    with ExitStack() as stack:
        report = read_junit(instance, _opened(folder, files, stack))
    return replace(report, cases=tuple(_masked(case, mask) for case in report.cases))


def _opened(folder: Path, files: Iterable[Path], stack: ExitStack) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield each file with its name; the one before is closed when the next is asked for."""
    for path in files:
        stack.close()
        yield str(path.relative_to(folder)), stack.enter_context(path.open("rb"))


def _masked(case: TestCase, mask: Mask) -> TestCase:
    """Return a case without secrets; only failed ones say more than their names."""
    name = mask.text(case.name)
    if not case.message and not case.details:
        return replace(case, name=name)
    return replace(case, name=name, message=mask.text(case.message), details=mask.text(case.details))

"""JUnit XML, as Surefire, Gradle, pytest, Jest and others write it, read into a TestReport.

The files are from outside: they are read as a stream, without entities or document types, and their size is bounded.
Form: https://github.com/testmoapp/junitxml
"""

import io
from collections.abc import Iterable
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from integrations.capabilities.reports import CaseState, TestCase, TestReport
from integrations.errors import BadReply

LIMIT = 64 * 1024 * 1024  # bytes of one file; the reports of some 100,000 tests with their output
CASES = 10_000  # as a TestReport allows
DETAILS = 8_000  # characters of a stack trace
MESSAGE = 500


def read_junit(instance: str, files: Iterable[tuple[str, bytes | IO[bytes]]]) -> TestReport:
    """Return one report of several JUnit files of an instance, each given with its name for errors.

    A test that passed when it was repeated (Surefire's `flakyFailure`) counts as passed.

    Raises:
        BadReply: a file is no JUnit XML, declares entities, or is larger than 64 MiB; the message names it.
    """
    failed: list[TestCase] = []
    others: list[TestCase] = []
    total = failures = skipped = 0
    seconds: float | None = None
    for name, content in files:
        for case in _cases(instance, name, content):
            total += 1
            failures += case.state is CaseState.FAILED
            skipped += case.state is CaseState.SKIPPED
            if case.seconds is not None:
                seconds = (seconds or 0.0) + case.seconds
            kept = failed if case.state is CaseState.FAILED else others
            if len(kept) < CASES:
                kept.append(case)
    return TestReport(
        total=total, failed=failures, skipped=skipped, seconds=seconds, cases=tuple((failed + others)[:CASES])
    )


class _Bounded(io.RawIOBase):
    """A file that refuses to give more than the limit."""

    def __init__(self, content: IO[bytes], instance: str, name: str) -> None:
        self._content = content
        self._instance = instance
        self._name = name
        self._left = LIMIT

    def read(self, size: int = -1, /) -> bytes:
        piece = self._content.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(piece)
        if self._left < 0:
            raise BadReply(
                self._instance, f"{self._name} is larger than {LIMIT // 1024 // 1024} MiB, the limit of a test report."
            )
        return piece


def _cases(instance: str, name: str, content: bytes | IO[bytes]) -> Iterable[TestCase]:
    source = _Bounded(io.BytesIO(content) if isinstance(content, bytes) else content, instance, name)
    suites: list[str] = []
    root = ""
    try:
        for event, element in iterparse(source, events=("start", "end"), forbid_dtd=True):
            tag = element.tag.rpartition("}")[2]
            if event == "start":
                root = root or tag
                if tag == "testsuite":
                    suites.append(element.get("name", ""))
            elif tag == "testcase":
                yield _case(element, suites[-1] if suites else "")
                element.clear()
            elif tag == "testsuite":
                suites.pop()
                element.clear()
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise BadReply(instance, f"{name} is not readable as JUnit XML: {error}") from error
    if root not in {"testsuites", "testsuite"}:
        raise BadReply(
            instance, f"{name} is no JUnit XML: its outermost element is <{root}>, not <testsuites> or <testsuite>."
        )


def _case(element: Element, suite: str) -> TestCase:
    parts = {child.tag.rpartition("}")[2]: child for child in element}
    problem = parts.get("failure", parts.get("error"))
    state = CaseState.FAILED if problem is not None else CaseState.SKIPPED if "skipped" in parts else CaseState.PASSED
    said = problem if problem is not None else parts.get("skipped")
    text = ((said.text or "") if said is not None else "").strip()
    message = (said.get("message") or said.get("type") or "") if said is not None else ""
    lines = (message or text).strip().splitlines()
    return TestCase(
        suite=element.get("classname") or suite,
        name=element.get("name", ""),
        state=state,
        seconds=_seconds(element.get("time")),
        message=lines[0][:MESSAGE] if lines else "",
        details=text[:DETAILS],
    )


def _seconds(text: str | None) -> float | None:
    """Return a time in seconds; Surefire groups thousands with commas."""
    try:
        seconds = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None

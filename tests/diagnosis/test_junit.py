"""JUnit XML from outside."""

import io

import pytest

from integrations.capabilities.reports import CaseState
from integrations.errors import BadReply
from integrations.junit import LIMIT, read_junit

SUREFIRE = b"""<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="com.acme.CartTest" tests="4" failures="1" errors="1" skipped="1" time="1,234.5">
  <testcase name="ok" classname="com.acme.CartTest" time="1,000.5"/>
  <testcase name="addsUp" classname="com.acme.CartTest" time="0.1">
    <failure message="expected: &lt;10&gt; but was: &lt;9&gt;" type="AssertionFailedError">trace
 line two</failure>
  </testcase>
  <testcase name="broken"><error type="java.lang.NullPointerException"/></testcase>
  <testcase name="later" classname="com.acme.CartTest"><skipped message="not yet"/></testcase>
  <testcase name="twice" classname="com.acme.CartTest"><flakyFailure message="once"/></testcase>
</testsuite>"""


def test_a_report():
    report = read_junit("ci", [("a.xml", SUREFIRE), ("b.xml", io.BytesIO(b"<testsuites/>"))])
    assert (report.total, report.failed, report.skipped) == (5, 2, 1)
    assert report.seconds == pytest.approx(1000.6)
    first, second = report.cases[:2]
    assert (first.name, first.message, first.details) == ("addsUp", "expected: <10> but was: <9>", "trace\n line two")
    assert (second.suite, second.message) == ("com.acme.CartTest", "java.lang.NullPointerException")
    assert [case.state for case in report.cases[2:]] == [CaseState.PASSED, CaseState.SKIPPED, CaseState.PASSED]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>', "not readable"),
        (b"<testsuite><testcase", "not readable"),
        (b"", "not readable"),
        (b"<html/>", "no JUnit XML"),
    ],
)
def test_what_is_no_report(content, why):
    with pytest.raises(BadReply, match=rf"report\.xml is {why}"):
        read_junit("ci", [("report.xml", content)])


class Endless(io.BytesIO):
    """A file without an end."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.begun:
            self.begun = True
            return b"<testsuite>"
        return b" " * min(size or 0, 1 << 20)


def test_a_file_without_end_is_refused():
    with pytest.raises(BadReply, match=f"larger than {LIMIT // 1024 // 1024} MiB"):
        read_junit("ci", [("report.xml", Endless())])

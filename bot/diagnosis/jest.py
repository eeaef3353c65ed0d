"""Jest: the blocks that begin with a bullet, suites that failed to run, coverage thresholds.

Forms: https://jestjs.io/docs/cli
"""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, FailingTest, Finding, Line, distinct, one_line
from bot.diagnosis.matching import following, matches

SIGNATURE = re.compile(r"Test Suites: .*\bfailed|Jest: |No tests found, exiting with code 1| {2}● ")
BULLET = re.compile(r" {2}● (?P<name>\S.*)")
SUITE = re.compile(r"(?:FAIL) (?P<path>\S+)")
END = re.compile(r" {2}● |(?:FAIL|PASS) \S|Test Suites: |Snapshot Summary|-{5,}\|")
FRAME = re.compile(r" +(?:>? *\d+ ?\||\|| {6}at |at )")
SOURCE = re.compile(r" *(?:>|\d+ \||\|)")
VALUE = re.compile(r" {4}(?:Expected|Received|- Snapshot|\+ Received|Snapshot name|thrown:)")
SYNTAX = re.compile(r" *(?:SyntaxError|TypeError|ReferenceError|Error|\w+Error): \S")
WHOLE = re.compile(r"Jest: |No tests found, exiting with code 1|● Validation Error")
BROKEN = "Test suite failed to run"


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what Jest says, None where the log has nothing of a failed run of it."""
    if not any(SIGNATURE.match(line.text) for line in lines):
        return None
    order: list[Line] = []
    tests: dict[tuple[str, str], FailingTest] = {}
    suite = ""
    for index, line in enumerate(lines):
        if found := SUITE.match(line.text):
            suite = found["path"]
        elif (found := BULLET.match(line.text)) and found["name"] != "Console":
            block = following(lines, index, 80, END.match)
            telling = _telling(block)
            if (suite, found["name"]) not in tests:
                order += [line, *telling]
                message = one_line(" ".join(part.text.strip() for part in telling[:3]))
                tests[suite, found["name"]] = FailingTest(suite=suite, name=found["name"], message=message)
    if not tests:
        return _whole(lines)
    failed = tuple(tests.values())
    count = f"{len(failed)} tests failed" if len(failed) > 1 else "A test failed"
    cause = (
        f"{failed[0].suite}: {failed[0].message}"
        if failed[0].name == BROKEN
        else f"{count}: {failed[0].name}: {failed[0].message}"
    )
    return Finding(
        tool="jest", cause=one_line(cause), lines=distinct(order), depth=Depth.TOOL, at=order[-1].number, tests=failed
    )


def _telling(block: Sequence[Line]) -> list[Line]:
    """Return what a block says of its cause: an error of the language, else message and values, then the place."""
    place = [line for line in block if line.text.lstrip().startswith("at ") and "node_modules" not in line.text][:1]
    syntax = [line for line in block if SYNTAX.match(line.text)]
    values = [line for line in block if VALUE.match(line.text)]
    said = [line for line in block if line.text.strip() and not FRAME.match(line.text) and not SOURCE.match(line.text)]
    return (
        [*syntax[:1], *said[:1], *values[:4], *place] if not syntax else [*syntax[:1], *values[:4], *said[:1], *place]
    )


def _whole(lines: Sequence[Line]) -> Finding | None:
    found = [lines[index] for index, _ in matches(lines, WHOLE)]
    if not found:
        return None
    return Finding(
        tool="jest", cause=one_line(found[0].text), lines=distinct(found), depth=Depth.TOOL, at=found[-1].number
    )

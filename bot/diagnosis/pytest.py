"""pytest: the short summary, the lines marked E, errors in collection, fixtures and the command line.

Forms: https://docs.pytest.org/en/stable/how-to/output.html
"""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, FailingTest, Finding, Line, distinct, one_line
from bot.diagnosis.matching import first, following, matches

SIGNATURE = re.compile(
    r"=+ (?:test session starts|FAILURES|ERRORS|short test summary info)|ImportError while loading conftest"
    r"|(?:ERROR: )?(?:usage: )?pytest: error: |ERROR: file or directory not found|INTERNALERROR>"
)
SUMMARY = re.compile(r"(?P<kind>FAILED|ERROR) (?P<path>[^\s:]{1,300})(?:::(?P<name>\S.*?))?(?: - (?P<message>\S.*))?$")
SECTION = re.compile(r"_{3,} (?P<title>\S.{0,300}?) _{3,}$")
RULE = re.compile(r"={3,} \S|_{3,} \S")
EXPLAINED = re.compile(r"E +(?P<text>\S.*)")
DIFFERENCE = re.compile(
    r"E +(?:Differing items|At index \d+ diff|Left contains|Right contains|\S.{0,300} != \S"
    r"|[A-Za-z]\w*(?:Error|Exception): )"
)
PLACE = re.compile(r"[^\s:]{1,300}:\d+: \S")
ASSERTED = re.compile(r"> {2,}\S")
NATIVE = re.compile(
    r"(?:[A-Za-z_][\w.]{0,200}(?:Error|Exception|Exit|Interrupt|Warning|Failed)\b|Failed: |AssertionError)"
)
USAGE = re.compile(
    r"(?:pytest|ERROR|__main__\.py): (?:error: |usage: |file or directory not found|not found: "
    r"|Unknown config|found no collectors)"
)
COVERAGE = re.compile(r"FAIL Required test coverage|ERROR: Coverage failure|Coverage failure")
NOTHING = re.compile(r"=* ?no tests ran in ")
CRASH = re.compile(r"(?:worker '\w+' crashed|.{0,80}node down: |Fatal Python error: |INTERNALERROR> \w)")
CONFTEST = re.compile(r"ImportError while loading conftest")
SHOWN_SECTIONS = 3


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what pytest says, None where the log has nothing of a failed run of it."""
    begin = first(lines, SIGNATURE)
    if begin is None:
        return None
    return _failures(lines) or _whole(lines)


def _failures(lines: Sequence[Line]) -> Finding | None:
    failed = [
        (lines[index], found)
        for index, found in matches(lines, SUMMARY)
        if found["name"] or found["path"].endswith(".py")
    ]
    tests = tuple(_test(found) for _, found in failed)
    sections = [
        _section(lines, index) for index, found in matches(lines, SECTION) if not found["title"].startswith("coverage:")
    ]
    details = [line for section in sections[:SHOWN_SECTIONS] for line in section]
    if not failed and not details:
        return None
    if tests:
        head = tests[0]
        said = [line for line in details if EXPLAINED.match(line.text)]
        raised = [line for line in said if DIFFERENCE.match(line.text)]
        reason = head.message or next((_told(line) for line in (*raised, *said)), "")
        named = f"{head.suite}::{head.name}" if head.name != head.suite else head.suite
        count = f"{len(tests)} tests failed" if len(tests) > 1 else "A test failed"
        cause = f"{count}: {named}: {reason}" if reason else f"{count}: {named}"
    else:
        cause = _told(details[0])
    summary = [line for line, _ in failed]
    order = distinct([*summary[:4], *details, *summary[4:]])
    at = (summary or details)[-1].number
    return Finding(tool="pytest", cause=one_line(cause), lines=order, depth=Depth.TOOL, at=at, tests=tests)


def _test(found: re.Match[str]) -> FailingTest:
    return FailingTest(
        suite=found["path"], name=found["name"] or found["path"], message=one_line(found["message"] or "")
    )


def _told(line: Line) -> str:
    """Return the line's text without the mark of an explanation and the word that opens an error."""
    explained = EXPLAINED.match(line.text)
    return (explained["text"] if explained else line.text).removeprefix("ERROR: ").strip()


def _section(lines: Sequence[Line], index: int) -> list[Line]:
    """Return of one test's section what it asserted, pytest's explanation and the place, in this order."""
    body = following(lines, index, 400, RULE.match)
    explained = [line for line in body if EXPLAINED.match(line.text)]
    places = [line for line in body if PLACE.match(line.text)]
    asserted = [line for line in body if ASSERTED.match(line.text)]
    if not explained:  # --tb=native, --tb=line
        explained = [line for line in body if NATIVE.match(line.text)]
    differing = [line for line in explained[1:] if DIFFERENCE.match(line.text)]
    return [*explained[:1], *differing[:2], *explained[1:3], *places[-1:], *asserted[-1:], *explained[3:6]] or body[-3:]


def _whole(lines: Sequence[Line]) -> Finding | None:
    """Read why a run failed in which no test failed."""
    for pattern, length in ((CONFTEST, 12), (USAGE, 4), (CRASH, 4), (COVERAGE, 0), (NOTHING, 0)):
        found = [index for index, _ in matches(lines, pattern)]
        if not found:
            continue
        near = [line for index in found[:3] for line in (lines[index], *following(lines, index, length, RULE.match))]
        explained = [line for line in near if EXPLAINED.match(line.text)]
        telling = [line for line in near if "error: " in line.text] or explained or near
        text = _told(telling[0])
        cause = "No tests ran" if pattern is NOTHING else text
        chosen = distinct([*telling, *near])
        return Finding(tool="pytest", cause=one_line(cause), lines=chosen, depth=Depth.TOOL, at=near[0].number)
    return None

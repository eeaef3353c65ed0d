"""Gradle: what went wrong, the failing task, the compiler's and the tests' output, the build scan.

Forms: https://docs.gradle.org/current/userguide/command_line_interface.html
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from bot.diagnosis.compilers import compiler_errors
from bot.diagnosis.diagnosis import Depth, FailingTest, Finding, Line, distinct, one_line
from bot.diagnosis.matching import first, following, matches

WRONG = re.compile(r"\* What went wrong:")
PART = re.compile(r"\* (?:Try|Exception is|Get more help|Where|What went wrong)|=+$|BUILD FAILED")
PLACE = re.compile(r"\* Where:")
BOILERPLATE = re.compile(
    r"> (?:Compilation failed; see the compiler|There were failing tests|Run with --)"
    r"|Execution failed for task|A problem occurred"
)
TASK = re.compile(r"Execution failed for task '(?P<task>:[^']{1,200})'")
FAILED_TASK = re.compile(r"(?:> Task )?(?P<task>:[\w:.-]{1,200}) FAILED")
TEST = re.compile(r"(?P<suite>\S.{0,200}?) > (?P<name>\S.{0,200}?) FAILED$")
KOTLIN = re.compile(r"e: (?P<path>\S{1,300}?\.kts?):? ?[:(](?P<line>\d+)[:,] ?\d+\)?:? (?P<message>\S.*)")
SCAN = re.compile(r"(?P<url>https://(?:gradle\.com|scans\.gradle\.com|[\w.-]+)/s/[a-z0-9]{8,20})\s*$")


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what Gradle says, None where the log has nothing of a failed Gradle build."""
    wrong = list(matches(lines, WRONG))
    if not wrong:
        return None
    block = _block(lines, wrong[0][0])
    reasons = [line for line in block if not BOILERPLATE.match(line.text)]
    failed = [found["task"] for line in block if (found := TASK.match(line.text))]
    compiled = compiler_errors(lines)
    kotlin = [(lines[index], found) for index, found in matches(lines, KOTLIN)]
    test_lines, tests = _tests(lines)
    task = failed[0] if failed else ""
    if compiled and ("ompil" in task or not task):
        telling, cause = list(compiled.lines), compiled.cause
    elif kotlin:
        telling = [line for line, _ in kotlin]
        found = kotlin[0][1]
        cause = f"Compilation failed: {found['message']}, {PurePosixPath(found['path']).name}:{found['line']}"
    elif tests and (not reasons or "est" in task):
        telling = test_lines
        count = f"{len(tests)} tests failed" if len(tests) > 1 else "A test failed"
        cause = f"{count}: {tests[0].suite} > {tests[0].name}: {tests[0].message}"
    else:
        telling = reasons[:8] if not failed else block[:8]
        cause = " ".join(line.text.strip().removeprefix("> ") for line in (reasons or block)[:2])
    order = [*telling[:12], *block[:6], *_place(lines), *_output(lines, task)]
    return Finding(
        tool="gradle",
        cause=one_line(cause),
        lines=distinct(order),
        depth=Depth.TOOL,
        at=lines[wrong[-1][0]].number,
        where=task,
        tests=tests,
        links=tuple(dict.fromkeys(found["url"] for _, found in matches(lines, SCAN))),
    )


def _block(lines: Sequence[Line], index: int) -> list[Line]:
    return [line for line in following(lines, index, 40, PART.match) if line.text.strip()]


def _place(lines: Sequence[Line]) -> list[Line]:
    found = first(lines, PLACE)
    return following(lines, found[0], 1, PART.match) if found else []


def _tests(lines: Sequence[Line]) -> tuple[list[Line], tuple[FailingTest, ...]]:
    chosen: list[Line] = []
    tests = []
    for index, found in matches(lines, TEST):
        trace = following(lines, index, 10, lambda text: not text.startswith(("    ", "\t")))
        chosen += [lines[index], *trace[:3]]
        message = one_line(trace[0].text) if trace else ""
        tests.append(FailingTest(suite=found["suite"], name=found["name"], message=message))
    return chosen, tuple(tests)


def _output(lines: Sequence[Line], task: str) -> list[Line]:
    """Return the last lines that a task wrote before it failed, where the console shows them together."""
    for index, found in matches(lines, FAILED_TASK):
        if found["task"] == task:
            return list(lines[max(0, index - 4) : index + 1])
    return []

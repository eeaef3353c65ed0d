"""Maven: the reactor summary, compiler errors, Surefire's and Failsafe's failures, resolution, the POM.

Forms: https://maven.apache.org/surefire/, https://maven.apache.org/guides/mini/guide-multiple-modules.html
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from bot.diagnosis.diagnosis import Depth, FailingTest, Finding, Line, distinct, one_line
from bot.diagnosis.matching import first, following, matches

SIGNATURE = re.compile(
    r"\[INFO\] BUILD FAILURE|\[ERROR\] Failed to execute goal |\[ERROR\] COMPILATION ERROR|\[ERROR\] Tests run:"
    r"|\[ERROR\] (?:Some problems were encountered|The build could not read|\[ERROR\]|The goal you specified)"
    r"|\[ERROR\] .{1,900} -> \[Help \d"
)
COMPILER = re.compile(
    r"\[ERROR\] (?P<path>\S.{0,400}?\.\w{1,10}):(?: ?[\[(](?P<line>\d+),\s?\d+[\])]:?)? (?P<message>\S.*)"
)
SYMBOL = re.compile(r"(?:\[ERROR\])?\s+symbol: +(?P<symbol>\S.*)")
DETAIL = re.compile(r"(?:\[ERROR\])?\s+(?:symbol|location|required|found|reason): ")
SUMMARY = re.compile(r"(?:\[ERROR\] )?(?:Failures|Errors|Failed tests|Tests in error): ?")
SUMMARISED = re.compile(
    r"\[ERROR\] {2,3}(?:Run \d+: )?(?P<suite>[\w.$]+?)[.>](?P<name>[^\s:]+?)(?::\d+)?(?:->\S+)? (?P<message>\S.*)"
)
RESULT = re.compile(r"\[(?:ERROR|INFO|WARNING)\] *(?:Tests run:|$)")
REPORTED = re.compile(r"\[ERROR\] (?P<test>\S.{0,300}?) +(?:-- )?Time elapsed: .{1,40}<<< (?:FAILURE|ERROR)!")
GOAL = re.compile(
    r"\[ERROR\] Failed to execute goal (?:(?P<goal>\S+) (?:\([^)]{1,100}\) )?)?on project"
    r" (?P<project>\S+): ?(?P<message>.*)"
)
MODULE = re.compile(r"\[INFO\] (?P<module>\S.{0,120}?) \.{2,} ?FAILURE \[")
ERROR = re.compile(r"\[(?:ERROR|FATAL)\] ?(?:\[(?:ERROR|FATAL)\] )?(?P<message>.*)")
HELP = re.compile(r" -> \[Help \d+\]\s*$")
ALWAYS = re.compile(
    r"\[ERROR\] ?(?:$|To see the full stack|Re-run Maven|For more information|\[Help|After correcting|\s+mvn <"
    r"|Please refer to|-> \[Help|\s*at \S+\(|Command was |Error occurred in starting fork|\s*\.\.\. \d+ more)"
)


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what Maven says, None where the log has nothing of a failed Maven build."""
    begin = first(lines, SIGNATURE)
    if begin is None:
        return None
    modules = [found["module"].strip() for _, found in matches(lines, MODULE)]
    goal = first(lines, GOAL)
    where = ", ".join(modules[:3]) if modules else goal[1]["project"] if goal else ""
    for part in (_compilation, _tests, _goal, _model):
        found = part(lines, where)
        if found:
            return found
    return None


def _compilation(lines: Sequence[Line], where: str) -> Finding | None:
    errors = [
        (index, found) for index, found in matches(lines, COMPILER) if found["line"] or "-Werror" in found["message"]
    ]
    if not errors:
        return None
    telling: list[Line] = []
    for index, _ in errors:
        telling += [lines[index], *following(lines, index, 3, lambda text: not DETAIL.match(text))]
    index, found = errors[0]
    symbol = next((m for line in lines[index + 1 : index + 4] if (m := SYMBOL.match(line.text))), None)
    message = found["message"] + (f" {symbol['symbol']}" if symbol else "")
    place = PurePosixPath(found["path"]).name + (f":{found['line']}" if found["line"] else "")
    goals = [lines[number] for number, _ in matches(lines, GOAL)]
    cause = one_line(f"Compilation failed: {message}, {place}")
    return Finding(
        tool="maven",
        cause=cause,
        lines=distinct([*telling, *goals]),
        depth=Depth.TOOL,
        at=lines[errors[-1][0]].number,
        where=where,
    )


def _tests(lines: Sequence[Line], where: str) -> Finding | None:
    summarised, tests = _summary(lines)
    details, reported = _reports(lines)
    tests = tests or reported
    if not tests:
        return None
    count = f"{len(tests)} tests failed" if len(tests) > 1 else "A test failed"
    cause = one_line(f"{count}: {tests[0].suite}.{tests[0].name}: {tests[0].message}")
    goals = [lines[number] for number, _ in matches(lines, GOAL)]
    chosen = distinct([*summarised[:6], *details, *summarised[6:], *goals])
    at = (goals or summarised or details)[-1].number
    return Finding(tool="maven", cause=cause, lines=chosen, depth=Depth.TOOL, at=at, where=where, tests=tests)


def _summary(lines: Sequence[Line]) -> tuple[list[Line], tuple[FailingTest, ...]]:
    """Read what Surefire and Failsafe list at a module's end, of all modules."""
    chosen: list[Line] = []
    tests: dict[tuple[str, str], FailingTest] = {}
    for index, _ in matches(lines, SUMMARY):
        for line in following(lines, index, 500, lambda text: RESULT.match(text) or SUMMARY.match(text)):
            found = SUMMARISED.match(line.text)
            if found:
                message = one_line(found["message"].removeprefix("» "))
                test = FailingTest(suite=found["suite"], name=found["name"], message=message)
                tests.setdefault((test.suite, test.name), test)
                chosen.append(line)
    return chosen, tuple(tests.values())


def _reports(lines: Sequence[Line]) -> tuple[list[Line], tuple[FailingTest, ...]]:
    """Read what is said at each test as it fails: the exception and the frames of the project's own test."""
    chosen: list[Line] = []
    tests: list[FailingTest] = []
    for index, found in matches(lines, REPORTED):
        if found["test"].startswith("Tests run:"):
            continue
        named = re.fullmatch(r"(?P<name>[^(]{1,200})\((?P<suite>[\w.$]+)\)", found["test"])
        suite, _, name = found["test"].rpartition(".")
        if named:
            suite, name = named["suite"], named["name"]
        short = suite.rpartition(".")[2]
        message = lines[index + 1].text if index + 1 < len(lines) else ""
        trace = following(lines, index, 30, lambda text: not text.strip() or text.startswith("["))
        if len(tests) < 3:  # noqa: PLR2004 -- the rest are in the summary
            chosen += [lines[index], *trace[:1], *[line for line in trace if short and f"{short}." in line.text][:2]]
        tests.append(FailingTest(suite=short, name=name, message=one_line(message)))
    return chosen, tuple(tests)


def _goal(lines: Sequence[Line], where: str) -> Finding | None:
    found = first(lines, GOAL)
    if found is None:
        return None
    index, goal = found
    more = following(lines, index, 60, lambda text: not text.startswith("[ERROR]"))
    reasons = [line for line in more if not ALWAYS.match(line.text)]
    message = HELP.sub("", goal["message"]).strip()
    if not message and reasons:
        message = " ".join(ERROR.sub(r"\g<message>", line.text) for line in reasons[:2])
    cause = one_line(f"{_short(goal['goal'])}: {message}" if goal["goal"] else message)
    return Finding(
        tool="maven",
        cause=cause,
        lines=distinct([lines[index], *reasons]),
        depth=Depth.TOOL,
        at=lines[index].number,
        where=where,
    )


def _short(goal: str) -> str:
    """Return "enforcer:enforce" for "org.apache.maven.plugins:maven-enforcer-plugin:3.5.0:enforce"."""
    parts = goal.split(":")
    return (
        f"{parts[1].removeprefix('maven-').removesuffix('-maven-plugin').removesuffix('-plugin')}:{parts[-1]}"
        if len(parts) > 1
        else goal
    )


def _model(lines: Sequence[Line], where: str) -> Finding | None:
    """Read errors before any goal ran: the POM, its parent, a plugin, a phase that does not exist."""
    errors = [lines[index] for index, _ in matches(lines, ERROR) if not ALWAYS.match(lines[index].text)]
    if not errors:
        return None
    headings = ("Some problems were encountered", "The build could not read", "  The project ")
    messages = [(line, HELP.sub("", ERROR.sub(r"\g<message>", line.text))) for line in errors]
    telling = [(line, text) for line, text in messages if not text.startswith(headings)] or messages
    order = [line for line, _ in telling] + errors
    cause = one_line(telling[0][1])
    return Finding(
        tool="maven", cause=cause, lines=distinct(order), depth=Depth.TOOL, at=errors[-1].number, where=where
    )

"""Stack traces of Python, Java and Node.js, whichever tool ran the program; and Node's own test runner."""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, FailingTest, Finding, Line, Sureness, distinct, one_line
from bot.diagnosis.matching import following, last, matches

PYTHON = re.compile(
    r"(?:  [+|] )*\s*(?:Traceback|\+ Exception Group Traceback|Exception Group Traceback) \(most recent call last\):"
)
PYTHON_ERROR = re.compile(
    r"(?:[ |+]* )?(?P<name>[A-Za-z_][\w.]{0,150}(?:Error|Exception|Exit|Interrupt|Group|Warning|Failed"
    r"|[a-z]))(?:: (?P<message>.*))?$"
)
PYTHON_FILE = re.compile(r"[ |]*File \"(?P<path>[^\"]{1,400})\", line (?P<line>\d+)")
PYTHON_SYNTAX = re.compile(r"(?:SyntaxError|IndentationError|TabError): \S")
UNITTEST = re.compile(r"(?:FAIL|ERROR): (?P<name>\S+) \((?P<suite>[\w.]+)\)")
PIP = re.compile(
    r"ERROR: (?:No matching distribution|Could not find a version|Cannot install|ResolutionImpossible"
    r"|Failed building|Could not install|Invalid requirement)"
)
JAVA = re.compile(
    r"(?:Exception in thread \"[^\"]{0,200}\" |Caused by: )?(?P<name>(?:[a-z_]\w*\.)+[A-Z]\w*(?:Exception"
    r"|Error|Throwable|Failure)\b)(?:: (?P<message>.*))?"
)
JAVA_FRAME = re.compile(r"\s+at \S{1,400}\(|\s+\.\.\. \d+ (?:more|common)")
JAVA_START = re.compile(
    r"Exception in thread \"|Error: (?:Could not find or load main class|Main method not found"
    r"|Unable to access jarfile|LinkageError)"
)
NODE = re.compile(r"(?:Uncaught )?(?:\[?(?P<name>[A-Z]\w*Error|Error)(?: \[\w+\])?): (?P<message>\S.*)")
NODE_FRAME = re.compile(r"\s+at (?:async )?\S.{0,400}:\d+:\d+\)?")
TAP = re.compile(r"(?:\s*)not ok \d+ - (?P<name>\S.*)")
ESLINT = re.compile(r"\s+\d+:\d+\s+error\s+\S")


def read_python(lines: Sequence[Line]) -> Finding | None:
    """Return the last traceback of Python, the errors of unittest, or why pip could not install."""
    named = [(lines[index], found) for index, found in matches(lines, UNITTEST)]
    begun = [index for index, _ in matches(lines, PYTHON)]
    errors = [error for error in (_python_error(lines, index) for index in begun) if error]
    if not errors:
        return _python_word(lines)
    index = errors[-1] if not named else errors[0]
    files = [line for line in lines[max(0, index - 60) : index] if PYTHON_FILE.match(line.text)][-2:]
    source = [lines[index - 1]] if files and index and not PYTHON_FILE.match(lines[index - 1].text) else []
    tests = tuple(
        FailingTest(
            suite=found["suite"], name=found["name"], message=one_line(lines[at].text) if at is not None else ""
        )
        for (_, found), at in zip(named, [*errors, *[None] * len(named)], strict=False)
    )
    nested = [
        line
        for line in following(lines, index, 40, lambda text: not text.startswith("  "))
        if PYTHON_ERROR.match(line.text.lstrip(" |+"))
    ]
    order = [
        lines[index],
        *[line for line, _ in named],
        *nested[-1:],
        *reversed(files),
        *source,
        *[lines[at] for at in errors],
    ]
    place = PYTHON_FILE.match(files[-1].text) if files else None
    where = f", {place['path'].rpartition('/')[2]}:{place['line']}" if place else ""
    cause = one_line(f"{lines[index].text.strip(' |+')}{where}")
    return Finding(
        tool="python", cause=cause, lines=distinct(order), depth=Depth.GENERAL, at=lines[index].number, tests=tests
    )


def _python_error(lines: Sequence[Line], index: int) -> int | None:
    """Return the index of the line that ends a traceback: the first one that is not indented below its heading."""
    for number in range(index + 1, min(len(lines), index + 400)):
        text = lines[number].text.lstrip("|+") if lines[index].text.startswith("  ") else lines[number].text
        inner = text.removeprefix("  | ") if lines[index].text.startswith("  ") else text
        if inner and not inner.startswith((" ", "\t")):
            return number if PYTHON_ERROR.match(inner) else None
    return None


def _python_word(lines: Sequence[Line]) -> Finding | None:
    """Read errors that have no traceback: of the syntax, and pip's."""
    found = last(lines, PYTHON_SYNTAX)
    if found:
        index = found[0]
        order = [lines[index], *lines[max(0, index - 3) : index]]
        return Finding(
            tool="python",
            cause=one_line(lines[index].text),
            lines=distinct(order),
            depth=Depth.GENERAL,
            at=lines[index].number,
        )
    pip = [lines[index] for index, _ in matches(lines, PIP)]
    if not pip:
        return None
    return Finding(
        tool="pip",
        cause=one_line(pip[-1].text.removeprefix("ERROR: ")),
        lines=distinct(reversed(pip)),
        depth=Depth.TOOL,
        at=pip[-1].number,
    )


def read_java(lines: Sequence[Line]) -> Finding | None:
    """Return the first uncaught exception of Java with what caused it, else the last stack trace."""
    traces = [
        index
        for index, _ in matches(lines, JAVA)
        if not lines[index].text.startswith("Caused by: ")
        and index + 1 < len(lines)
        and JAVA_FRAME.match(lines[index + 1].text)
    ]
    uncaught = [index for index, _ in matches(lines, JAVA_START)]
    if not traces and not uncaught:
        return None
    index = uncaught[0] if uncaught else traces[-1]
    below = following(lines, index, 300, lambda text: not (JAVA_FRAME.match(text) or text.startswith("Caused by: ")))
    causes = [line for line in below if line.text.startswith("Caused by: ")]
    frames = [
        line for line in below if JAVA_FRAME.match(line.text) and not re.match(r"\s+at (?:java|jdk|sun)\.", line.text)
    ]
    root = causes[-1] if causes else lines[index]
    after = following(lines, index, 2, lambda text: not text.startswith("Caused by: ")) if not below else []
    order = distinct([lines[index], *causes[-1:], *frames[:4], *causes, *after, *below[:3]])
    sureness = Sureness.SURE if uncaught else Sureness.LIKELY
    return Finding(
        tool="java",
        cause=one_line(root.text),
        lines=order,
        depth=Depth.GENERAL,
        at=lines[index].number,
        sureness=sureness,
    )


def read_node(lines: Sequence[Line]) -> Finding | None:
    """Return the last error of Node.js that has a stack, a failing test of its runner, or what ESLint reports."""
    tap = [
        (lines[index], found, following(lines, index, 25, lambda text: text.strip() in {"...", "# Subtest"}))
        for index, found in matches(lines, TAP)
    ]
    if tap:
        return _tap(tap)
    lint = [lines[index] for index, _ in matches(lines, ESLINT)]
    if lint:
        return Finding(
            tool="eslint", cause=one_line(lint[0].text), lines=distinct(lint), depth=Depth.TOOL, at=lint[-1].number
        )
    for index, _ in reversed(list(matches(lines, NODE))):
        below = following(lines, index, 12, lambda text: not text.strip())
        frames = [line for line in below if NODE_FRAME.match(line.text)]
        if frames:
            own = [line for line in frames if "node:" not in line.text and "node_modules" not in line.text]
            order = distinct([lines[index], *own[:3], *frames[:1], *lines[max(0, index - 5) : index]])
            return Finding(
                tool="node", cause=one_line(lines[index].text), lines=order, depth=Depth.GENERAL, at=lines[index].number
            )
    return None


def _tap(tap: Sequence[tuple[Line, re.Match[str], Sequence[Line]]]) -> Finding:
    order: list[Line] = []
    tests = []
    for line, found, block in tap:
        said = [
            part
            for part in block
            if part.text.strip() and not re.match(r"\s+(?:---|duration_ms|type|failureType|error: \|)", part.text)
        ]
        order += [line, *said[:6]]
        tests.append(
            FailingTest(name=found["name"], message=one_line(" ".join(part.text.strip() for part in said[1:3])))
        )
    cause = one_line(f"A test failed: {tests[0].name}: {tests[0].message}")
    return Finding(
        tool="node", cause=cause, lines=distinct(order), depth=Depth.TOOL, at=order[-1].number, tests=tuple(tests)
    )

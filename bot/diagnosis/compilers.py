"""Compilers and type checkers that say `file:line: error: message`: javac, GCC, Clang, tsc, mypy."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from bot.diagnosis.diagnosis import Depth, Finding, Line, distinct, one_line
from bot.diagnosis.matching import following, matches

# javac under Gradle's plain console is glued to its task: ":compileJava/src/Cart.java:17: error: …".
ERROR = re.compile(
    r"(?::[\w:]{1,80}(?=/))?(?P<path>[^\s:(][^:(]{0,300}\.\w{1,10})"
    r"(?::(?P<line>\d+)(?::\d+)?|\((?P<row>\d+),\d+\))(?::"
    r"| -)? (?:fatal )?error(?: (?P<code>[A-Z]+\d+))?: (?P<message>\S.*)"
)
DETAIL = re.compile(r"\s+\S|\d+ \|")
SYMBOL = re.compile(r"\s+symbol: +(?P<symbol>\S.*)")


def compiler_errors(lines: Sequence[Line]) -> Finding | None:
    """Return the errors that compilers report line by line, None where there are none."""
    errors = list(matches(lines, ERROR))
    if not errors:
        return None
    index, found = errors[0]
    details = following(lines, index, 6, lambda text: not DETAIL.match(text))
    symbol = next((m for line in details if (m := SYMBOL.match(line.text))), None)
    message = found["message"] + (f" {symbol['symbol']}" if symbol else "")
    place = f"{PurePosixPath(found['path']).name}:{found['line'] or found['row']}"
    order = [lines[index], *details, *(lines[number] for number, _ in errors[1:])]
    tool = {"java": "javac", "ts": "tsc", "tsx": "tsc", "py": "mypy", "c": "gcc", "cc": "gcc", "cpp": "gcc"}
    return Finding(
        tool=tool.get(PurePosixPath(found["path"]).suffix[1:], "compiler"),
        cause=one_line(f"Compilation failed: {message}, {place}"),
        lines=distinct(order),
        depth=Depth.GENERAL,
        at=lines[errors[-1][0]].number,
    )


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what a compiler says, None where none reports an error."""
    return compiler_errors(lines)

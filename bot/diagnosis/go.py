"""Go: compiler, vet, module errors, failing tests, panics, data races, timeouts.

Forms: https://pkg.go.dev/cmd/go, https://pkg.go.dev/cmd/vet, https://go.dev/doc/articles/race_detector
"""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, FailingTest, Finding, Line, distinct, one_line
from bot.diagnosis.matching import following, matches

COMPILER = re.compile(r"(?:vet: )?(?P<place>(?:\.{0,2}/)?[^\s:]{1,300}\.go:\d+(?::\d+)?): (?P<message>\S.*)")
FAILED = re.compile(r"(?P<indent> *)--- FAIL: (?P<name>\S+) \(")
MESSAGE = re.compile(r"\s+\S{1,200}\.go:\d+: \S")
STARTED = re.compile(r"=== (?:RUN|CONT|PAUSE|NAME) +(?P<name>\S+)")
PACKAGE = re.compile(r"FAIL\t(?P<package>\S+)")
PANIC = re.compile(r"(?:panic: |fatal error: )(?P<message>\S.*)")
RACE = re.compile(r"WARNING: DATA RACE")
MODULE = re.compile(r"go: (?!downloading |finding |extracting |added |upgraded |creating |to add )(?P<message>\S.*)")
CYCLE = re.compile(r"package \S+|\s+imports \S+|.{0,300}import cycle not allowed")
NOWHERE = re.compile(
    r"(?:.{1,300}: )?(?:package (?P<package>\S+) is not in |import cycle not allowed"
    r"|\s*imports \S+: import cycle not allowed)"
)
FRAME = re.compile(r"\s+(?!/usr/|/opt/)(?:\S*/)?[^\s/]+\.go:\d+")


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what the Go tool says, None where the log has nothing of its failures."""
    return _panic(lines) or _tests(lines) or _compilation(lines) or _modules(lines)


def _panic(lines: Sequence[Line]) -> Finding | None:
    """Read a panic with the goroutine's trace below it, or the race detector's report."""
    for pattern in (RACE, PANIC):
        for index, found in matches(lines, pattern):
            below = following(lines, index, 60, lambda text: text.startswith(("FAIL", "====", "exit status")))
            if pattern is PANIC and not any(line.text.startswith("goroutine ") for line in below):
                continue
            frames = [line for line in below if FRAME.match(line.text)]
            tests = _failing(lines)
            before = [line for line in lines[max(0, index - 3) : index] if FAILED.match(line.text)]
            more = [lines[number] for number, _ in matches(lines, FAILED)]
            order = [lines[index], *below[:2], *frames[:4], *before, *more, *_packages(lines)]
            text = found["message"] if pattern is PANIC else "data race"
            return _finding(
                f"panic: {text}" if pattern is PANIC else f"Data race, {_place(frames)}", order, lines, tests
            )
    return None


def _place(frames: Sequence[Line]) -> str:
    return frames[0].text.split()[0].rpartition("/")[2] if frames else "place unknown"


def _tests(lines: Sequence[Line]) -> Finding | None:
    tests = _failing(lines)
    if not tests:
        return None
    order: list[Line] = []
    for index, _ in matches(lines, FAILED):
        order += [lines[index], *_messages(lines, index)]
    deepest = max(tests, key=lambda test: bool(test.message))
    count = f"{len(tests)} tests failed" if len(tests) > 1 else "A test failed"
    return _finding(f"{count}: {deepest.name}: {deepest.message}", [*order, *_packages(lines)], lines, tests)


def _failing(lines: Sequence[Line]) -> tuple[FailingTest, ...]:
    """Return the failing tests; one that failed only because its subtests did is left out."""
    found = [(index, match["name"]) for index, match in matches(lines, FAILED)]
    names = {name for _, name in found}
    tests = {}
    for index, name in found:
        if any(other.startswith(f"{name}/") for other in names):
            continue
        package = next((m["package"] for line in lines[index + 1 : index + 400] if (m := PACKAGE.match(line.text))), "")
        said = _messages(lines, index)
        tests[package, name] = FailingTest(suite=package, name=name, message=one_line(said[0].text) if said else "")
    return tuple(tests.values())


def _messages(lines: Sequence[Line], index: int) -> list[Line]:
    """Return what a test logged: below its FAIL line, or with -v above it, since it started."""
    below = [
        line for line in following(lines, index, 6, lambda text: not MESSAGE.match(text)) if MESSAGE.match(line.text)
    ]
    if below:
        return below
    name = lines[index].text.split("--- FAIL: ", 1)[1].split(" ", 1)[0]
    for start in range(index - 1, max(-1, index - 200), -1):
        started = STARTED.match(lines[start].text)
        if started and started["name"] == name:
            return following(lines, start, 6, lambda text: not MESSAGE.match(text))
    return []


def _compilation(lines: Sequence[Line]) -> Finding | None:
    errors = [index for index, _ in matches(lines, COMPILER)]
    if not errors:
        return None
    order = [
        part for index in errors for part in (lines[index], *following(lines, index, 2, lambda text: text[:1] != "\t"))
    ]
    found = COMPILER.match(lines[errors[0]].text)
    assert found is not None  # noqa: S101 -- chosen by this pattern two lines above
    message = found["message"].removesuffix("; to add it:")
    kind = "Cannot build" if message != found["message"] else "Compilation failed"
    return _finding(f"{kind}: {message}, {found['place'].removeprefix('./')}", [*order, *_packages(lines)], lines)


def _modules(lines: Sequence[Line]) -> Finding | None:
    index = next((index for index, line in enumerate(lines) if NOWHERE.match(line.text)), None)
    if index is None:
        index = next((index for index, _ in matches(lines, MODULE)), None)
    if index is None:
        return None
    near = [line for line in lines[max(0, index - 3) : index] if CYCLE.match(line.text)]
    below = following(lines, index, 4, lambda text: not text.strip())
    text = lines[index].text.strip()
    cause = f"{text} {below[0].text.strip()}" if text.endswith(":") and below else text
    return _finding(cause, [lines[index], *below, *near], lines)


def _packages(lines: Sequence[Line]) -> list[Line]:
    return [lines[index] for index, _ in matches(lines, PACKAGE)]


def _finding(cause: str, order: Sequence[Line], lines: Sequence[Line], tests: tuple[FailingTest, ...] = ()) -> Finding:
    packages = [found["package"] for _, found in matches(lines, PACKAGE)]
    return Finding(
        tool="go",
        cause=one_line(cause),
        lines=distinct(order),
        depth=Depth.TOOL,
        at=max(line.number for line in order),
        where=packages[0] if packages else "",
        tests=tests,
    )

"""What a diagnosis says: the value types that every reader of a tool's log speaks."""

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum

from msgspec import Struct

EXCERPT_LINES = 20  # a screenful in a message; the whole log is a file
CAUSE_LENGTH = 300  # one line that a person reads in a channel
MESSAGE_LENGTH = 300


class Sureness(StrEnum):
    """How far a diagnosis is to be trusted."""

    SURE = "sure"  # the tool itself says so
    LIKELY = "likely"  # follows from what is known of the tool or the language
    GUESS = "guess"  # only the look of the lines


class Depth(IntEnum):
    """How near a finding is to the cause; of several findings in one log the nearest one speaks."""

    WRAPPER = 1  # something inside failed: "script returned exit code 1"
    STEP = 2  # which step failed, with what it printed: a RUN of a Dockerfile, an npm script
    GENERAL = 3  # a stack trace or a compiler's line, whichever tool ran it
    TOOL = 4  # the tool that failed names the cause


class Line(Struct, frozen=True):
    """One line of a log: its number in the log, from 1, and its text without colours, times and markers."""

    number: int
    text: str


class FailingTest(Struct, frozen=True, kw_only=True):
    """A test that failed, and its message in one line. `suite` and `name` together name it, as in a TestCase."""

    name: str
    suite: str = ""
    message: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """What one reader found in a log.

    `lines` come most telling first. `where` is the failing task, stage, step or module. `at` is the number of the line
    that reports the failure: of two findings equally near to the cause the later one ended the run.
    """

    tool: str
    cause: str
    lines: Sequence[Line]
    depth: Depth
    at: int
    sureness: Sureness = Sureness.SURE
    where: str = ""
    tests: Sequence[FailingTest] = ()
    links: Sequence[str] = ()


class Diagnosis(Struct, frozen=True, kw_only=True):
    """Why a run failed. `excerpt` has at most 20 lines, most telling first; `tool` is empty where none was known."""

    tool: str
    cause: str
    excerpt: Sequence[Line]
    sureness: Sureness
    where: str = ""
    tests: Sequence[FailingTest] = ()
    links: Sequence[str] = ()


def one_line(text: str, length: int = CAUSE_LENGTH) -> str:
    """Return the text on one line, cut with an ellipsis where it is longer than `length` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def distinct(lines: Iterable[Line], limit: int = EXCERPT_LINES) -> tuple[Line, ...]:
    """Return the first `limit` lines that say something, each text once, in the order given."""
    chosen: dict[str, Line] = {}
    for line in lines:
        text = line.text.strip()
        if text and text not in chosen:
            chosen[text] = line
            if len(chosen) == limit:
                break
    return tuple(chosen.values())

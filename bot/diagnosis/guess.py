"""A log of no known tool: the last lines that look like errors, called a guess."""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, Finding, Line, Sureness, distinct, one_line

ERROR_LIKE = re.compile(
    r"\b(?:error|fatal|panic|exception|failed|failure|cannot|could not|unable to|denied|refused|not found"
    r"|no such|timed out)\b",
    re.IGNORECASE,
)
HARMLESS = re.compile(
    r"\b(?:0|no) (?:errors?|failures?|failed)\b|\bFinished: |\bexit (?:code|status) \d|^\+ ", re.IGNORECASE
)
WINDOW = 400  # lines at the end; what ended a run stands near its end
SHOWN = 8


def read(lines: Sequence[Line]) -> Finding | None:
    """Return the last error-like lines, the last lines of all where none is; None for an empty log."""
    near = [line for line in lines[-WINDOW:] if line.text.strip()]
    if not near:
        return None
    telling = [line for line in near if ERROR_LIKE.search(line.text) and not HARMLESS.search(line.text)][-SHOWN:]
    chosen = list(reversed(telling)) or list(reversed(near[-SHOWN:]))
    return Finding(
        tool="",
        cause=one_line(chosen[0].text),
        lines=distinct(chosen),
        depth=Depth.WRAPPER,
        at=chosen[0].number,
        sureness=Sureness.GUESS,
    )

"""Read a log of any size in one pass and keep a bounded part of it.

Kept are the first lines, the last ones, and on the way the windows around lines that look like trouble: of those the
first and the last, because the first usually is the cause and the last usually the summary. Memory is bounded by
lines times their greatest length: about 8 MB; time is linear in the log.
"""

import codecs
from collections import deque
from collections.abc import Iterable

from bot.diagnosis.cleaning import cleaned
from bot.diagnosis.diagnosis import Line

HEAD = 200  # where a log says what it is
TAIL = 2_500  # where most tools sum up
FIRST_MARKED = 2_500
LAST_MARKED = 1_500
BEFORE = 3  # lines kept before a line that looks like trouble
AFTER = 25  # and after it: a stack trace's beginning, a message over several lines
LINE_LENGTH = 1_000  # characters; what is longer is minified code or data
RAW_LENGTH = 4_000  # of a line before it is cleaned: colours and section markers take room
# Lower case; each is looked for as plain text, which costs far less per line than a regular expression.
MARKS = (
    "error",
    "fail",
    "exception",
    "fatal",
    "panic",
    "traceback",
    "could not",
    "cannot",
    "can't",
    "not found",
    "no such",
    "not ok",
    "denied",
    "refused",
    "timed out",
    "timeout",
    "race",
    "went wrong",
    "● ",
    "✖",
    "npm err",
    "undefined",
    "err!",
    "abort",
    "offline",
    "rejected by",
)


class Intake:
    """Takes a log in pieces, `feed` by `feed`, and gives the kept lines. Not to be fed after `lines`."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""
        self._number = 0
        self._after = 0
        self._before: deque[Line] = deque(maxlen=BEFORE)
        self._head: list[Line] = []
        self._tail: deque[Line] = deque(maxlen=TAIL)
        self._first: list[Line] = []
        self._last: deque[Line] = deque(maxlen=LAST_MARKED)

    def feed(self, piece: bytes | str) -> None:
        """Take the next piece of the log; pieces may end within a line or a character."""
        text = piece if isinstance(piece, str) else self._decoder.decode(piece)
        lines = text.split("\n")
        for part in lines[:-1]:
            self._extend(part)
            self._end_line()
        self._extend(lines[-1])

    def lines(self) -> list[Line]:
        """Return what was kept, in the order of the log."""
        self.feed(self._decoder.decode(b"", final=True))
        if self._rest:
            self._end_line()
        kept = {line.number: line for part in (self._head, self._first, self._last, self._tail) for line in part}
        return [kept[number] for number in sorted(kept)]

    @property
    def count(self) -> int:
        """The number of lines read so far."""
        return self._number

    def _extend(self, part: str) -> None:
        room = RAW_LENGTH - len(self._rest)
        if room > 0:
            self._rest += part[:room]

    def _end_line(self) -> None:
        self._number += 1
        line = Line(self._number, cleaned(self._rest)[:LINE_LENGTH])
        self._rest = ""
        if len(self._head) < HEAD:
            self._head.append(line)
        self._tail.append(line)
        lowered = line.text.lower()
        if any(mark in lowered for mark in MARKS):
            self._keep(self._before)
            self._before.clear()
            self._keep((line,))
            self._after = AFTER
        elif self._after:
            self._after -= 1
            self._keep((line,))
        else:
            self._before.append(line)

    def _keep(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if len(self._first) < FIRST_MARKED:
                self._first.append(line)
            else:
                self._last.append(line)

"""What a sink's files hold of the log, to compare the log with: read in step with it, so that memory stays flat."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.audit.broken import Broken, Fault


class Copies:
    """Files of JSON lines in the order in which they were written. A line that a crash cut short counts for nothing."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._lines = _read(files)
        self._next: tuple[int, str] | None = next(self._lines, None)
        self.compared = 0

    def compare(self, number: int, entry_hash: str) -> None:
        """Compare the entry of the log with its copy, if there is one; called with rising numbers.

        Raises:
            Broken: they differ.
        """
        same = False
        while self._next is not None and self._next[0] <= number:
            if self._next[0] == number and self._next[1] != entry_hash:
                raise Broken(number, Fault.CHANGED, f"entry {number} is not the one that the sink's file holds")
            same = same or self._next[0] == number
            self._next = next(self._lines, None)
        self.compared += same

    def finish(self) -> int:
        """Return the number of an entry that the files hold beyond the log's end, 0 when there is none."""
        return self._next[0] if self._next is not None else 0


def _read(files: Sequence[Path]) -> Iterator[tuple[int, str]]:
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                    found = int(entry["number"]), str(entry["hash"])
                except (ValueError, KeyError, TypeError):
                    continue
                yield found

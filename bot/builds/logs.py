"""The log of a run: its end for an excerpt, or all of it within a bound. Nothing of it is kept in rows."""

from collections import deque

from msgspec import Struct

from integrations.capabilities.runs import RunRef, RunTracker

END = 512 * 1024
"""Characters at the end of a log that are looked at for why a run failed."""
WHOLE = 8 * 1024 * 1024
"""Characters of a log that are handed out as a file: its first half and its newest half."""
_MOST_CHUNKS = 256  # of 256 KiB each: what a run flooded beyond that stays with the tool


class Tail:
    """The end of a log as it comes in, and the offset where that end begins."""

    def __init__(self, offset: int = 0, longest: int = END) -> None:
        self.offset = offset
        self._longest = longest
        self._pieces: deque[tuple[int, str]] = deque()
        self._size = 0

    @property
    def begins_at(self) -> int:
        """The offset from which the kept end can be read again."""
        return self._pieces[0][0] if self._pieces else self.offset

    @property
    def text(self) -> str:
        """The end of the log."""
        return "".join(piece for _, piece in self._pieces)[-self._longest :]

    def add(self, text: str, next_offset: int) -> None:
        """Take what comes next."""
        self._pieces.append((self.offset, text))
        self._size += len(text)
        self.offset = next_offset
        while len(self._pieces) > 1 and self._size - len(self._pieces[0][1]) >= self._longest:
            self._size -= len(self._pieces.popleft()[1])


async def read_on(tracker: RunTracker, ref: RunRef, tail: Tail) -> Tail:
    """Read a log from where `tail` ends, as far as it goes and is allowed; raises what the tool raises."""
    for _ in range(_MOST_CHUNKS):
        chunk = await tracker.read_log(ref, tail.offset)
        moved = chunk.next_offset != tail.offset
        if moved or chunk.text:
            tail.add(chunk.text, chunk.next_offset)
        if not (moved and chunk.more):
            break
    return tail


class Whole(Struct, frozen=True):
    """A log for a file; `cut` when the middle of it was left out."""

    text: str
    cut: bool = False


async def read_whole(tracker: RunTracker, ref: RunRef, end_at: int) -> Whole:
    """Read all of a log, or its beginning and its end; `end_at` is where its end is known to begin."""
    head: list[str] = []
    size, offset = 0, 0
    while size < WHOLE // 2:
        chunk = await tracker.read_log(ref, offset)
        head.append(chunk.text)
        size += len(chunk.text)
        if chunk.next_offset == offset or not chunk.more:
            return Whole("".join(head))
        offset = chunk.next_offset
    rest = await read_on(tracker, ref, Tail(max(offset, end_at), WHOLE // 2))
    if rest.begins_at == offset:
        return Whole("".join(head) + rest.text)
    return Whole("".join(head) + "\n\n… the middle is left out: it is with the tool …\n\n" + rest.text, cut=True)


def last_lines(text: str, most: int = 40, longest: int = 2500) -> str:
    """Return the last lines of a text that say something."""
    lines = [line for line in text.rstrip().splitlines() if line.strip()][-most:]
    return "\n".join(lines)[-longest:]

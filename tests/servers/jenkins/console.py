"""The console of a build as Jenkins keeps it: raw bytes with hidden notes, read from a raw offset."""

import base64
import re
from collections.abc import Iterator

_NOTE = re.compile(rb"\x1b\[8mha:[A-Za-z0-9+/=]*\x1b\[0m")
_PIECE = 64 * 1024


class Console:
    """Raw output. `flood` adds much of it without keeping it in memory."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, bytes, int]] = []  # start, pattern, how often
        self.size = 0

    def write(self, data: bytes, times: int = 1) -> None:
        """Append raw bytes, so and so often."""
        self._parts.append((self.size, data, times))
        self.size += len(data) * times

    def note(self, text: str) -> None:
        """Append a hidden console note, such as a link has: it counts in the size and is never shown."""
        self.write(b"\x1b[8mha:" + base64.b64encode(text.encode()) + b"\x1b[0m")

    def raw(self, start: int) -> Iterator[bytes]:
        """Yield what is kept from a raw offset on, in pieces."""
        for begin, pattern, times in self._parts:
            end = begin + len(pattern) * times
            at = max(start, begin)
            while at < end:
                skip = (at - begin) % len(pattern)
                left = end - at
                many = min(times, max(_PIECE // len(pattern), 1) + 1)
                piece = (pattern * many)[skip:][:left]
                yield piece
                at += len(piece)

    def shown(self, start: int, *, crlf: bool) -> Iterator[bytes]:
        """Yield what people see from a raw offset on: notes gone, and line ends as progressiveText has them."""
        held = b""
        for piece in self.raw(start):
            data = held + piece
            cut = data.rfind(b"\n") + 1
            held, data = data[cut:], data[:cut]
            yield self._plain(data, crlf=crlf)
        yield self._plain(held, crlf=crlf)

    def text(self) -> str:
        """Return all of it as people see it."""
        return b"".join(self.shown(0, crlf=False)).decode(errors="replace")

    @staticmethod
    def _plain(data: bytes, *, crlf: bool) -> bytes:
        data = _NOTE.sub(b"", data)
        return data.replace(b"\n", b"\r\n") if crlf else data

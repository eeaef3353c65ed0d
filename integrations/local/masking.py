"""Secrets out of a stream of bytes, whatever pieces it comes in."""

import base64
import itertools
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

STARS = b"***"
WINDOW = 64 * 1024
_OVERLAP = 4096
_SHORTEST = 4


class Mask:
    """Masks secret values and what regular expressions match.

    A stream is masked line by line, so that the result depends on the bytes alone and not on how they were cut
    when they were written. A line over 64 KiB is masked in windows that overlap by 4 KiB. A secret value of several
    lines is masked by its lines; one shorter than four characters is left alone, since masking it would
    destroy the log. A pattern with groups masks its groups, one without masks all it matches.
    """

    def __init__(self, secrets: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        values = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(values, key=lambda value: (-len(value), value))
        self._expressions = [re.compile(pattern.encode()) for pattern in patterns]
        if longest_first:
            # Lookahead, so that secrets that overlap one another are all found.
            self._expressions.append(re.compile(b"(?=(" + b"|".join(map(re.escape, longest_first)) + b"))"))
        self._buffer = bytearray()
        self._swallowing = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return what is masked by now; the unfinished line is kept back."""
        self._buffer += data
        return b"".join(self._finished())

    def flush(self) -> bytes:
        """Return what was kept back, masked: nothing more comes."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        return b"" if self._swallowing else self.apply(rest)

    def text(self, text: str) -> str:
        """Return a whole text masked."""
        return b"\n".join(map(self.apply, text.encode(errors="replace").split(b"\n"))).decode(errors="replace")

    def apply(self, line: bytes) -> bytes:
        """Return a whole line masked."""
        out: list[bytes] = []
        at = 0
        for start, end in self._spans(line):
            out += (line[at:start], STARS)
            at = end
        return b"".join((*out, line[at:]))

    def _finished(self) -> Iterator[bytes]:
        while True:
            end = _line_end(self._buffer)
            if end:
                line = bytes(self._buffer[:end])
                del self._buffer[:end]
                if self._swallowing:
                    self._swallowing = False
                    yield line[-1:]
                else:
                    yield self.apply(line[:-1]) + line[-1:]
            elif len(self._buffer) >= WINDOW:
                yield self._window()
            else:
                return

    def _window(self) -> bytes:
        """Take the safe part of a line that does not end: no match may lie across the cut."""
        window = bytes(self._buffer[:WINDOW])
        if self._swallowing:
            del self._buffer[:WINDOW]
            return b""
        cut = WINDOW - _OVERLAP
        for start, end in sorted(_extent(match) for match in self._matches(window)):
            if start < cut < end or (end == WINDOW and start <= cut):
                cut = start
                break
        if cut == 0:  # one match fills the window: what follows on this line belongs to it
            del self._buffer[:WINDOW]
            self._swallowing = True
            return self.apply(window)
        del self._buffer[:cut]
        return self.apply(window[:cut])

    def _matches(self, line: bytes) -> Iterator[re.Match[bytes]]:
        return itertools.chain.from_iterable(expression.finditer(line) for expression in self._expressions)

    def _spans(self, line: bytes) -> list[tuple[int, int]]:
        """Return what is masked in a line, in order, with what touches or overlaps made one."""
        found: list[tuple[int, int]] = []
        for match in self._matches(line):
            groups = range(1, match.re.groups + 1) if match.re.groups else (0,)
            found += [match.span(group) for group in groups if match.end(group) > match.start(group)]
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged


def _extent(match: re.Match[bytes]) -> tuple[int, int]:
    """Return where a match begins and ends, with the groups that its lookaheads saw."""
    spans = [match.span(group) for group in range(match.re.groups + 1) if match.start(group) >= 0]
    return min(start for start, _ in spans), max(end for _, end in spans)


def _forms(secret: str) -> Iterator[bytes]:
    """Return the ways a secret is usually seen: as it is, by line, quoted for a URL, in Base64."""
    for part in (secret, *secret.splitlines()):
        value = part.strip()
        if len(value) >= _SHORTEST and "\n" not in value:
            yield value.encode()
            yield quote(value, safe="").encode()
    whole = secret.strip().encode()
    if len(whole) >= _SHORTEST:
        yield base64.b64encode(whole).rstrip(b"=")


def _line_end(buffer: bytearray) -> int:
    """Return the length of the first line with its end, 0 if none ends within the window."""
    newline = buffer.find(b"\n", 0, WINDOW)
    carriage = buffer.find(b"\r", 0, newline if newline >= 0 else WINDOW)
    return (carriage if carriage >= 0 else newline) + 1

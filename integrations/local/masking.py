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
_LINE_END = re.compile(rb"[\r\n]")


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
        self._by_line = bool(self._expressions)  # what a person's pattern finds depends on where lines begin and end
        if longest_first:
            # Lookahead, so that secrets that overlap one another are all found.
            self._expressions.append(re.compile(b"(?=(" + b"|".join(map(re.escape, longest_first)) + b"))"))
        self._buffer = bytearray()
        self._swallowing = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return what is masked by now; the unfinished line is kept back."""
        if not self._expressions:
            return data
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
        """Take all lines that have ended, and of one that does not end what is safe."""
        while True:
            yield from self._lines()
            if len(self._buffer) < WINDOW:
                return
            yield self._window()

    def _lines(self) -> Iterator[bytes]:
        """Take lines up to the first that is longer than a window, or has not ended."""
        data = bytes(self._buffer)
        at = 0
        if not (self._by_line or self._swallowing):  # a secret lies within one line: many at once give the same
            at = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
            yield self.apply(data[:at])
        for end in _LINE_END.finditer(data, at):
            if end.end() - at > WINDOW:
                break
            if self._swallowing:
                self._swallowing = False
            else:
                yield self.apply(data[at : end.start()])
            yield end[0]
            at = end.end()
        del self._buffer[:at]

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

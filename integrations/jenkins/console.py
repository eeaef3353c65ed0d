"""The console of a build, read in pieces of at most 256 KiB, however long it is.

Jenkins tells the raw size of a console before its text, and gives the text from any raw offset to the end. Text and
raw bytes are not equally long: hidden notes are left out and line ends are written as CRLF. So where a piece ends
before the text does, its raw offset is unknown, and the next one is read from the same offset, skipping what was
read. That is done for 4 MiB; what a longer console holds between its beginning and its last 192 KiB is left out,
and says so.

https://javadoc.jenkins.io/component/stapler/org/kohsuke/stapler/framework/io/LargeText.html
"""

import re
from collections.abc import Callable, Sequence

from integrations.capabilities.runs import LogChunk
from integrations.jenkins.connection import LogPart

CHUNK = 256 * 1024
_PAGED = 4 * 1024 * 1024
_MOST_SKIPPED = 8 * 1024 * 1024
_BITS = 24
_CUT = (1 << _BITS) - 1  # in place of a skip: the offset may be in the middle of a line
_LAST = 192 * 1024  # raw bytes: as text, with its line ends, they fit one piece
_NOTICE = 300
_ESCAPE = re.compile(
    r"\x1b\[8mha:[A-Za-z0-9+/=]*\x1b\[0m"  # a console note of Jenkins
    r"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|\x1b[@-Z\\-_]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]")

ReadLog = Callable[[int, int], LogPart]
"""Reads (raw offset, at most so many bytes) of one console."""


def read_chunk(read: ReadLog, offset: int, *, secrets: Sequence[str], url: str) -> LogChunk:
    """Return the piece of a console at an offset that an earlier piece gave, 0 for the beginning."""
    raw, skip = offset >> _BITS, offset & _CUT
    cut = skip == _CUT
    skip = 0 if cut else skip
    part = read(raw, skip + CHUNK + 1)
    if part.size < raw:  # it was replaced by a shorter one, and Jenkins began anew
        return LogChunk(text="", next_offset=part.size << _BITS, more=part.growing)
    text = part.text[skip:]
    begin = text.find(b"\n") + 1 if cut else 0
    text = text[begin:]
    if part.whole and len(text) <= CHUNK:
        return LogChunk(text=clean(text, secrets), next_offset=part.size << _BITS, more=part.growing)
    text = _up_to_a_line(text[: CHUNK - _NOTICE])
    skip += begin + len(text)
    left = part.size - raw - skip
    if left <= _PAGED and skip <= _MOST_SKIPPED:
        return LogChunk(text=clean(text, secrets), next_offset=raw << _BITS | skip, more=True)
    after = part.size - _LAST
    notice = f"\n[… about {(after - raw - skip) // 1024} KiB left out; the whole log: {url} …]\n"
    return LogChunk(text=clean(text, secrets) + notice[:_NOTICE], next_offset=after << _BITS | _CUT, more=True)


def tail(read: ReadLog, length: int, secrets: Sequence[str]) -> str:
    """Return the end of a console, about so many bytes of it, from the beginning of a line."""
    size = read(0, 0).size
    start = max(size - length, 0)
    text = read(start, 2 * length).text
    return clean(text[text.find(b"\n") + 1 :] if start else text, secrets)


def clean(data: bytes, secrets: Sequence[str]) -> str:
    """Return console bytes as plain text: no escape sequences, no control characters, no secrets of ours."""
    text = data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", _ESCAPE.sub("", text))
    for secret in secrets:
        text = text.replace(secret, "****")
    return text


def last_words(text: str) -> str:
    """Return the last line that a build itself wrote before Jenkins told its end."""
    own = re.compile(
        r"Finished: |\[Pipeline\]|Build step .* marked build as|Archiving artifacts|Recording test results|Aborted by"
        r"|Notifying endpoint|Started by |\+ |Sending e-mails|Stage .* skipped due to"
    )
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not own.match(line)]
    return said[-1][:300] if said else ""


def _up_to_a_line(text: bytes) -> bytes:
    """Return bytes up to the end of a line, or of a character where there is no line."""
    end = text.rfind(b"\n") + 1
    if end:
        return text[:end]
    end = len(text)
    while end > len(text) - 4 and end > 0 and text[end - 1] & 0xC0 == 0x80:  # noqa: PLR2004 -- UTF-8: goes on
        end -= 1
    return text[: end - 1] if end and text[end - 1] >= 0xC0 else text  # noqa: PLR2004 -- UTF-8: begins

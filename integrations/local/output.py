"""The log of a run on disk: its beginning and its end are kept, a flood in the middle is not."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from integrations.local.files import is_full

SEGMENT = 256 * 1024
_CHUNK = 256 * 1024


class OutputWriter:
    """Appends to a log of at most `limit` bytes: the first half of that is kept, then the newest half.

    The log is a folder of segments, each named by the position in the whole output at which it begins. Positions are
    never used again, so that a reader's offset stays good when the middle is dropped.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        with contextlib.suppress(OSError):  # a full disk: tried again with the first bytes
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._size = max(min(SEGMENT, limit // 4), 1024)
        self._head = max(limit // 2 // self._size, 1)
        self._tail = max(limit // 2 // self._size, 1)
        last = _segments(folder)[-1:]
        self._start = last[0] if last else 0
        self._position = self._start + (_path(folder, self._start).stat().st_size if last else 0)

    def write(self, data: bytes) -> None:
        """Append bytes. A full disk drops them, and the tail kept so far: the work itself goes on."""
        while data:
            room = self._start + self._size - self._position
            if room <= 0:
                self._start, room = self._position, self._size
                self._drop(self._tail - 1)
            piece, data = data[:room], data[room:]
            self._append(piece)

    def _append(self, piece: bytes) -> None:
        try:
            if self._position == self._start:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _path(self._folder, self._start).open("ab") as file:
                file.write(piece)
        except OSError as error:
            if not is_full(error):
                raise
            self._drop(0)
            self._position += len(piece)
            self._start = self._position
        else:
            self._position += len(piece)

    def _drop(self, keep: int) -> None:
        """Delete all but the head and the newest `keep` segments."""
        middle = _segments(self._folder)[self._head :]
        for start in middle[: len(middle) - keep]:
            _path(self._folder, start).unlink(missing_ok=True)


def read_output(folder: Path, offset: int, *, over: bool) -> tuple[str, int, bool]:
    """Return (text, next offset, whether more is there now) from `offset` on, at most 256 KiB.

    `over` says that nothing is written any more: bytes of a half-written character are then shown as they are.
    """
    for _ in range(3):
        with contextlib.suppress(FileNotFoundError):  # a segment was dropped since the folder was listed
            return _read(folder, max(offset, 0), over=over)
    return "", max(offset, 0), True


def tail_of(folder: Path, lines: int) -> list[str]:
    """Return the last lines of a log."""
    segments = _segments(folder)[-2:]
    text = b"".join(_path(folder, start).read_bytes() for start in segments if _path(folder, start).exists())
    return [line for line in text.decode(errors="replace").splitlines() if line.strip()][-lines:]


def _read(folder: Path, offset: int, *, over: bool) -> tuple[str, int, bool]:
    ends = [(start, start + _path(folder, start).stat().st_size) for start in _segments(folder)]
    total = ends[-1][1] if ends else 0
    if offset >= total:
        return "", total, False
    parts: list[bytes] = []
    at, size = offset, 0
    for start, end in ends:
        if end <= at or size >= _CHUNK:
            continue
        if start > at:
            if size:
                break  # what was left out is told at the beginning of the next chunk
            parts.append(f"\n[… {start - at} bytes left out …]\n".encode())
            at = start
        with _path(folder, start).open("rb") as file:
            file.seek(at - start)
            piece = file.read(min(end - at, _CHUNK - size))
        parts.append(piece)
        at += len(piece)
        size += len(piece)
    data = b"".join(parts)
    cut = 0 if over and at >= total else _unfinished(data)
    if cut and len(data) > cut:
        data, at = data[:-cut], at - cut
    elif cut:
        return "", offset, False
    return data.decode(errors="replace"), at, at < total


def _unfinished(data: bytes) -> int:
    """Return how many bytes at the end begin a UTF-8 character that is not complete."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:  # noqa: PLR2004 -- 11xxxxxx begins a character of several bytes
            length = 2 + (byte >= 0xE0) + (byte >= 0xF0)  # noqa: PLR2004
            return back if back < length else 0
        if byte < 0x80:  # noqa: PLR2004 -- ASCII
            return 0
    return 0


def _segments(folder: Path) -> Sequence[int]:
    return sorted(int(path.name) for path in folder.glob("[0-9]*")) if folder.is_dir() else []


def _path(folder: Path, start: int) -> Path:
    return folder / f"{start:015d}"

"""Sinks: places outside of Shipmate that get every entry and that it cannot rewrite. This one is a file."""

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bot.audit.entries import Entry
from bot.audit.export import json_line


class Sink(Protocol):
    """Takes entries. One that it got twice is told by its number."""

    async def deliver(self, entries: Sequence[Entry]) -> None:
        """Return once the entries are there.

        Raises:
            OSError: they may not be there; they are delivered again.
        """
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...


class FileSink:
    """Appends JSON lines to a file and flushes them to the disk.

    The file may be renamed under its feet, as logrotate does: the next entries go to a new one of the old name.
    A line that a crash cut short is ended, and its entry written again below. With `named` the lines say whom the
    pseudonyms stand for and what was typed: what is written there Shipmate can no longer erase.
    """

    def __init__(self, path: Path, *, named: bool = False) -> None:
        self._path = path
        self._named = named
        self._file: int | None = None
        self._turn = threading.Lock()  # a thread may still write when the file is to be closed

    async def deliver(self, entries: Sequence[Entry]) -> None:
        """Append the entries. Raises: OSError."""
        text = "".join(f"{json_line(entry, named=self._named)}\n" for entry in entries)
        await asyncio.to_thread(self._append, text.encode())

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._turn:
            self._let_go()

    def _append(self, text: bytes) -> None:
        with self._turn:
            self._write(text)

    def _write(self, text: bytes) -> None:
        try:
            rest = memoryview(text)
            file = self._opened()
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        except OSError:
            self._let_go()  # a line may be cut short: opening it anew ends it
            raise

    def _opened(self) -> int:
        if self._file is not None and not self._is_ours(self._file):
            self._let_go()
        if self._file is None:
            fresh = not self._path.exists()
            self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")
            if fresh:
                _keep_name(self._path.parent)
        return self._file

    def _is_ours(self, file: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(file)
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def _let_go(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


def _keep_name(folder: Path) -> None:
    """Flush the folder, so that the new file has its name after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

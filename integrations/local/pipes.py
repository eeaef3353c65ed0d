"""Pipes of our own to a child process.

The pipes that asyncio makes hold back its word that a process has ended until they are closed, and whatever the
process left running holds them open.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class OutputPipe:
    """What a child writes to `writing` comes out of `reader`."""

    reader: asyncio.StreamReader
    writing: int
    transport: asyncio.BaseTransport

    @classmethod
    async def open(cls) -> "OutputPipe":
        """Make a pipe; the caller hands `writing` to a child, calls `handed_over`, and in the end `close`."""
        reading, writing = os.pipe()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(reading, "rb", 0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        return cls(reader, writing, transport)

    def handed_over(self) -> None:
        """Let go of the child's end: the pipe ends when the child and what it started do."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def close(self) -> None:
        """Let go of both ends."""
        self.handed_over()
        self.transport.close()


@contextlib.contextmanager
def words_pipe(words: str) -> Iterator[int]:
    """Yield a descriptor from which a child reads `words`, at most what a pipe holds (64 KiB)."""
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        data = words.encode()
        if os.write(writing, data) < len(data):
            message = f"{len(data)} bytes are more than a pipe holds"
            raise ValueError(message)
        os.close(writing)
        writing = -1
        yield reading
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)

"""A network that fails: a relay of TCP connections that can be cut, swallow what is sent, and be mended."""

import asyncio
import contextlib
import socket
import struct
from typing import Self

_CHUNK = 65536


class Link:
    """Passes connections on to a port of this machine; what its clients read names the link in place of that port."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._is_cut = False

    @classmethod
    async def to(cls, upstream: int) -> Self:
        """Make and start one. Its port has as many digits as the other, so that lengths stay as they were told."""
        link = cls(upstream)
        spare = []
        while True:
            server = await asyncio.start_server(link._serve, "127.0.0.1", 0)
            link.port = server.sockets[0].getsockname()[1]
            if len(str(link.port)) == len(str(upstream)):
                link._server = server
                break
            spare.append(server)
        for one in spare:
            one.close()
        return link

    def cut(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._is_cut = True
        self._reset()

    def swallow(self) -> None:
        """Let nothing through any more and say nothing: packets vanish, connections seem to be open."""
        self._passes.clear()

    def mend(self) -> None:
        """Pass on again. What was swallowed is lost with its connections: by then TCP has given up on both sides."""
        if not self._passes.is_set():
            self._reset()
        self._is_cut = False
        self._passes.set()

    async def close(self) -> None:
        """End it."""
        self._reset()
        self._passes.set()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _reset(self) -> None:
        for writer in self._open:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._open.add(writer)
        try:
            if self._is_cut:
                return
            await self._passes.wait()
            if writer.transport.is_closing():
                return
            theirs, ours = await asyncio.open_connection("127.0.0.1", self.upstream)
            self._open.add(ours)
            there = asyncio.create_task(self._pass(reader, ours))
            back = asyncio.create_task(self._pass(theirs, writer, f"127.0.0.1:{self.upstream}".encode()))
            try:
                await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in (there, back):
                    one.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
                self._open.discard(ours)
                ours.transport.abort()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, named: bytes = b"") -> None:
        own = f"127.0.0.1:{self.port}".encode()
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._passes.wait()
                writer.write(data.replace(named, own) if named else data)
                await writer.drain()

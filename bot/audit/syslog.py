"""`SyslogSink`: entries as RFC 5424 messages over UDP, TCP or a Unix socket.

Syslog knows no acknowledgement. Over TCP each batch gets a connection of its own, which the server closes once it
has read all: only then does the batch count as delivered. Over UDP what gets lost on the way stays lost.
Source: https://www.rfc-editor.org/rfc/rfc5424 (messages), https://www.rfc-editor.org/rfc/rfc6587 (octet counting)
"""

import asyncio
import errno
import os
import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from bot.audit.entries import Entry, canonical, moment_text, plain

_PRIORITY = 13 * 8 + 6  # facility "log audit", severity "informational"
_SEQUENCE = 2**31 - 1
_SECONDS = 15.0


def message(entry: Entry, hostname: str, *, named: bool = False, short: bool = False) -> bytes:
    """Return an entry as one message; a short one leaves its details out, its hash still names them."""
    values = plain(entry, named=named and not short)
    if short:
        values["data"] = {"left_out": True}
    kind = re.sub(r"[^!-~]", "-", entry.action)[:32] or "-"
    sequence = (entry.number - 1) % _SEQUENCE + 1
    host = re.sub(r"[^!-~]", "-", hostname)[:255] or "-"
    header = f"<{_PRIORITY}>1 {moment_text(entry.at)} {host} shipmate {os.getpid()} {kind}"
    return f'{header} [meta sequenceId="{sequence}"] {canonical(values)}'.encode()


class SyslogSink:
    """Sends to one server: `udp://host:514`, `tcp://host:601`, `unix:///dev/log`. `named` as for a file."""

    def __init__(self, url: str, *, hostname: str = "", named: bool = False) -> None:
        self._named = named
        self._url = urlsplit(url)
        self._hostname = hostname or socket.gethostname()

    async def deliver(self, entries: Sequence[Entry]) -> None:
        """Send the entries. Raises: OSError, also when the server does not answer in time."""
        async with asyncio.timeout(_SECONDS):
            if self._url.scheme == "tcp":
                await self._stream(entries)
            else:
                await self._datagrams(entries)

    async def close(self) -> None:
        """Nothing is kept open between two batches."""

    async def _stream(self, entries: Sequence[Entry]) -> None:
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        try:
            for entry in entries:
                text = message(entry, self._hostname, named=self._named)
                writer.write(b"%d %s" % (len(text), text))
            await writer.drain()
            writer.write_eof()
            await reader.read()  # until the server has read everything and closes; a reset raises
        finally:
            writer.close()

    async def _datagrams(self, entries: Sequence[Entry]) -> None:
        loop = asyncio.get_running_loop()
        family, address = await self._address()
        with socket.socket(family, socket.SOCK_DGRAM) as link:
            link.setblocking(False)  # noqa: FBT003 - the socket's own method
            await loop.sock_connect(link, address)
            for entry in entries:
                try:
                    await loop.sock_sendall(link, message(entry, self._hostname, named=self._named))
                except OSError as error:
                    if error.errno != errno.EMSGSIZE:
                        raise
                    await loop.sock_sendall(link, message(entry, self._hostname, short=True))

    async def _address(self) -> tuple[int, str | tuple[object, ...]]:
        if self._url.scheme == "unix":
            return socket.AF_UNIX, self._url.path
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._url.hostname, self._url.port, type=socket.SOCK_DGRAM)
        return found[0][0], found[0][4]

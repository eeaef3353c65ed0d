"""Asking a service on this machine how it is: plain HTTP/1.1 (RFC 9112), one request per connection."""

import asyncio

from integrations.local.places import Desired

_DEADLINE = 2.0
_MOST = 64 * 1024


async def probe(desired: Desired) -> str:
    """Return what is wrong with the service, "" when it is healthy and, where it tells, of the right version."""
    try:
        async with asyncio.timeout(_DEADLINE):
            status, _ = await _get(desired.port, desired.health)
            if not 200 <= status < 300:  # noqa: PLR2004 -- 2xx
                return f"{desired.health} answers {status}"
            if not desired.version_path:
                return ""
            _, body = await _get(desired.port, desired.version_path)
    except TimeoutError:
        return f"{desired.health} does not answer within {_DEADLINE:g} s"
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        return f"{desired.health} does not answer: {error}"
    if desired.version not in body and desired.sha not in body:
        return f"{desired.version_path} does not name {desired.version}: {body[:100]!r}"
    return ""


async def _get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        answer = bytearray()
        while len(answer) < _MOST and (part := await reader.read(_MOST)):
            answer += part
    finally:
        writer.close()
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):  # noqa: PLR2004 -- version and status
        message = f"that is no HTTP: {head[:60]!r}"
        raise ValueError(message)
    return int(words[1]), body.decode(errors="replace")

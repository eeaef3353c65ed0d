"""A way in for programs that know no other Slack than slack.com: an HTTP proxy that leads there to the workspace.

Such a program is told of the proxy as in a company's network (its own setting, or HTTPS_PROXY) and of the certificate
authority (SSL_CERT_FILE); nothing of the program is changed. Other addresses of this machine are passed on as they
are, all else is refused.
"""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("slack.com", "www.slack.com")


class Doorway:
    """The proxy: `url` for the program's setting, `authority` for its trusted certificates; `seen` are the places."""

    def __init__(self, api_url, folder):
        self._workspace = urlsplit(api_url)
        self.authority, self._context = _certificate(folder)
        self._server: asyncio.Server
        self._open = set()
        self.seen = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_error):
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def url(self):
        """Return the proxy's address."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._open.add(task)
        try:
            async with contextlib.AsyncExitStack() as stack:
                stack.callback(writer.close)
                await self._lead(reader, writer, stack)
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # either side may hang up
        finally:
            self._open.discard(task)

    async def _lead(self, reader, writer, stack):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, _, rest = head.partition(" ")
        host, _, port = rest.split(" ", 1)[0].partition(":")
        self.seen.append(host)
        if method != "CONNECT" or host not in {*NAMES, "127.0.0.1"}:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        if host in NAMES:
            await writer.start_tls(self._context)
            port = self._workspace.port
        there, back = await asyncio.open_connection("127.0.0.1", int(port))
        stack.callback(back.close)
        if host in NAMES:  # the workspace answers to its own name alone; such clients open a connection per request
            head = await reader.readuntil(b"\r\n\r\n")
            back.write(
                head.replace(f"\r\nHost: {host}\r\n".encode(), f"\r\nHost: {self._workspace.netloc}\r\n".encode())
            )
        async with asyncio.TaskGroup() as both:
            both.create_task(_pour(reader, back))
            both.create_task(_pour(there, writer))


async def _pour(source, sink):
    with contextlib.suppress(OSError):
        while some := await source.read(65536):
            sink.write(some)
            await sink.drain()
    sink.close()


def _certificate(folder):
    """Make a certificate for slack.com that is its own authority, and return its file and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the local workspace")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "authority.pem", folder / "doorway.key"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return public, context

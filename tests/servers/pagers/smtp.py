"""A real SMTP server (aiosmtpd 1.4.6) that keeps what it is given, and refuses and breaks when a test says so."""

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USERNAME, PASSWORD = "shipmate", "pässwort-of-the-mailer"


@dataclass
class Letters:
    """What arrived, and how the server behaves."""

    received: list[EmailMessage] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    """Recipients, and what RCPT is answered for them."""
    hang_up: bool = False
    """Take the e-mail, and close the connection without a word."""
    hold: asyncio.Event | None = None
    """Take the e-mail, and say nothing until this is set."""
    port: int = 0
    transports: list[asyncio.BaseTransport] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        letter["X-Envelope"] = f"{envelope.mail_from} {' '.join(envelope.rcpt_tos)}"
        self.received.append(letter)
        if self.hang_up:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if self.hold is not None:
            await self.hold.wait()
        return "250 taken"


def _authenticated(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextlib.asynccontextmanager
async def smtp_server(
    tls: ssl.SSLContext | None = None, *, authenticate: bool = False, at_once: bool = False
) -> AsyncIterator[Letters]:
    """Yield a running server. With `tls` it wants STARTTLS, or speaks TLS `at_once`."""
    letters = Letters()
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # "AUTH without TLS": it does not see TLS that is there at once
            made = SMTP(
                letters,
                hostname="mail.example.org",
                tls_context=None if at_once else tls,
                require_starttls=tls is not None and not at_once,
                authenticator=_authenticated if authenticate else None,
                auth_required=authenticate,
                auth_exclude_mechanism=() if authenticate else ("LOGIN", "PLAIN"),
                auth_require_tls=not at_once,
                loop=loop,
            )
        plain = made.connection_made

        def connected(transport: asyncio.BaseTransport) -> None:
            letters.transports.append(transport)
            plain(transport)

        made.connection_made = connected  # type: ignore[method-assign]
        return made

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls if at_once else None)
    letters.port = server.sockets[0].getsockname()[1]
    try:
        yield letters
    finally:
        if letters.hold is not None:
            letters.hold.set()
        server.close()
        for transport in letters.transports:
            transport.close()
        await server.wait_closed()

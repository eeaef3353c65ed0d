"""The adapter, on `aiosmtplib`: a connection for each page, so that none is found dead when it is needed."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Set as AbstractSet

import aiosmtplib

from integrations.capabilities.paging import Delivery, Page, Receipt, Way
from integrations.contract import Pong, Resources
from integrations.errors import OutcomeUnknown, Refused, Unavailable
from integrations.http import trust
from integrations.smtp import wire
from integrations.smtp.settings import MAILBOX, Security, SmtpSettings

_GOODBYE = 2.0  # seconds that a server has to say goodbye: by then it has the e-mail


async def connect(instance: str, settings: SmtpSettings, resources: Resources) -> "Smtp":
    """Return the adapter of one instance; nothing is asked yet.

    Raises:
        Refused: the file of certificate authorities cannot be read.
    """
    return Smtp(instance, settings, resources)


class Smtp:
    """Hands pages to one mail server. An address is a mailbox."""

    def __init__(self, instance: str, settings: SmtpSettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        self._now = resources.now
        chosen = trust(instance, resources, settings.ca_file)
        self._trust = chosen if isinstance(chosen, ssl.SSLContext) else None

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    @property
    def ways(self) -> AbstractSet[Way]:
        """By e-mail, and nothing else."""
        return {Way.EMAIL}

    async def ping(self) -> Pong:
        """Connect and sign in."""
        async with self._session() as (server, _):
            await server.noop()
        return Pong(identity=self._settings.username, detail=f"{self._settings.host}:{self._settings.port}")

    async def close(self) -> None:
        """Do nothing: no connection outlives its page."""

    async def page(self, way: Way, to: str, page: Page) -> Receipt:
        """Hand an e-mail over; the server has it then, and whether it is read nobody tells."""
        self._check(way, to)
        mail = wire.message(self._settings, to, page, self._now())
        async with self._session() as (server, deadline):
            await server.mail(self._settings.sender)
            await server.rcpt(to)
            deadline.reschedule(None)  # from here on an answer that is late leaves open whether it was taken
            try:
                await server.data(mail.as_bytes())
            except (aiosmtplib.SMTPServerDisconnected, TimeoutError, OSError) as error:
                said = "the server did not say whether it took the e-mail"
                raise OutcomeUnknown(self._instance, said, request_id=page.id) from error
        return Receipt(ref=wire.message_id(self._settings, page.id), delivery=Delivery.QUEUED)

    async def look_up(self, way: Way, to: str, page_id: str) -> Receipt | None:
        """Raise OutcomeUnknown: nobody can be asked for an e-mail. Sent again, it has the same Message-ID."""
        self._check(way, to)
        raise OutcomeUnknown(self._instance, "nobody can be asked for an e-mail", request_id=page_id)

    async def settled(self, way: Way, to: str, subject: str, *, resolved: bool) -> None:
        """Do nothing: an e-mail has no end."""

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[tuple[aiosmtplib.SMTP, asyncio.Timeout]]:
        """Yield a connection that is encrypted and signed in, and its deadline; tell failures apart."""
        chosen = self._settings
        server = aiosmtplib.SMTP(
            hostname=chosen.host,
            port=chosen.port,
            timeout=chosen.timeout,
            local_hostname=chosen.sender.rpartition("@")[2],
            use_tls=chosen.security is Security.TLS,
            start_tls=False,
            tls_context=self._trust,
        )
        try:
            async with asyncio.timeout(chosen.timeout) as deadline:
                await server.connect()
                await self._greet(server)
                yield server, deadline
                with contextlib.suppress(aiosmtplib.SMTPException, TimeoutError):
                    await server.quit(timeout=_GOODBYE)
        except aiosmtplib.SMTPResponseException as error:
            raise wire.error_of(self._instance, error.code, error.message) from None
        except TimeoutError:
            raise Unavailable(self._instance, f"no answer within {chosen.timeout:g} s") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(self._instance, f"cannot be reached: {_cause(error)}") from None
        finally:
            server.close()

    async def _greet(self, server: aiosmtplib.SMTP) -> None:
        """Encrypt and sign in, as configured. Raises: Refused: the server has no such thing."""
        if self._settings.security is Security.STARTTLS:
            await server.ehlo()
            if not server.supports_extension("starttls"):
                raise Refused(self._instance, "the server offers no STARTTLS: see `security`")
            await server.starttls()
        if self._settings.password is not None:
            await server.ehlo()
            if not server.supported_auth_methods:
                raise Refused(self._instance, "the server offers no sign-in that is known: see `username`")
            await server.login(self._settings.username, self._settings.password.get_secret_value())

    def _check(self, way: Way, to: str) -> None:
        if way not in self.ways:
            raise Refused(self._instance, f"pages by e-mail, not by {way}")
        if not MAILBOX.fullmatch(to):
            raise Refused(self._instance, "the address is no mailbox: name@example.org is expected")


def _cause(error: BaseException) -> str:
    """Return the innermost reason, without an address."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return "its certificate is not trusted, or it speaks no TLS; check `ca_file` and `security`"
        error, seen = seen, seen.__cause__ or seen.__context__
    strerror = getattr(error, "strerror", None)
    return str(strerror) if strerror else type(error).__name__

"""HTTP for tools that no library speaks to: every call bounded, every failure told apart, no secret in any of it.

Nothing is tried twice and redirects are not followed. Proxy and certificate authorities come from the settings alone,
never from the process's environment. What an error says never holds an address, a header or a body of ours: only the
tool's own words, with what the caller wants hidden taken out.
"""

import base64
import contextlib
import hmac
import json
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator

from integrations.contract import Resources
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)

NOT_MODIFIED = 304
MISREAD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading an answer or a webhook raises that has another form than its tool's."""

_PIECE = 64 * 1024
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # NUL and halves of characters come only so
_DEFAULT_WAIT = 5.0
_LONGEST_WAIT = 3600.0
_LEAST_HIDDEN = 3  # characters; what is shorter would take words apart
_CREDENTIALS = ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN", "Proxy-Authorization")
_LOST_ON_THE_WAY = {502, 504}  # a gateway's: whoever stands behind it may have done what was asked


def _server_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("this is no address of a server: https://host or https://host/prefix is expected")
    if parts.username or parts.password:
        raise ValueError("the address holds credentials: give them by the settings that are for them")
    if parts.query or parts.fragment:
        raise ValueError("the address has a query or a fragment: give it up to the path only")
    return text.rstrip("/")


ServerUrl = Annotated[str, AfterValidator(_server_url)]
"""The address of a server, up to its prefix, without credentials and without a slash at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good answer, read whole: 2xx, or 304 where that was asked for by `If-None-Match`."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Asks the HTTP servers of one instance.

    `timeout` is in seconds, for one call from its beginning to its end, half of it for reaching the server; `max_bytes`
    is the largest answer that is read.
    `words` takes what the tool says of a failure out of an answer's body, "" when it is none of the tool's; `secrets`
    are taken out of that, should the tool repeat them.
    """

    def __init__(
        self,
        instance: str,
        resources: Resources,
        *,
        timeout: float,
        max_bytes: int,
        words: Callable[[bytes], str],
        ca_file: Path | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self._instance = instance
        self._proxy = resources.proxy or None
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._words = words
        self._secrets = (*secrets, (headers or {}).get("Authorization", "").partition(" ")[2])
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=8, ssl=trust(instance, resources, ca_file)),
            headers={"User-Agent": "shipmate", **(headers or {})},
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=timeout / 2),  # so that it is known what was sent
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close connections."""
        await self._session.close()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        request_id: str = "",
        hidden: Sequence[str] = (),
        **more: Any,  # noqa: ANN401 - handed to aiohttp
    ) -> Answer:
        """Ask, and return a good answer. `more` is handed to aiohttp; `hidden` is taken out of what an error says.

        With a `request_id` this is a change that must not be sent twice: sent and not answered is `OutcomeUnknown`.

        Raises:
            Unavailable, RateLimited, NotAuthenticated, NotPermitted, NotFound, Refused, BadReply, OutcomeUnknown: see
                integrations/errors.py.
        """
        try:
            answer = await self._read(method, url, more)
        except aiohttp.ClientConnectorError as error:  # it was not sent
            raise Unavailable(self._instance, f"cannot be reached: {_cause(error)}") from None
        except aiohttp.ConnectionTimeoutError:
            raise Unavailable(self._instance, f"cannot be reached within {self._timeout / 2:g} s") from None
        except (TimeoutError, aiohttp.ClientError) as error:
            late = f"no answer within {self._timeout:g} s"
            said = f"closed in the middle: {_cause(error)}" if isinstance(error, aiohttp.ClientError) else late
            if request_id:
                raise OutcomeUnknown(self._instance, f"{said}, after it was sent", request_id=request_id) from None
            raise Unavailable(self._instance, said) from None
        if answer.status == NOT_MODIFIED and (more.get("headers") or {}).get("If-None-Match"):
            return answer
        failure = self._failure(answer, request_id, (*self._secrets, *hidden))
        if failure is not None:
            raise failure
        return answer

    async def _read(self, method: str, url: str, more: Mapping[str, Any]) -> Answer:
        async with self._session.request(method, url, proxy=self._proxy, allow_redirects=False, **more) as answer:
            body = bytearray()
            async for piece in answer.content.iter_chunked(_PIECE):
                body += piece
                if len(body) > self._max_bytes:
                    answer.close()
                    raise BadReply(self._instance, f"the answer is over {self._max_bytes} bytes (`max_bytes`)")
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(status=answer.status, headers=headers, body=bytes(body))

    def _failure(self, answer: Answer, request_id: str, hidden: Sequence[str]) -> IntegrationError | None:
        status = answer.status
        if 200 <= status < 300:  # noqa: PLR2004 -- statuses of RFC 9110
            return None
        words = masked(self._words(answer.body), hidden)
        said = f"answers {status}: {words}" if words else f"answers {status}"
        known = {
            401: NotAuthenticated(self._instance, "the credentials are missing, wrong or have expired"),
            403: NotPermitted(self._instance, f"these credentials may not do this{': ' if words else ''}{words}"),
            404: NotFound(self._instance, words or "there is nothing of this tool at this address: check it"),
        }
        if status in known:
            return known[status]
        if status == 429 or (status == 503 and "retry-after" in answer.headers):  # noqa: PLR2004
            return RateLimited(self._instance, said, retry_after=_wait(answer.headers))
        if status >= 500 or status == 408:  # noqa: PLR2004
            if status in _LOST_ON_THE_WAY and request_id:
                return OutcomeUnknown(self._instance, said, request_id=request_id)
            return Unavailable(self._instance, said)
        return self._refusal(answer, said, words, hidden)

    def _refusal(self, answer: Answer, said: str, words: str, hidden: Sequence[str]) -> IntegrationError:
        if answer.status >= 400 and words:  # noqa: PLR2004 -- statuses of RFC 9110
            return Refused(self._instance, words)
        elsewhere = " and points elsewhere: check the address" if "location" in answer.headers else ""
        excerpt = masked(answer.body[:500].decode(errors="replace"), hidden)
        return BadReply(self._instance, f"{said}{elsewhere}", excerpt=excerpt)


def same(told: str, wanted: str) -> bool:
    """Tell whether a header proves what is wanted, in constant time; a header may hold anything."""
    return hmac.compare_digest(told.encode(errors="replace"), wanted.encode(errors="replace"))


def read_json(text: bytes | str) -> Any:  # noqa: ANN401 -- whatever came
    """Return what JSON from outside says, each text in it as a database can hold it.

    Raises:
        ValueError: it is no JSON, nested too deeply, or holds a number that is none.
    """
    try:
        said = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    raw = text if isinstance(text, bytes) else text.encode(errors="replace")
    return _plain(said) if _ESCAPED.search(raw) else said


def storable(value: object, longest: int) -> str:
    """Return a text from outside as a database can hold it: no NUL, no halves of characters, not too long."""
    return str(value if value is not None else "").replace("\0", "").encode(errors="replace").decode()[:longest]


def _no_number(name: str) -> float:
    message = f"{name} is no number of JSON"
    raise ValueError(message)


def _plain(value: Any) -> Any:  # noqa: ANN401 -- whatever came
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(one) for name, one in value.items()}
    return value


def masked(text: str, hidden: Sequence[str]) -> str:
    """Return a text without these, whatever their case; a "+" before a number may be missing in it."""
    for one in hidden:
        for form in (one, one.lstrip("+")):
            if len(form) >= _LEAST_HIDDEN:
                text = _without(text, form)
    return text


def without_credentials(body: bytes, sent: Mapping[str, str | bytes]) -> bytes:
    """Return what a tool answered without the credentials that stood in the headers of its question.

    Some servers, and proxies before them, tell a request back on their page of errors: what they say is shown.
    """
    hidden = []
    for name in _CREDENTIALS:
        value = sent.get(name, "")
        value = value.decode("latin-1") if isinstance(value, bytes) else value
        secret = value.partition(" ")[2] or value
        hidden.append(secret)
        with contextlib.suppress(ValueError):
            hidden.append(base64.b64decode(secret, validate=True).decode().partition(":")[2])
    return masked(body.decode(errors="surrogateescape"), hidden).encode(errors="surrogateescape")


def trust(instance: str, resources: Resources, ca_file: Path | None) -> ssl.SSLContext | bool:
    """Return whom to trust: the instance's own authorities, else the bot's private ones, else the system's.

    Raises:
        Refused: the file cannot be read.
    """
    chosen = str(ca_file or resources.ca_file)
    if not chosen:
        return True
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(chosen)
    except (OSError, ssl.SSLError) as error:
        raise Refused(instance, f"the certificate authorities in {chosen} cannot be read: {error}") from error
    return context


def _without(text: str, form: str) -> str:
    lower, wanted = text.lower(), form.lower()
    if len(lower) != len(text):  # a letter whose lower case is longer: positions would not fit
        return text.replace(form, "…")
    kept, begin = [], 0
    while (found := lower.find(wanted, begin)) >= 0:
        kept.append(text[begin:found])
        begin = found + len(form)
    return "…".join([*kept, text[begin:]])


def _cause(error: aiohttp.ClientError) -> str:
    """Return why a connection failed; the library's own words hold addresses."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not trusted, or it speaks no TLS; check `ca_file`"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return "the proxy does not answer"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
        return error.os_error.strerror.split("(")[0].removesuffix("[None]").strip() or type(error).__name__
    return type(error).__name__


def _wait(headers: Mapping[str, str]) -> float:
    """Return for how many seconds to wait: a number, or a moment by the server's own clock."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return min(float(text), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return _DEFAULT_WAIT
    return min(max(until.total_seconds(), 1.0), _LONGEST_WAIT)

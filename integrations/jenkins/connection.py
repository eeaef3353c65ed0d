"""HTTP to one Jenkins, over jenkinsapi's requester: bounded in bytes and time, never redirected, never repeated.

Everything here blocks and is called in the adapter's threads.
"""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import requests
from jenkinsapi.utils.crumb_requester import CrumbRequester
from jenkinsapi.utils.requester import Requester
from urllib3.exceptions import HTTPError, NewConnectionError

from integrations.contract import Resources
from integrations.errors import IntegrationError, NotFound, Refused, Unavailable
from integrations.http import read_json, without_credentials
from integrations.jenkins.failures import bad_json, error_of
from integrations.jenkins.settings import JenkinsSettings

_T = TypeVar("_T")
Json: TypeAlias = Any  # its form is checked where it is read
_PIECE = 64 * 1024
_LOG = "/logText/progressiveText"


class Lost(Exception):
    """A request was sent and no answer that means something came: it may have taken effect."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its body within bounds; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class LogPart:
    """What was read of a console: `size` is its raw size, `text` at most so many bytes, `whole` if none was left."""

    text: bytes
    size: int
    growing: bool
    whole: bool


class _Requester(Protocol):
    """What we use of jenkinsapi's requester, which carries no types."""

    session: requests.Session

    def get_url(
        self, url: str, params: dict[str, str] | None, *, allow_redirects: bool, stream: bool
    ) -> requests.Response: ...

    def post_url(
        self, url: str, params: dict[str, str] | None, *, data: Mapping[str, str], allow_redirects: bool
    ) -> requests.Response: ...


class Connection:
    """Asks one Jenkins. With a password the requester gets a crumb and its session; an API token needs neither."""

    def __init__(self, instance: str, settings: JenkinsSettings, resources: Resources) -> None:
        self.instance = instance
        self._settings = settings
        secret = settings.token or settings.password
        assert secret is not None  # noqa: S101 -- the settings see to it
        kind = Requester if settings.token is not None else CrumbRequester
        self._requester: _Requester = kind(
            settings.username,
            secret.get_secret_value(),
            baseurl=settings.url,
            ssl_verify=str(settings.ca_file or resources.ca_file) or True,
            timeout=settings.timeout,
            max_retries=None,
        )
        session = self._requester.session
        session.trust_env = False
        if resources.proxy:
            session.proxies = {"http": resources.proxy, "https": resources.proxy}
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=settings.threads)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        hooks: dict[str, Any] = {"response": [self._admit]}
        session.hooks = hooks

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._requester.session.close()

    def get(self, path: str, tree: str = "") -> Json:
        """Return the JSON at a path, of it what `tree` names.

        Raises:
            Unavailable, RateLimited, NotAuthenticated, NotPermitted, NotFound, Refused, BadReply: see
                integrations/errors.py.
        """
        answer = self.ask(f"{path}/api/json", {"tree": tree} if tree else None)
        return self.read(answer.body)

    def get_workflow(self, path: str) -> Json:
        """Return the JSON of an address of the workflow API (`wfapi/…`). Raises: as `get`."""
        return self.read(self.ask(path).body)

    def find(self, path: str, tree: str = "") -> Json | None:
        """Return what `get` returns, None where there is nothing."""
        try:
            return self.get(path, tree)
        except NotFound:
            return None

    def ask(self, path: str, params: dict[str, str] | None = None) -> Answer:
        """Return a good answer to a GET. Raises: as `get`."""

        def send() -> requests.Response:
            return self._requester.get_url(self._url(path), params, allow_redirects=False, stream=False)

        try:
            answer = _answer(self._guarded(send))
        except Lost as error:
            raise Unavailable(self.instance, str(error)) from error
        failure = error_of(self.instance, answer.status, answer.headers, answer.body)
        if failure is not None:
            raise failure
        return answer

    def post(self, path: str, data: Mapping[str, str] | None = None, params: dict[str, str] | None = None) -> Answer:
        """Return the answer to a POST, whatever its status.

        Raises:
            Lost: it was sent and the answer did not come.
            Unavailable: it was not sent.
        """

        def send() -> requests.Response:
            return self._requester.post_url(self._url(path), params, data=data or {}, allow_redirects=False)

        try:
            return _answer(self._guarded(send))
        except RuntimeError as error:  # the requester got no crumb
            self.ask("/crumbIssuer/api/json")
            raise Unavailable(self.instance, "gives no crumb; an API token needs none: use `token`") from error

    def read_log(self, path: str, start: int, limit: int) -> LogPart:
        """Return at most `limit` bytes of a build's console from a raw offset on; never holds more of it.

        Raises: as `get`.
        """

        def send() -> LogPart:
            url = f"{self._url(path)}{_LOG}"
            with self._requester.get_url(url, {"start": str(start)}, allow_redirects=False, stream=True) as response:
                return self._log_part(response, limit)

        try:
            return self._guarded(send)
        except Lost as error:
            raise Unavailable(self.instance, str(error)) from error

    def _log_part(self, response: requests.Response, limit: int) -> LogPart:
        headers = {name.lower(): value for name, value in response.headers.items()}
        failure = error_of(self.instance, response.status_code, headers, b"")
        if failure is not None:
            raise failure
        size = headers.get("x-text-size", "")
        if not size.isdigit():
            raise bad_json(self.instance, response.raw.read(500, decode_content=True) or b"")
        text, whole = self._bounded(response, limit)
        return LogPart(text, int(size), headers.get("x-more-data") == "true", whole)

    def _bounded(self, response: requests.Response, limit: int) -> tuple[bytes, bool]:
        """Return at most `limit` bytes of a body, and whether that was all of it."""
        until = time.monotonic() + self._settings.timeout
        body = bytearray()
        for piece in response.iter_content(_PIECE) if limit else ():
            body += piece
            if len(body) > limit:
                return bytes(body[:limit]), False
            if time.monotonic() > until:
                message = f"the answer did not end within {self._settings.timeout:g} s"
                raise Lost(message)
        return bytes(body), limit > 0

    def _admit(self, response: requests.Response, *_: object, **__: object) -> None:
        """Read an answer within its bounds before the library does; a console is read by who asked for it."""
        if response.request.path_url.partition("?")[0].endswith(_LOG):
            return
        body, whole = self._bounded(response, self._settings.max_bytes)
        if not whole:
            response.close()
            if response.request.method == "GET":  # of a POST the beginning says enough
                raise Refused(self.instance, f"the answer is over {self._settings.max_bytes} bytes: ask for less")
        if not response.ok:
            body = without_credentials(body, response.request.headers)
        # requests hands a response to hooks before it reads the body, and has no public way to hand it the body.
        response._content = body  # noqa: SLF001

    def _guarded(self, send: Callable[[], _T]) -> _T:
        """Send and tell apart what was not sent from what may have taken effect."""
        timeout = self._settings.timeout
        try:
            return send()
        except (IntegrationError, Lost):
            raise
        except requests.exceptions.SSLError as error:
            message = f"its certificate is not trusted: {_short(error)}; check `ca_file`"
            raise Unavailable(self.instance, message) from error
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError) as error:
            raise Unavailable(self.instance, f"cannot be reached: {_short(error)}") from error
        except requests.exceptions.Timeout as error:
            message = f"no answer within {timeout:g} s"
            raise Lost(message) from error
        except (requests.exceptions.RequestException, HTTPError, ssl.SSLError, OSError) as error:
            if isinstance(_cause(error), NewConnectionError):
                raise Unavailable(self.instance, f"cannot be reached: {_short(error)}") from error
            message = f"closed the connection before its answer was whole: {_short(error)}"
            raise Lost(message) from error

    def read(self, body: bytes) -> Json:
        """Return the JSON of an answer. Raises: BadReply."""
        try:
            return read_json(body)
        except ValueError as error:
            raise bad_json(self.instance, body) from error

    def _url(self, path: str) -> str:
        return f"{self._settings.url}{path}"


def _answer(response: requests.Response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, response.content)


def _cause(error: BaseException) -> object:
    """Return the innermost reason that urllib3 and requests have wrapped."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", inner)


def _short(error: BaseException) -> str:
    text = str(error)
    return text.rsplit(": ", 1)[-1].strip("')\" ")[:200] or type(error).__name__

"""The way to GitLab, on `python-gitlab`: the library asks, we bound its time, its threads and what it may read."""

import functools
import http.cookiejar
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar
from urllib.parse import urljoin, urlsplit

import gitlab
import requests
from gitlab.exceptions import GitlabError
from urllib3.exceptions import HTTPError, NewConnectionError

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
from integrations.gitlab.failures import error_of, lacks_scope
from integrations.gitlab.settings import GitLabSettings
from integrations.http import without_credentials
from integrations.threads import BoundedThreads

_T = TypeVar("_T")
_PIECE = 64 * 1024
_SLACK = 2.0  # seconds that a thread gets to give up by itself before it is given up
_MOST_REDIRECTS = 3
_MOST_PLACES = 1000
_PROJECT = re.compile(r"(?!.*(^|/)\.\.?(/|$))[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True, slots=True)
class Place:
    """A project as GitLab knows it: its id outlives a rename, its path may not."""

    id: int
    path: str
    url: str


class Api:
    """Asks one GitLab, with our token or as a person. Proxy and CA come from the settings alone."""

    def __init__(self, instance: str, settings: GitLabSettings, resources: Resources) -> None:
        self.instance = instance
        self.settings = settings
        self.about_token = ""  # what is known of our token, for when it has expired
        self._resources = resources
        self._threads = BoundedThreads(
            instance, size=settings.threads, waiting=max(64, settings.threads), deadline=settings.timeout + _SLACK
        )
        self._ours = self._library(private_token=settings.token.get_secret_value())
        self._places: dict[str, Place] = {}

    async def read(self, call: Callable[[gitlab.Gitlab], _T], *, deadline: float | None = None) -> _T:
        """Ask something that changes nothing. `call` runs in a thread. Raises: the integration errors."""
        return await self._ask(functools.partial(call, self._ours), deadline=deadline)

    async def change(self, call: Callable[[gitlab.Gitlab], _T], request_id: str) -> _T:
        """Ask for a change; `call` is one request. Raises: OutcomeUnknown when it may have been made, or may not."""
        return await self._change(self._ours, call, request_id)

    async def read_as(self, token: str, call: Callable[[gitlab.Gitlab], _T]) -> _T:
        """Ask as the person whose access token this is. Raises: NotAuthenticated when their grant has ended."""
        library = self._library(oauth_token=token)
        try:
            return await self._ask(functools.partial(call, library))
        finally:
            library.session.close()

    async def change_as(self, token: str, call: Callable[[gitlab.Gitlab], _T], request_id: str) -> _T:
        """Ask for a change as the person whose access token this is; never with rights of our own."""
        library = self._library(oauth_token=token)
        try:
            return await self._change(library, call, request_id)
        finally:
            library.session.close()

    async def post_form(self, path: str, fields: dict[str, str]) -> dict[str, object]:
        """Send a form to an address outside of the API, without our token, such as /oauth/token."""

        def send() -> dict[str, object]:
            with self._session() as session:
                answer = session.post(
                    f"{self.settings.url}{path}", data=fields, timeout=self.settings.timeout, allow_redirects=False
                ).json()
                return answer if isinstance(answer, dict) else {}

        return await self._ask(send)

    def close(self) -> None:
        """Close connections and let the threads end."""
        self._threads.close()
        self._ours.session.close()

    def locate(self, library: gitlab.Gitlab, name: str) -> Place:
        """Return the project of this name (for use within a call).

        A project that was renamed is found by its old name: GitLab redirects the look-up, and everything after it names
        the project by its id, because it redirects no change.

        Raises:
            NotFound: there is none, or it is not ours to see.
            Refused: no group is given and the name fits several.
        """
        if name in self._places:
            return self._places[name]
        if not _PROJECT.fullmatch(name):
            raise NotFound(self.instance, f"{name[:200]!r} is no path of a project: group/project is expected")
        path = name
        if "/" not in name and not name.isdigit():
            path = f"{self.settings.group}/{name}" if self.settings.group else self._sole(library, name)
        try:
            found = library.projects.get(path).attributes
        except NotFound as error:
            raise NotFound(
                self.instance, f"there is no project {path}, or the token's user is no member of it"
            ) from error
        place = Place(int(found["id"]), str(found["path_with_namespace"]), str(found.get("web_url", "")))
        if len(self._places) < _MOST_PLACES:
            self._places[name] = place
        return place

    def _sole(self, library: gitlab.Gitlab, name: str) -> str:
        listed = library.projects.list(search=name, membership=True, simple=True, per_page=50, get_all=False)
        paths = sorted(str(one.path_with_namespace) for one in listed if one.path == name)
        if not paths:
            raise NotFound(self.instance, f"no project is called {name}; name it with its group, as in group/{name}")
        if len(paths) > 1:
            raise Refused(self.instance, f"{name} fits several projects, say which: {', '.join(paths)}")
        return paths[0]

    async def _change(self, library: gitlab.Gitlab, call: Callable[[gitlab.Gitlab], _T], request_id: str) -> _T:
        begun = False

        def send() -> _T:
            nonlocal begun
            begun = True
            return call(library)

        try:
            return await self._ask(send)
        except (RateLimited, _NeverSent):
            raise
        except Unavailable as error:
            if not begun:
                raise
            raise OutcomeUnknown(self.instance, f"was asked, but {error.message}", request_id=request_id) from error

    async def _ask(self, call: Callable[[], _T], *, deadline: float | None = None) -> _T:
        """Run a blocking call of the library and tell its failures apart."""
        try:
            return await self._threads.run(call, deadline=deadline)
        except IntegrationError:
            raise
        except requests.exceptions.SSLError as error:
            message = f"its certificate is not trusted: {error}; check `ca_file`"
            raise _NeverSent(self.instance, message) from error
        except requests.exceptions.TooManyRedirects as error:
            raise BadReply(self.instance, "redirects in a circle; check `url`") from error
        except requests.exceptions.JSONDecodeError as error:
            raise BadReply(self.instance, "the answer is no JSON", excerpt=str(error)) from error
        except requests.exceptions.Timeout as error:
            kind = _NeverSent if isinstance(error, requests.exceptions.ConnectTimeout) else Unavailable
            raise kind(self.instance, f"no answer within {self.settings.timeout:g} s") from error
        except (requests.exceptions.RequestException, HTTPError, ssl.SSLError) as error:
            kind = _NeverSent if _refused(error) else Unavailable
            raise kind(self.instance, f"cannot be reached or closed in the middle: {_short(error)}") from error
        except GitlabError as error:
            raise BadReply(
                self.instance, f"the answer is none of GitLab's: {error}", excerpt=_excerpt(error.response_body)
            ) from error
        except (AttributeError, KeyError, TypeError, ValueError, AssertionError) as error:  # an answer of another form
            raise BadReply(self.instance, f"the answer has another form: {error!r}") from error

    def _library(self, *, private_token: str | None = None, oauth_token: str | None = None) -> gitlab.Gitlab:
        session = self._session()
        library = gitlab.Gitlab(
            self.settings.url,
            private_token=private_token,
            oauth_token=oauth_token,
            session=session,
            timeout=self.settings.timeout,
            ssl_verify=str(self.settings.ca_file or self._resources.ca_file) or True,
            retry_transient_errors=False,
            keep_base_url=True,  # pages are asked for where we were told, not where an answer points
            user_agent="shipmate",
        )
        session.hooks["response"].append(functools.partial(self._admit, library, ours=private_token is not None))
        return library

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.max_redirects = _MOST_REDIRECTS
        session.verify = str(self.settings.ca_file or self._resources.ca_file) or True
        if self._resources.proxy:
            session.proxies = {"http": self._resources.proxy, "https": self._resources.proxy}
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=self.settings.threads)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))  # a token needs no session
        hooks: dict[str, Any] = {"response": [self._read_bounded]}
        session.hooks = hooks
        return session

    def _read_bounded(self, response: requests.Response, *_: object, **options: object) -> None:
        """Read an answer within its bounds, before the library looks at it, and raise what its status means.

        The library waits between any two bytes; a server that drips would hold it for ever. An answer that is read in
        pieces (a log) is bounded by who reads it.
        """
        good = response.status_code < 400  # noqa: PLR2004 -- statuses of RFC 9110
        if response.is_redirect:
            self._check_redirect(response)
        if options.get("stream") and good:
            return
        until = time.monotonic() + self.settings.timeout
        body = bytearray()
        for piece in response.iter_content(_PIECE):
            body += piece
            if len(body) > self.settings.max_bytes:
                response.close()
                raise Refused(self.instance, f"the answer is over {self.settings.max_bytes} bytes: ask for less")
            if time.monotonic() > until:
                response.close()
                raise Unavailable(self.instance, f"the answer did not end within {self.settings.timeout:g} s")
        if not good:
            body = bytearray(without_credentials(bytes(body), response.request.headers))
        # requests hands a response to hooks before it reads the body, and has no public way to hand it the body.
        response._content = bytes(body)  # noqa: SLF001
        if good and response.headers.get("Content-Type", "").startswith("text/html") and not response.is_redirect:
            raise BadReply(
                self.instance, "answers HTML where JSON was expected: check `url`", excerpt=_excerpt(bytes(body))
            )
        if not good and response.request.url and "/api/v4" not in response.request.url:
            failure = error_of(self.instance, response.status_code, _lower(response), bytes(body))
            if failure is not None:
                raise failure

    def _admit(self, library: gitlab.Gitlab, response: requests.Response, *_: object, ours: bool, **__: object) -> None:
        """Raise what the status of an answer of the API means."""
        if response.status_code == 416:  # noqa: PLR2004 -- a log has nothing after this byte: for who reads it
            return
        if response.status_code < 400:  # noqa: PLR2004 -- statuses of RFC 9110
            return
        failure = error_of(self.instance, response.status_code, _lower(response), response.content)
        if isinstance(failure, NotAuthenticated):
            self._tell_more(failure, ours=ours)
        if isinstance(failure, NotPermitted) and lacks_scope(response.content):
            raise NotPermitted(self.instance, f"{failure.message}; it has {self._scopes(library, ours=ours)}")
        if failure is not None:
            raise failure

    def _tell_more(self, failure: NotAuthenticated, *, ours: bool) -> NoReturn:
        if not ours:
            raise NotAuthenticated(self.instance, "the person's grant has ended: they sign in again")
        known = f"; it was {self.about_token}" if self.about_token else ""
        raise NotAuthenticated(self.instance, f"{failure.message}{known}")

    def _scopes(self, library: gitlab.Gitlab, *, ours: bool) -> str:
        if not ours:
            return "what the person granted"
        with suppress(IntegrationError, requests.exceptions.RequestException, GitlabError):
            answer = library.http_get("/personal_access_tokens/self")
            if isinstance(answer, dict) and answer.get("scopes"):
                return ", ".join(map(str, answer["scopes"]))
        return "other scopes, which it may not tell"

    def _check_redirect(self, response: requests.Response) -> None:
        """Refuse a redirect that would carry our token elsewhere, or that would turn a change into a question."""
        target = urljoin(response.url, response.headers["location"])
        here, there = urlsplit(self.settings.url), urlsplit(target)
        if response.request.method not in {"GET", "HEAD"} or (here.scheme, here.netloc) != (there.scheme, there.netloc):
            response.close()
            raise BadReply(self.instance, f"redirects to {target[:200]}; check `url`")


class _NeverSent(Unavailable):
    """No connection was made, so that nothing was asked for."""


def _refused(error: Exception) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        reason = getattr(seen.args[0], "reason", None) if seen.args else None
        if isinstance(seen, NewConnectionError) or isinstance(reason, NewConnectionError):
            return True
        seen = seen.__context__
    return False


def _lower(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _excerpt(body: bytes | None) -> str:
    return (body or b"")[:500].decode(errors="replace")


def _short(error: Exception) -> str:
    """Return the innermost words of an error; urllib3 wraps them in object addresses."""
    text = str(error)
    return text.rsplit(": ", 1)[-1].strip("')\" ")[:200] or type(error).__name__

"""The adapter, on `prometheus-api-client`: the library asks, we bound its time, its threads and what it may read."""

import functools
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from integrations.capabilities.metrics import AlertRule, Sample, Series
from integrations.contract import Pong, Resources
from integrations.errors import BadReply, Refused, Unavailable
from integrations.http import without_credentials
from integrations.prometheus.settings import PrometheusSettings
from integrations.prometheus.wire import check_body, error_of, rules_of, samples_of, series_of, version_of
from integrations.threads import BoundedThreads

_T = TypeVar("_T")
_PIECE = 64 * 1024
_MOST_POINTS = 11_000  # Prometheus' own limit per series
_SLACK = 2.0  # seconds that a thread gets to give up by itself before it is given up


async def connect(instance: str, settings: PrometheusSettings, resources: Resources) -> "Prometheus":
    """Return the adapter of one instance; nothing is asked yet."""
    return Prometheus(instance, settings, resources)


class _Library(Protocol):
    """What we use of PrometheusConnect, which carries no types."""

    def custom_query(self, query: str, params: dict[str, str], timeout: float) -> object: ...

    def custom_query_range(
        self,
        query: str,
        start_time: datetime,
        end_time: datetime,
        step: str,
        params: dict[str, str],
        timeout: float,
    ) -> object: ...

    def close(self) -> None: ...


class Prometheus:
    """Answers PromQL. Proxy and CA come from the settings alone, never from the process's environment."""

    def __init__(self, instance: str, settings: PrometheusSettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        self._threads = BoundedThreads(instance, size=settings.threads, deadline=settings.timeout + _SLACK)
        self._session = _session(settings, resources, self._admit)
        self._library: _Library = PrometheusConnect(
            url=settings.url,
            session=self._session,
            retry=Retry(total=0, redirect=0, raise_on_redirect=False),
            method="POST",  # a long expression does not fit into an address
        )

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    async def ping(self) -> Pong:
        """Return Prometheus' version."""

        def ask() -> str:
            address = f"{self._settings.url}/api/v1/status/buildinfo"
            return version_of(self._instance, self._session.get(address, timeout=self._settings.timeout).content)

        version = await self._ask(ask)
        return Pong(version=version, identity=self._settings.username, detail=self._settings.url)

    async def close(self) -> None:
        """Close connections and let the threads end."""
        self._threads.close()
        self._library.close()

    async def query(self, expression: str, at: datetime | None = None) -> Sequence[Sample]:
        """Return the value of each series at `at` (now by default); a scalar is one sample without labels.

        Raises:
            Refused: the expression is wrong or cannot be evaluated; the reason is Prometheus' own.
            Unavailable, RateLimited, NotAuthenticated, NotPermitted, NotFound, BadReply: see integrations/errors.py.
        """
        params = {"timeout": f"{self._settings.timeout:g}s"}
        if at is not None:
            params["time"] = _timestamp(at)
        ask = functools.partial(self._library.custom_query, expression, params, self._settings.timeout)
        return samples_of(self._instance, await self._ask(ask))

    async def query_range(self, expression: str, start: datetime, end: datetime, step: timedelta) -> Sequence[Series]:
        """Return each series between two moments, a point every `step`.

        Raises:
            Refused: the expression or the range is wrong; over 11,000 points are asked for.
            Unavailable, RateLimited, NotAuthenticated, NotPermitted, NotFound, BadReply: see integrations/errors.py.
        """
        if step <= timedelta(0) or end < start:
            raise Refused(self._instance, f"a range needs a start before its end and a step above 0, not {step}")
        if (end - start) / step > _MOST_POINTS:
            raise Refused(self._instance, f"a step of {step} over {end - start} gives over {_MOST_POINTS} points")
        # The library rounds both ends to whole seconds; the exact ones, given as parameters, win.
        params = {"timeout": f"{self._settings.timeout:g}s", "start": _timestamp(start), "end": _timestamp(end)}
        width = f"{step.total_seconds():g}"
        timeout = self._settings.timeout
        ask = functools.partial(self._library.custom_query_range, expression, start, end, width, params, timeout)
        return series_of(self._instance, await self._ask(ask))

    async def alert_rules(self, name: str) -> Sequence[AlertRule]:
        """Return the alerting rules of this name.

        Raises:
            Unavailable, RateLimited, NotAuthenticated, NotPermitted, NotFound, BadReply: see integrations/errors.py.
        """

        def ask() -> Sequence[AlertRule]:
            # Older servers do not know the last two and send everything: `max_bytes` bounds that.
            asked = {"type": "alert", "rule_name[]": name, "exclude_alerts": "true"}
            address = f"{self._settings.url}/api/v1/rules"
            answer = self._session.get(address, params=asked, timeout=self._settings.timeout)
            return rules_of(self._instance, answer.content, name)

        return await self._ask(ask)

    async def _ask(self, call: Callable[[], _T]) -> _T:
        """Run a blocking call of the library and tell its failures apart."""
        try:
            return await self._threads.run(call)
        except requests.exceptions.SSLError as error:
            raise Unavailable(self._instance, f"its certificate is not trusted: {error}; check `ca_file`") from error
        except requests.exceptions.Timeout as error:
            raise Unavailable(self._instance, f"no answer within {self._settings.timeout:g} s") from error
        except (requests.exceptions.RequestException, HTTPError, ssl.SSLError) as error:
            raise Unavailable(self._instance, f"cannot be reached or closed in the middle: {_short(error)}") from error
        except (KeyError, TypeError, ValueError) as error:  # what the library makes of an answer it does not know
            raise BadReply(self._instance, f"the answer has another form: {error!r}") from error

    def _admit(self, response: requests.Response, *_: object, **__: object) -> None:
        """Read an answer within its bounds and judge it, before the library looks at it.

        The library waits between any two bytes; a server that drips would hold it for ever.
        """
        until = time.monotonic() + self._settings.timeout
        body = bytearray()
        for piece in response.iter_content(_PIECE):
            body += piece
            if len(body) > self._settings.max_bytes:
                response.close()
                raise Refused(self._instance, f"the answer is over {self._settings.max_bytes} bytes: ask for less")
            if time.monotonic() > until:
                response.close()
                raise Unavailable(self._instance, f"the answer did not end within {self._settings.timeout:g} s")
        content = bytes(body)
        if not response.ok:
            content = without_credentials(content, response.request.headers)
        # requests hands a response to hooks before it reads the body, and has no public way to hand it the body.
        response._content = content  # noqa: SLF001
        headers = {name.lower(): value for name, value in response.headers.items()}
        failure = error_of(self._instance, response.status_code, headers, content)
        if failure is not None:
            raise failure
        check_body(self._instance, content)


def _session(settings: PrometheusSettings, resources: Resources, admit: Callable[..., None]) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    ca_file = str(settings.ca_file or resources.ca_file)
    session.verify = ca_file or True
    if resources.proxy:
        session.proxies = {"http": resources.proxy, "https": resources.proxy}
    if settings.token is not None:
        session.headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    if settings.password is not None:
        session.auth = (settings.username, settings.password.get_secret_value())
    hooks: dict[str, Any] = {"response": [admit]}
    session.hooks = hooks
    return session


def _timestamp(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


def _short(error: Exception) -> str:
    """Return the innermost words of an error; urllib3 wraps them in object addresses."""
    text = str(error)
    return text.rsplit(": ", 1)[-1].strip("')\" ")[:200] or type(error).__name__

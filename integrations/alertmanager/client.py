"""The adapter, on aiohttp: no maintained client library of Alertmanager's API v2 exists for Python."""

import base64
import re
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import aiohttp

from integrations.alertmanager import wire
from integrations.alertmanager.settings import AlertmanagerSettings
from integrations.capabilities.alerts import Alert, AlertGroup, Matcher, Silence
from integrations.contract import Pong, Resources
from integrations.errors import NotFound, OutcomeUnknown, Refused, Unavailable
from integrations.http import without_credentials

_PIECE = 64 * 1024


async def connect(instance: str, settings: AlertmanagerSettings, resources: Resources) -> "Alertmanager":
    """Return the adapter of one instance; nothing is asked yet.

    Raises:
        Refused: the file of certificate authorities cannot be read.
    """
    return Alertmanager(instance, settings, resources)


class Alertmanager:
    """Asks one Alertmanager. Proxy and CA come from the settings alone, never from the process's environment."""

    def __init__(self, instance: str, settings: AlertmanagerSettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        self._proxy = resources.proxy or None
        headers = {}
        if settings.token is not None:
            headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        if settings.password is not None:
            named = f"{settings.username}:{settings.password.get_secret_value()}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(named).decode()}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=8, ssl=_trust(instance, settings, resources)),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=settings.timeout),
            trust_env=False,
        )

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    async def ping(self) -> Pong:
        """Return Alertmanager's version."""
        version, _ = wire.status_of(self._instance, await self._get("status"))
        return Pong(version=version, identity=self._settings.username, detail=self._settings.url)

    async def close(self) -> None:
        """Close connections."""
        await self._session.close()

    async def alert_groups(self) -> Sequence[AlertGroup]:
        """Return the groups of our receiver in which something fires now.

        Raises:
            Unavailable, RateLimited, NotAuthenticated, NotPermitted, NotFound, BadReply: see integrations/errors.py.
        """
        ours = {"receiver": f"^(?:{re.escape(self._settings.receiver)})$"}
        return wire.groups_of(self._instance, await self._get("alerts/groups", ours))

    async def running_since(self) -> datetime:
        """Return when it began to run."""
        _, since = wire.status_of(self._instance, await self._get("status"))
        return since

    async def silences(self) -> Sequence[Silence]:
        """Return the silences that are in force or will be."""
        found = wire.silences_of(self._instance, await self._get("silences"))
        return [one for one in found if one.state != "expired"]

    async def matching(self, matchers: Sequence[Matcher]) -> Sequence[Alert]:
        """Return the alerts firing now that these matchers are about. Raises: Refused for a wrong matcher."""
        asked = [("filter", str(one)) for one in matchers]
        return wire.alerts_of(self._instance, await self._get("alerts", asked))

    async def put_silence(self, silence: Silence) -> str:
        """Make a silence, or change the one of its id; return the id it has now.

        Raises:
            Refused: a matcher is wrong or the end lies in the past.
            OutcomeUnknown: it was sent and nothing came back.
        """
        body = await self._change("POST", "silences", silence.comment, wire.silence_body(silence))
        return wire.silence_id_of(self._instance, body)

    async def end_silence(self, silence_id: str) -> None:
        """End a silence now; one that has ended is left as it is.

        Raises:
            NotFound: there never was one of this id.
        """
        try:
            await self._change("DELETE", f"silence/{silence_id}", silence_id)
        except (Refused, Unavailable) as error:  # some versions answer 500 to both of these
            if "not found" in error.message:
                raise NotFound(self._instance, f"there is no silence {silence_id}") from error
            if "already expired" not in error.message:
                raise

    async def _get(self, path: str, query: Any = None) -> bytes:  # noqa: ANN401 - what aiohttp takes as a query
        try:
            return await self._ask("GET", path, params=query)
        except TimeoutError as error:
            raise Unavailable(self._instance, f"no answer within {self._settings.timeout:g} s") from error
        except aiohttp.ClientError as error:
            raise Unavailable(self._instance, f"cannot be reached or closed in the middle: {error}") from error

    async def _change(self, method: str, path: str, request_id: str, body: Any = None) -> bytes:  # noqa: ANN401 - JSON
        try:
            return await self._ask(method, path, json=body)
        except aiohttp.ClientConnectorError as error:  # it was not sent
            raise Unavailable(self._instance, f"cannot be reached: {error}") from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise OutcomeUnknown(
                self._instance, f"no answer to what was sent: {error}", request_id=request_id
            ) from error

    async def _ask(self, method: str, path: str, **more: Any) -> bytes:  # noqa: ANN401 - handed to aiohttp
        address = f"{self._settings.url}/api/v2/{path}"
        async with self._session.request(method, address, proxy=self._proxy, allow_redirects=False, **more) as answer:
            body = bytearray()
            async for piece in answer.content.iter_chunked(_PIECE):
                body += piece
                if len(body) > self._settings.max_bytes:
                    limit = self._settings.max_bytes
                    raise Refused(self._instance, f"the answer is over {limit} bytes: group more, or raise `max_bytes`")
            told = bytes(body) if answer.ok else without_credentials(bytes(body), answer.request_info.headers)
            failure = wire.error_of(self._instance, answer.status, answer.headers, told)
            if failure is not None:
                raise failure
            return bytes(body)


def _trust(instance: str, settings: AlertmanagerSettings, resources: Resources) -> ssl.SSLContext | bool:
    ca_file = str(settings.ca_file or resources.ca_file)
    if not ca_file:
        return True
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Refused(instance, f"the certificate authorities in {ca_file} cannot be read: {error}") from error
    return context

"""The adapter, on aiohttp: what ntfy's few client libraries add is less than what they leave unbounded."""

import base64
from collections.abc import Set as AbstractSet

from integrations.capabilities.paging import Page, Receipt, Way
from integrations.contract import Pong, Resources
from integrations.errors import BadReply, NotPermitted, OutcomeUnknown, Refused
from integrations.http import MISREAD, HttpClient, read_json
from integrations.ntfy import wire
from integrations.ntfy.settings import NtfySettings


async def connect(instance: str, settings: NtfySettings, resources: Resources) -> "Ntfy":
    """Return the adapter of one instance; nothing is asked yet.

    Raises:
        Refused: the file of certificate authorities cannot be read.
    """
    return Ntfy(instance, settings, resources)


class Ntfy:
    """Publishes to one ntfy server. An address is a topic."""

    def __init__(self, instance: str, settings: NtfySettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        headers = {}
        if settings.token is not None:
            headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        if settings.password is not None:
            named = f"{settings.username}:{settings.password.get_secret_value()}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(named).decode()}"
        self._http = HttpClient(
            instance,
            resources,
            timeout=settings.timeout,
            max_bytes=settings.max_bytes,
            words=wire.words_of,
            ca_file=settings.ca_file,
            headers=headers,
            secrets=[one.get_secret_value() for one in (settings.password, settings.webhook_secret) if one is not None],
        )

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    @property
    def ways(self) -> AbstractSet[Way]:
        """Push, and nothing else."""
        return {Way.PUSH}

    async def ping(self) -> Pong:
        """Return who we are to the server."""
        answer = await self._http.ask("GET", f"{self._settings.url}/v1/account")
        try:
            told = read_json(answer.body)
            return Pong(identity=str(told.get("username", "")), detail=self._settings.url)
        except MISREAD as error:
            raise BadReply(self._instance, "the answer is none of ntfy's: check `url`") from error

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def page(self, way: Way, to: str, page: Page) -> Receipt:
        """Publish a message; that it reached a device is never told."""
        self._check(way, to)
        body = wire.message(self._settings, to, page)
        answer = await self._http.ask("POST", f"{self._settings.url}/", request_id=page.id, hidden=(to,), json=body)
        return wire.receipt_of(self._instance, answer.body)

    async def look_up(self, way: Way, to: str, page_id: str) -> Receipt | None:
        """Return a page's message among those that the server keeps, for 12 hours by default."""
        self._check(way, to)
        if not self._settings.cache:
            raise OutcomeUnknown(self._instance, "keeps no messages (`cache`)", request_id=page_id)
        address = f"{self._settings.url}/{to}/json"
        asked = {"poll": "1", "since": "all", "tags": wire.tag_of(page_id)}
        try:
            answer = await self._http.ask("GET", address, hidden=(to,), params=asked)
        except NotPermitted as error:
            raise OutcomeUnknown(
                self._instance, "may write to this topic and not read it", request_id=page_id
            ) from error
        return wire.found(self._instance, page_id, answer.body)

    async def settled(self, way: Way, to: str, subject: str, *, resolved: bool) -> None:
        """Do nothing: a message has no end."""

    def _check(self, way: Way, to: str) -> None:
        if way not in self.ways:
            raise Refused(self._instance, f"pages by push, not by {way}")
        if not wire.TOPIC.fullmatch(to):
            raise Refused(self._instance, "the address is no topic: up to 64 letters, digits, - and _ are")

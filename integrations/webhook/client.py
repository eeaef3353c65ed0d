"""The adapter, on aiohttp."""

import json
from collections.abc import Mapping, Set as AbstractSet
from posixpath import normpath
from typing import Any
from urllib.parse import unquote, urlsplit

from integrations.capabilities.paging import Page, Receipt, Way
from integrations.contract import Pong, Resources
from integrations.errors import OutcomeUnknown, Refused
from integrations.http import HttpClient
from integrations.webhook import wire
from integrations.webhook.settings import WebhookSettings


async def connect(instance: str, settings: WebhookSettings, resources: Resources) -> "Webhook":
    """Return the adapter of one instance; nothing is asked yet.

    Raises:
        Refused: the file of certificate authorities cannot be read.
    """
    return Webhook(instance, settings, resources)


class Webhook:
    """Posts pages. An address is a URL at or below one of the configured ones."""

    def __init__(self, instance: str, settings: WebhookSettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        self._now = resources.now
        self._http = HttpClient(
            instance,
            resources,
            timeout=settings.timeout,
            max_bytes=settings.max_bytes,
            words=wire.words_of,
            ca_file=settings.ca_file,
            secrets=(settings.secret.get_secret_value(),),
        )

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    @property
    def ways(self) -> AbstractSet[Way]:
        """By webhook, and nothing else."""
        return {Way.WEBHOOK}

    async def ping(self) -> Pong:
        """Ask nothing: a receiver has no address that is safe to ask."""
        return Pong(detail="is not asked: only a page would tell (/oncall test)")

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def page(self, way: Way, to: str, page: Page) -> Receipt:
        """Post a page."""
        answer = await self._post(way, to, page.id, wire.page_body(page))
        return wire.receipt_of(page.id, answer)

    async def look_up(self, way: Way, to: str, page_id: str) -> Receipt | None:
        """Raise OutcomeUnknown: a receiver cannot be asked. Sent again, a page has the same `Idempotency-Key`."""
        self._check(way, to)
        raise OutcomeUnknown(self._instance, "a webhook cannot be asked for a page", request_id=page_id)

    async def settled(self, way: Way, to: str, subject: str, *, resolved: bool) -> None:
        """Post that somebody is on it, or that it is over."""
        moment = int(self._now().timestamp())
        body = wire.settled_body(subject, resolved=resolved)
        await self._post(way, to, f"{body['type']}:{subject}:{moment}", body)

    async def _post(self, way: Way, to: str, ident: str, told: Mapping[str, Any]) -> bytes:
        self._check(way, to)
        body = json.dumps(told).encode()
        headers = wire.signed(self._settings, ident, self._now(), body)
        answer = await self._http.ask("POST", to, request_id=ident, hidden=(to,), data=body, headers=headers)
        return answer.body

    def _check(self, way: Way, to: str) -> None:
        if way not in self.ways:
            raise Refused(self._instance, f"pages by webhook, not by {way}")
        if not any(_below(to, one) for one in self._settings.urls):
            raise Refused(self._instance, "the address is not at or below one of `urls`")


def _below(to: str, allowed: str) -> bool:
    """Tell whether an address is of the same server as an allowed one and at or below its path."""
    try:
        there, here = urlsplit(to), urlsplit(allowed)
        if (there.scheme, there.netloc.lower()) != (here.scheme, here.netloc.lower()):
            return False
    except ValueError:
        return False
    path = unquote(there.path)
    if "\\" in to or path != unquote(path) or normpath(path or "/") != (path.rstrip("/") or "/"):
        return False  # a path that would be read in another way over there
    return path.rstrip("/") == here.path or path.startswith(f"{here.path}/")

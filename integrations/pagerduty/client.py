"""The adapter, on aiohttp: the Events API is one POST."""

import contextlib
from collections.abc import Set as AbstractSet

from integrations.capabilities.paging import Page, Receipt, Way
from integrations.contract import Pong, Resources
from integrations.errors import BadReply, NotFound, OutcomeUnknown, Refused
from integrations.http import HttpClient
from integrations.pagerduty import wire
from integrations.pagerduty.settings import PagerDutySettings


async def connect(instance: str, settings: PagerDutySettings, resources: Resources) -> "PagerDuty":
    """Return the adapter of one instance; nothing is asked yet.

    Raises:
        Refused: the file of certificate authorities cannot be read.
    """
    return PagerDuty(instance, settings, resources)


class PagerDuty:
    """Sends events. An address is a routing key, or a user's id where the settings have a routing key."""

    def __init__(self, instance: str, settings: PagerDutySettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        self._http = HttpClient(
            instance,
            resources,
            timeout=settings.timeout,
            max_bytes=settings.max_bytes,
            words=wire.words_of,
            ca_file=settings.ca_file,
        )

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    @property
    def ways(self) -> AbstractSet[Way]:
        """By an event, and nothing else."""
        return {Way.EVENT}

    async def ping(self) -> Pong:
        """See that the server answers; whether a key is good, only an event would tell."""
        with contextlib.suppress(NotFound, BadReply, Refused):  # events are posted: whatever it says, it is there
            await self._http.ask("GET", f"{self._settings.url}/v2/enqueue")
        return Pong(detail=f"{self._settings.url}; whether a routing key is good, only an event tells")

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def page(self, way: Way, to: str, page: Page) -> Receipt:
        """Send a trigger. What got no answer is safe to send again: PagerDuty knows it by its `dedup_key`."""
        key = self._key(way, to)
        return await self._send(key, wire.trigger(self._instance, key, page))

    async def look_up(self, way: Way, to: str, page_id: str) -> Receipt | None:
        """Raise OutcomeUnknown: the Events API cannot be asked. An event sent again joins the alert that is open."""
        self._key(way, to)
        raise OutcomeUnknown(self._instance, "the Events API cannot be asked for an event", request_id=page_id)

    async def settled(self, way: Way, to: str, subject: str, *, resolved: bool) -> None:
        """Acknowledge or resolve the alert there; of one that is not open nothing comes."""
        key = self._key(way, to)
        await self._send(key, wire.change(self._instance, key, subject, resolved=resolved))

    async def _send(self, key: str, event: dict[str, object]) -> Receipt:
        answer = await self._http.ask("POST", f"{self._settings.url}/v2/enqueue", hidden=(key,), json=event)
        return wire.receipt_of(self._instance, answer.body)

    def _key(self, way: Way, to: str) -> str:
        if way not in self.ways:
            raise Refused(self._instance, f"pages by event, not by {way}")
        if wire.ROUTING_KEY.fullmatch(to):
            return to
        if self._settings.routing_key is not None and wire.USER.fullmatch(to):
            return self._settings.routing_key.get_secret_value()
        raise Refused(
            self._instance, "the address is neither a routing key nor, with `routing_key` configured, the id of a user"
        )

"""The adapter, on aiohttp: Twilio's own library blocks, and brings models of a hundred products for these two."""

import base64
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set as AbstractSet
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from integrations.capabilities.paging import Page, Receipt, Way
from integrations.contract import Pong, Resources
from integrations.errors import OutcomeUnknown, Refused
from integrations.http import Answer, HttpClient
from integrations.twilio import twiml, wire
from integrations.twilio.settings import NUMBER, TwilioSettings

_REMEMBERED = 1000
_RECENT = timedelta(days=1)
_LIST = "100"


async def connect(instance: str, settings: TwilioSettings, resources: Resources) -> "Twilio":
    """Return the adapter of one instance; nothing is asked yet.

    Raises:
        Refused: the file of certificate authorities cannot be read.
    """
    return Twilio(instance, settings, resources)


class Twilio:
    """Calls and writes. An address is a telephone number with its country's code."""

    def __init__(self, instance: str, settings: TwilioSettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        secret = settings.api_secret or settings.auth_token
        named = f"{settings.api_key or settings.account_sid}:{secret.get_secret_value()}".encode()
        self._sent: OrderedDict[tuple[Way, str], str] = OrderedDict()
        """References of the pages that this process sent, the newest last: Twilio does not know our ids."""
        self._http = HttpClient(
            instance,
            resources,
            timeout=settings.timeout,
            max_bytes=settings.max_bytes,
            words=wire.words_of,
            ca_file=settings.ca_file,
            headers={"Authorization": f"Basic {base64.b64encode(named).decode()}"},
            secrets=(settings.auth_token.get_secret_value(), secret.get_secret_value(), settings.from_number),
        )

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    @property
    def ways(self) -> AbstractSet[Way]:
        """Calls, text messages or both, as configured."""
        return frozenset(self._settings.ways)

    async def ping(self) -> Pong:
        """Ask for our own account."""
        address = f"{self._settings.url}/2010-04-01/Accounts/{self._settings.account_sid}.json"
        await self._http.ask("GET", address)
        return Pong(version="2010-04-01", identity=self._settings.account_sid, detail=self._settings.url)

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def page(self, way: Way, to: str, page: Page) -> Receipt:
        """Call, or write."""
        self._check(way, to)
        form = self._call(to, page) if way is Way.CALL else self._message(to, page)
        answer = await self._ask("POST", self._place(way), to, request_id=page.id, data=form)
        receipt = wire.receipt_of(self._instance, way, answer.body)
        self._sent[way, page.id] = receipt.ref
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        return receipt

    async def look_up(self, way: Way, to: str, page_id: str) -> Receipt | None:
        """Return what became of a page: exactly where this process sent it, or where a message bears its code.

        A call bears no mark of ours that Twilio would tell. So one that is under way to this number is taken for it,
        whichever page it is of; with no call to this number in a day there was none; otherwise it cannot be told.

        Raises:
            OutcomeUnknown: one of the calls of the last day may be it.
        """
        self._check(way, to)
        ref = self._sent.get((way, page_id))
        if ref is not None:
            answer = await self._ask("GET", f"{self._place(way).removesuffix('.json')}/{ref}.json", to)
            return wire.receipt_of(self._instance, way, answer.body)
        asked = {"To": to, "PageSize": _LIST}
        if way is Way.CALL:
            asked["From"] = self._settings.from_number
        answer = await self._ask("GET", self._place(way), to, params=asked)
        found = wire.listed(self._instance, way, answer.body)
        if way is Way.SMS:
            ours = (one for one in found if twiml.marks(page_id, str(one.get("body") or "")))
            return next((wire.receipt_among(self._instance, way, one) for one in ours), None)
        return self._call_among(found, answer, page_id)

    async def settled(self, way: Way, to: str, subject: str, *, resolved: bool) -> None:
        """Do nothing: a call or message has no end of its own."""

    def _call_among(self, found: Sequence[Mapping[str, Any]], answer: Answer, page_id: str) -> Receipt | None:
        for one in found:
            if wire.under_way(one):
                return wire.receipt_among(self._instance, Way.CALL, one)
        now = _moment(answer.headers.get("date"))
        if all(_over(one, now) for one in found):
            return None
        raise OutcomeUnknown(self._instance, "a call of the last day may have been this page", request_id=page_id)

    def _call(self, to: str, page: Page) -> aiohttp.FormData:
        detect = self._settings.machine_detection
        form = aiohttp.FormData()
        form.add_field("To", to)
        form.add_field("From", self._settings.from_number)
        form.add_field("Twiml", twiml.spoken(self._settings, page))
        form.add_field("Timeout", str(self._settings.ring_timeout))
        callback = twiml.address_of(self._settings, page.id, detect=detect)
        if callback:
            form.add_field("StatusCallback", callback)
            form.add_field("StatusCallbackMethod", "POST")
            form.add_field("StatusCallbackEvent", "answered")
            form.add_field("StatusCallbackEvent", "completed")
        if detect:
            form.add_field("MachineDetection", "Enable")
        if detect and callback:  # asynchronous: who takes the call hears us at once
            form.add_field("AsyncAmd", "true")
            form.add_field("AsyncAmdStatusCallback", callback)
            form.add_field("AsyncAmdStatusCallbackMethod", "POST")
        return form

    def _message(self, to: str, page: Page) -> aiohttp.FormData:
        form = aiohttp.FormData()
        form.add_field("To", to)
        if self._settings.messaging_service_sid:
            form.add_field("MessagingServiceSid", self._settings.messaging_service_sid)
        else:
            form.add_field("From", self._settings.from_number)
        form.add_field("Body", twiml.written(self._settings, page))
        callback = twiml.address_of(self._settings, page.id)
        if callback:
            form.add_field("StatusCallback", callback)
        return form

    async def _ask(self, method: str, address: str, to: str, *, request_id: str = "", **more: Any) -> Answer:  # noqa: ANN401 - handed to aiohttp
        return await self._http.ask(method, address, request_id=request_id, hidden=(to,), **more)

    def _place(self, way: Way) -> str:
        kind = "Calls" if way is Way.CALL else "Messages"
        return f"{self._settings.url}/2010-04-01/Accounts/{self._settings.account_sid}/{kind}.json"

    def _check(self, way: Way, to: str) -> None:
        if way not in self.ways:
            raise Refused(self._instance, f"does not page by {way}: see `ways`")
        if not NUMBER.fullmatch(to):
            raise Refused(self._instance, "the address is no telephone number with a plus and its country's code")


def _moment(text: object) -> datetime | None:
    """Return a moment of Twilio's, which are as in e-mail; None for none."""
    try:
        return parsedate_to_datetime(str(text))
    except (TypeError, ValueError):
        return None


def _over(call: Mapping[str, Any], now: datetime | None) -> bool:
    """Tell whether a call was made over a day ago, by Twilio's own clock."""
    made = _moment(call.get("date_created"))
    return now is not None and made is not None and now - made > _RECENT

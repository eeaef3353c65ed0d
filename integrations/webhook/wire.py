"""What a page is as JSON, how it is signed, and what may come back. Pure.

Signed as Standard Webhooks says, version 1: https://github.com/standard-webhooks/standard-webhooks (spec)
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel

from integrations.capabilities.paging import Delivery, Page, PageAnswer, Receipt
from integrations.contract import WebhookEvent
from integrations.errors import BadReply
from integrations.http import read_json, same, storable
from integrations.webhook.settings import WebhookSettings

_PREFIX: Final = "whsec_"
VERSION: Final = 1


def page_body(page: Page) -> dict[str, Any]:
    """Return a page as it is posted."""
    return {
        "version": VERSION,
        "type": "page",
        "id": page.id,
        "subject": page.subject,
        "title": page.title,
        "text": page.text,
        "spoken": page.spoken,
        "url": page.url,
        "important": page.important,
        "opened_at": page.opened_at.isoformat(),
    }


def settled_body(subject: str, *, resolved: bool) -> dict[str, Any]:
    """Return the news that somebody is on it, or that it is over."""
    return {"version": VERSION, "type": "resolved" if resolved else "acknowledged", "subject": subject}


def signed(settings: WebhookSettings, ident: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that go with a body sent now."""
    seconds = str(int(at.timestamp()))
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": ident,
        "webhook-id": ident,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{_signature(settings, ident, seconds, body)}",
    }


def receipt_of(page_id: str, body: bytes) -> Receipt:
    """Return the receipt of a page that was taken: `{"ref": …, "delivery": "delivered"}` where the receiver tells."""
    told = _object(body)
    delivery = Delivery.DELIVERED if told.get("delivery") == Delivery.DELIVERED else Delivery.QUEUED
    return Receipt(ref=storable(told.get("ref") or page_id, 255), delivery=delivery)


def words_of(body: bytes) -> str:
    """Return what a receiver says of a failure: `{"error": "…"}`."""
    return str(_object(body).get("error", ""))[:300]


def verify(settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether one of the signatures, of which there may be several, is of our secret."""
    if not isinstance(settings, WebhookSettings):
        return False
    ident, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    wanted = f"v1,{_signature(settings, ident, seconds, body)}"
    given = headers.get("webhook-signature", "").split()
    return any(same(one, wanted) for one in given) and bool(ident)


def sent_at(settings: BaseModel, headers: Mapping[str, str]) -> datetime | None:  # noqa: ARG001 - the contract
    """Return when it says that it was sent; at the beginning of time where it says nothing readable."""
    try:
        return datetime.fromtimestamp(int(headers.get("webhook-timestamp", "")), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def parse(instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
    """Return an answer or the news of a delivery as one event. Raises: BadReply."""
    told = _object(body)
    kind, page = storable(told.get("type"), 20), storable(told.get("page"), 255)
    ident = storable(headers.get("webhook-id"), 255)
    if kind in {"acknowledged", "refused"} and page:
        answer = PageAnswer(
            address=storable(told.get("address"), 500),
            page=page,
            acknowledged=kind == "acknowledged",
            words=storable(told.get("words"), 500),
        )
        return [WebhookEvent(instance=instance, kind="page.answer", id=ident, data={"answer": answer})]
    if kind == "delivery" and page and told.get("delivery") in list(Delivery):
        ref = storable(told.get("ref") or page, 255)
        reason = storable(told.get("reason"), 300)
        receipt = Receipt(ref=ref, delivery=Delivery(told["delivery"]), reason=reason)
        data = {"receipt": receipt, "page": page}
        return [WebhookEvent(instance=instance, kind="page.delivery", id=ident, ref=ref, data=data)]
    raise BadReply(instance, "neither an answer nor a delivery: `type` and `page` are wanted, see the tool's page")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        told = read_json(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _signature(settings: WebhookSettings, ident: str, seconds: str, body: bytes) -> str:
    secret = settings.secret.get_secret_value()
    key = secret.encode()
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            key = secret.encode()
    return base64.b64encode(
        hmac.new(key, f"{ident}.{seconds}.".encode(errors="replace") + body, hashlib.sha256).digest()
    ).decode()

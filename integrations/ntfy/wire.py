"""ntfy's JSON to our types and back, and what its buttons send. Pure.

Publishing: https://docs.ntfy.sh/publish/#publish-as-json
Asking for kept messages: https://docs.ntfy.sh/subscribe/api/#fetch-cached-messages
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from integrations.capabilities.paging import Delivery, Page, PageAnswer, Receipt
from integrations.contract import WebhookEvent
from integrations.errors import BadReply
from integrations.http import MISREAD, read_json, same, storable
from integrations.ntfy.settings import NtfySettings

TOKEN_HEADER: Final = "X-Shipmate-Token"  # noqa: S105 - the name of a header
TOPIC: Final = re.compile(r"[-_A-Za-z0-9]{1,64}")
_URGENT, _HIGH = 5, 4


def tag_of(page_id: str) -> str:
    """Return the tag that marks a page's message, so that it is found again."""
    return f"page-{_digest(page_id)[:12]}"


def message(settings: NtfySettings, topic: str, page: Page) -> dict[str, Any]:
    """Return a page as ntfy takes it. The sequence makes servers from 2.16 on replace a message that is sent twice."""
    told: dict[str, Any] = {
        "topic": topic,
        "title": page.title,
        "message": page.text or page.title,
        "priority": _URGENT if page.important else _HIGH,
        "tags": ["rotating_light", tag_of(page.id)],
        "sequence_id": _digest(page.id)[:32],
    }
    if page.url:
        told["click"] = page.url
    if settings.webhook_url and settings.webhook_secret is not None:
        body = json.dumps({"page": page.id, "topic": topic})
        told["actions"] = [
            {
                "action": "http",
                "label": "Acknowledge",
                "url": settings.webhook_url,
                "method": "POST",
                "headers": {TOKEN_HEADER: _signature(settings, body.encode()), "Content-Type": "application/json"},
                "body": body,
                "clear": True,
            }
        ]
    return told


def receipt_of(instance: str, body: bytes) -> Receipt:
    """Return the receipt in the answer to a message that was published. Raises: BadReply."""
    try:
        told = read_json(body)
        ident = str(told["id"]) if told["event"] == "message" else ""
    except MISREAD as error:
        raise BadReply(instance, "the answer is none of ntfy's: check `url`") from error
    if not ident:
        raise BadReply(instance, "the answer is no message of ntfy's: check `url`")
    return Receipt(ref=ident, delivery=Delivery.QUEUED)


def found(instance: str, page_id: str, body: bytes) -> Receipt | None:
    """Return the newest message of a page among kept ones (a line of JSON each), None without one. Raises: BadReply."""
    newest = None
    for line in body.splitlines():
        try:
            told = read_json(line)
            if told["event"] == "message" and tag_of(page_id) in (told.get("tags") or ()):
                newest = Receipt(ref=str(told["id"]), delivery=Delivery.QUEUED)
        except MISREAD as error:
            raise BadReply(instance, "the kept messages are none of ntfy's: check `url`") from error
    return newest


def words_of(body: bytes) -> str:
    """Return what ntfy says of a failure: {"code": 40009, "http": 400, "error": "invalid request: topic invalid"}."""
    try:
        told = read_json(body)
    except ValueError:
        return ""
    return str(told["error"])[:300] if isinstance(told, dict) and "error" in told else ""


def verify(settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether a button of ours was pressed: its token fits this one page and topic, and nothing else."""
    if not isinstance(settings, NtfySettings) or settings.webhook_secret is None:
        return False
    return same(headers.get(TOKEN_HEADER, ""), _signature(settings, body))


def parse(instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:  # noqa: ARG001 - the contract
    """Return the press of a button as one event; pressed again, it is the same event. Raises: BadReply."""
    try:
        told = read_json(body)
        page, topic = storable(told["page"], 255), storable(told["topic"], 64)
    except MISREAD as error:
        raise BadReply(instance, "this is no button of ours") from error
    answer = PageAnswer(address=topic, page=page, acknowledged=True, words="Acknowledge")
    return [WebhookEvent(instance=instance, kind="page.answer", id=f"ack:{_digest(page)}", data={"answer": answer})]


def _signature(settings: NtfySettings, body: bytes) -> str:
    if settings.webhook_secret is None:
        raise ValueError("no `webhook_secret`")
    return hmac.new(settings.webhook_secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()


def _digest(page_id: str) -> str:
    return hashlib.sha256(page_id.encode()).hexdigest()

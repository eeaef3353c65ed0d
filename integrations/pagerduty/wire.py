"""PagerDuty's JSON to our types and back. Pure.

Events: https://developer.pagerduty.com/docs/send-alert-event
Webhooks, version 3: https://developer.pagerduty.com/docs/webhooks-overview
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from integrations.capabilities.paging import Delivery, Page, PageAnswer, Receipt
from integrations.contract import WebhookEvent
from integrations.errors import BadReply
from integrations.http import MISREAD, read_json, same, storable
from integrations.pagerduty.settings import PagerDutySettings

ROUTING_KEY: Final = re.compile(r"[A-Za-z0-9]{32}")
USER: Final = re.compile(r"P[A-Z0-9]{3,20}")
_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255


def trigger(instance: str, routing_key: str, page: Page) -> dict[str, Any]:
    """Return the event of a page. All pages of one trouble are one alert there."""
    told: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key(instance, page.subject),
        "payload": {
            "summary": (page.title or page.subject)[:_LONGEST_SUMMARY],
            "source": "shipmate",
            "severity": "critical" if page.important else "error",
            "timestamp": page.opened_at.isoformat(),
            "custom_details": {"text": page.text, "page": page.id},
        },
        "client": "Shipmate",
    }
    if page.url:
        told["links"] = [{"href": page.url, "text": page.subject}]
    return told


def change(instance: str, routing_key: str, subject: str, *, resolved: bool) -> dict[str, Any]:
    """Return the event that says that somebody is on it, or that it is over."""
    action = "resolve" if resolved else "acknowledge"
    return {"routing_key": routing_key, "event_action": action, "dedup_key": dedup_key(instance, subject)}


def dedup_key(instance: str, subject: str) -> str:
    """Return what PagerDuty knows a trouble by; the instance's name keeps two Shipmates at one service apart."""
    return f"shipmate:{instance}:{subject}"[:_LONGEST_KEY]


def receipt_of(instance: str, body: bytes) -> Receipt:
    """Return the receipt in the answer to an event. Raises: BadReply."""
    try:
        told = read_json(body)
        key = str(told["dedup_key"]) if told["status"] == "success" else ""
    except MISREAD as error:
        raise BadReply(instance, "the answer is none of PagerDuty's: check `url`") from error
    if not key:
        raise BadReply(instance, "the event was answered, and not taken")
    return Receipt(ref=key, delivery=Delivery.QUEUED)


def words_of(body: bytes) -> str:
    """Return what PagerDuty says of a failure: {"status": …, "message": "Event object is invalid", "errors": […]}."""
    try:
        told = read_json(body)
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    errors = told.get("errors")
    more = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
    return ": ".join(one for one in (str(told.get("message", "")), more) if one)[:300]


def verify(settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether one of the signatures, of which there are several while a secret is changed, is of our secret."""
    if not isinstance(settings, PagerDutySettings) or settings.webhook_secret is None:
        return False
    secret = settings.webhook_secret.get_secret_value().encode()
    wanted = f"v1={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
    given = headers.get("X-PagerDuty-Signature", "").split(",")
    return any(same(one.strip(), wanted) for one in given)


def parse(instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:  # noqa: ARG001 - the contract
    """Return an acknowledgement by a person as one event, nothing for all else that PagerDuty tells.

    What has no person as its agent (our own event, a rule, another integration) acknowledges nothing, nor does what is
    about an incident that this instance did not open.

    Raises:
        BadReply: it is no webhook of version 3.
    """
    try:
        event = read_json(body)["event"]
        kind, ident, agent = str(event["event_type"]), storable(event["id"], 255), event.get("agent") or {}
        if kind != "incident.acknowledged" or agent.get("type") != "user_reference":
            return []
        key = storable(event["data"].get("incident_key"), _LONGEST_KEY)
        ours = dedup_key(instance, "")
        if not key.startswith(ours):
            return []
        answer = PageAnswer(
            address=storable(agent["id"], 100),
            subject=key.removeprefix(ours),
            acknowledged=True,
            words=storable(agent.get("summary"), 200),
        )
    except MISREAD as error:
        raise BadReply(instance, f"this is no webhook of version 3: {type(error).__name__}") from error
    return [WebhookEvent(instance=instance, kind="page.answer", id=ident, ref=key, data={"answer": answer})]

"""Twilio's JSON and forms to our types, and its signature. Pure.

Calls: https://www.twilio.com/docs/voice/api/call-resource
Messages: https://www.twilio.com/docs/messaging/api/message-resource
The signature: https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from pydantic import BaseModel

from integrations.capabilities.paging import Delivery, PageAnswer, Receipt, Way
from integrations.contract import PATH, WebhookEvent
from integrations.errors import BadReply
from integrations.http import read_json, same, storable
from integrations.twilio.settings import TwilioSettings
from integrations.twilio.twiml import ANSWERED, NOTHING, PRESS_AGAIN

ACKNOWLEDGE = "1"
_REPLY = re.compile(r"\s*(?:1|ack|acknowledged?)[\s.!:,#-]*(\d{6})?[\s.!]*", re.IGNORECASE)
_NUMBERS = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_MACHINES = {"fax", "unknown"}
_MOST_FIELDS = 200
_LONGEST_FIELD = 2000
_REASONS = {
    "busy": "the line was busy",
    "no-answer": "nobody took the call",
    "failed": "it could not be put through",
    "canceled": "it was cancelled",
    "undelivered": "the network did not deliver it",
}
_CALLING = {"queued", "initiated", "ringing", "in-progress"}
_COME_IN = "received"
_ON_THE_WAY = {"accepted", "scheduled", "queued", "sending", "sent", "receiving", "received"}
_ARRIVED = {"delivered", "read", "partially_delivered"}

# ------------------------------------------------------------------------------------------------------------ the API


def receipt_of(instance: str, way: Way, body: bytes) -> Receipt:
    """Return the receipt in a call or message as the API tells it. Raises: BadReply."""
    return _receipt(instance, way, _object(instance, body))


def listed(instance: str, way: Way, body: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the calls or messages of a list, the newest first. Raises: BadReply."""
    found = _object(instance, body).get("calls" if way is Way.CALL else "messages")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadReply(instance, "the list is none of Twilio's: check `url`")
    return found


def receipt_among(instance: str, way: Way, one: Mapping[str, Any]) -> Receipt:
    """Return the receipt of one of a list. Raises: BadReply."""
    return _receipt(instance, way, one)


def under_way(call: Mapping[str, Any]) -> bool:
    """Tell whether a call is not over."""
    return call.get("status") in _CALLING


def words_of(body: bytes) -> str:
    """Return what Twilio says of a failure, without the numbers in it: {"code": 21211, "message": "…", …}."""
    try:
        told = read_json(body)
    except ValueError:
        return ""
    if not isinstance(told, dict) or "message" not in told:
        return ""
    code = f" ({told['code']})" if isinstance(told.get("code"), int) else ""
    return f"{_NUMBERS.sub('…', str(told['message']))[:300]}{code}"


def _receipt(instance: str, way: Way, told: Mapping[str, Any]) -> Receipt:
    try:
        ref, status = str(told["sid"]), str(told["status"])
    except KeyError as error:
        raise BadReply(instance, "the answer is none of Twilio's: check `url`") from error
    delivery, reason = _judged(way, status, str(told.get("answered_by") or ""), str(told.get("error_code") or ""))
    return Receipt(ref=ref, delivery=delivery, reason=reason)


def _judged(way: Way, status: str, answered_by: str, error_code: str) -> tuple[Delivery, str]:
    """Return how far a call or message is. What a machine took is not delivered, nor what may have been one."""
    if way is Way.CALL:
        if answered_by in _MACHINES or answered_by.startswith("machine"):
            who = "it cannot be told whether a person" if answered_by == "unknown" else "a machine"
            return Delivery.FAILED, f"{who} took the call"
        if status == "completed" or answered_by == "human":
            return Delivery.DELIVERED, ""
        if status in _CALLING:
            return Delivery.QUEUED, ""
    elif status in _ARRIVED:
        return Delivery.DELIVERED, ""
    elif status in _ON_THE_WAY:
        return Delivery.QUEUED, ""
    code = f" ({error_code})" if error_code else ""
    return Delivery.FAILED, f"{_REASONS.get(status, f'Twilio says {status[:30]}')}{code}"


def _object(instance: str, body: bytes) -> Mapping[str, Any]:
    try:
        told = read_json(body)
    except ValueError as error:
        raise BadReply(instance, "something came where JSON was expected: check `url`") from error
    if not isinstance(told, dict):
        raise BadReply(instance, "the answer is none of Twilio's: check `url`")
    return told


# ------------------------------------------------------------------------------------------------------- the webhook


def signature(auth_token: str, url: str, form: Sequence[tuple[str, str]]) -> str:
    """Return what Twilio signs a POST with: HMAC-SHA1 of the address and of each parameter, sorted by name."""
    text = url + "".join(f"{name}{value}" for name, value in sorted(set(form)))
    return base64.b64encode(
        hmac.new(auth_token.encode(), text.encode(errors="replace"), hashlib.sha1).digest()
    ).decode()


def verify(settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether Twilio sent this to `webhook_url`; without one nothing gets in."""
    if not isinstance(settings, TwilioSettings) or settings.webhook_url is None:
        return False
    _, mark, query = headers.get(PATH, "").partition("?")
    try:
        form = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return False
    wanted = signature(settings.auth_token.get_secret_value(), f"{settings.webhook_url}{mark}{query}", form)
    return same(headers.get("X-Twilio-Signature", ""), wanted)


def parse(instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
    """Return a key, a reply or news of a call or message as at most one event. Raises: BadReply."""
    form = _form(body)
    page = _page(headers)
    if "Digits" in form and "CallSid" in form:
        answer = PageAnswer(
            address=form.get("To", ""),
            page=page,
            acknowledged=form["Digits"] == ACKNOWLEDGE,
            words=form["Digits"][:20],
        )
        return [_answer(instance, f"{form['CallSid']}:{form['Digits']}", form["CallSid"], answer)]
    if "MessageSid" in form and form.get("MessageStatus", _COME_IN) != _COME_IN:  # some repeat the text beside it
        told = {"sid": form["MessageSid"], "status": form["MessageStatus"], "error_code": form.get("ErrorCode")}
        return [_news(instance, page, form["MessageStatus"], _receipt(instance, Way.SMS, told))]
    if "MessageSid" in form and "Body" in form:
        reply = _REPLY.fullmatch(form["Body"])
        answer = PageAnswer(
            address=form.get("From", ""),
            code=(reply.group(1) or "") if reply else "",
            acknowledged=reply is not None,
            words=form["Body"][:200],
        )
        return [_answer(instance, form["MessageSid"], "", answer)]
    if "CallSid" in form and "CallStatus" in form:
        return _call_news(instance, headers, form, page)
    raise BadReply(instance, "neither a key, a reply nor news of a call or message of Twilio's")


def reply(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:  # noqa: ARG001 - the contract
    """Return how a call goes on; all else is answered with nothing to do."""
    form = _form(body)
    if "Digits" not in form:
        return "text/xml", NOTHING
    return "text/xml", ANSWERED if form["Digits"] == ACKNOWLEDGE else PRESS_AGAIN


def _call_news(instance: str, headers: Mapping[str, str], form: Mapping[str, str], page: str) -> Sequence[WebhookEvent]:
    answered_by, status = form.get("AnsweredBy", ""), form["CallStatus"]
    detecting = "detect=1" in headers.get(PATH, "")
    if detecting and not answered_by and status in {"in-progress", "completed"}:
        return []  # whether that was a person is told by itself, before or after this
    told = {"sid": form["CallSid"], "status": status, "answered_by": answered_by}
    return [_news(instance, page, f"{status}:{answered_by}", _receipt(instance, Way.CALL, told))]


def _answer(instance: str, ident: str, ref: str, answer: PageAnswer) -> WebhookEvent:
    return WebhookEvent(
        instance=instance, kind="page.answer", id=f"answer:{ident}"[:255], ref=ref, data={"answer": answer}
    )


def _news(instance: str, page: str, what: str, receipt: Receipt) -> WebhookEvent:
    return WebhookEvent(
        instance=instance,
        kind="page.delivery",
        id=f"{receipt.ref}:{what}"[:255],
        ref=receipt.ref,
        data={"receipt": receipt, "page": page},
    )


def _form(body: bytes) -> Mapping[str, str]:
    try:
        told = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return {name: storable(value, _LONGEST_FIELD) for name, value in told}


def _page(headers: Mapping[str, str]) -> str:
    _, _, query = headers.get(PATH, "").partition("?")
    try:
        return storable(parse_qs(query, max_num_fields=10).get("page", [""])[0], 255)
    except ValueError:
        return ""

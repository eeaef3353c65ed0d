"""A stand-in of Twilio's API of 2010-04-01 for calls and messages, from its documentation (2026-08).

It calls nobody: a test says what the person called does, and it tells the webhook as Twilio does, signed.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import aiohttp
from aiohttp import web
from defusedxml.ElementTree import fromstring
from yarl import URL

ACCOUNT, AUTH_TOKEN = "AC" + "0" * 31 + "1", "12345abcdef-the-auth-token"
FROM = "+15005550006"
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_EVENTS = {"initiated", "ringing", "answered", "completed"}
_VERBS = {"Say", "Play", "Pause", "Gather", "Hangup", "Redirect"}
_LONGEST_TWIML, _LONGEST_BODY = 4000, 1600


class TwilioStandIn:
    """Keeps calls and messages. `now` is its own clock; `blocked` are numbers that it does not send to."""

    url = ""
    """Where it is served."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.calls: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.asked: dict[str, Any] = {}
        """The parameters with which a call or message was made, by its sid."""
        self.blocked: set[str] = set()
        self.inbound_url = ""
        """What the number's own webhook is set to, for replies."""
        self._last_action = ""

    def routes(self) -> list[web.RouteDef]:
        root = f"/2010-04-01/Accounts/{ACCOUNT}"
        return [
            web.get(f"{root}.json", self._account),
            web.post(f"{root}/{{kind:Calls|Messages}}.json", self._create),
            web.get(f"{root}/{{kind:Calls|Messages}}.json", self._list),
            web.get(f"{root}/{{kind:Calls|Messages}}/{{sid}}.json", self._fetch),
        ]

    # ------------------------------------------------------------------------------------------------ what people do

    async def take(self, call: dict[str, Any], *, answered_by: str = "human") -> Element:
        """Take a call; returns what is heard. Who took it is told to the webhook where that was asked for."""
        call["status"] = "in-progress"
        form = self.asked[call["sid"]]
        if "answered" in form.getall("StatusCallbackEvent", []):
            await self._tell(form["StatusCallback"], self._of_call(call))
        if form.get("AsyncAmd") == "true":
            call["answered_by"] = answered_by
            about = {**self._of_call(call), "AnsweredBy": answered_by, "MachineDetectionDuration": "1500"}
            await self._tell(form["AsyncAmdStatusCallback"], about)
        return _heard(form["Twiml"])

    async def press(self, call: dict[str, Any], heard: Element, digit: str) -> Element:
        """Press a key while this is heard; returns what is heard then."""
        gather = heard.find("Gather")
        assert gather is not None, "no key is taken here"
        form = self.asked[call["sid"]]
        action = gather.get("action") or self._last_action  # by default where this TwiML came from
        self._last_action = action
        status, text = await self._tell(action, {**self._of_call(call), "Digits": digit})
        assert status == 200, text
        assert form["To"] == call["to"]
        return _heard(text)

    async def hang_up(self, call: dict[str, Any], status: str = "completed") -> int:
        """End a call: completed, busy, no-answer, failed or canceled. Returns the status of the webhook's answer."""
        call["status"] = status
        form = self.asked[call["sid"]]
        if "completed" not in form.getall("StatusCallbackEvent", []):
            return 0
        told, _ = await self._tell(form["StatusCallback"], {**self._of_call(call), "CallDuration": "7"})
        return told

    async def deliver(self, message: dict[str, Any], status: str, error_code: int | None = None) -> int:
        """Say how far a message is: sent, delivered, undelivered, failed."""
        message |= {"status": status, "error_code": error_code}
        about = {
            "AccountSid": ACCOUNT,
            "MessageSid": message["sid"],
            "SmsSid": message["sid"],
            "MessageStatus": status,
            "SmsStatus": status,
            "From": message["from"],
            "To": message["to"],
            "Body": message["body"],  # other providers and an emulator do
            "ApiVersion": "2010-04-01",
        }
        more = {"ErrorCode": str(error_code)} if error_code else {}
        told, _ = await self._tell(self.asked[message["sid"]]["StatusCallback"], about | more)
        return told

    async def write(self, sender: str, body: str, *, sid: str = "SM" + "f" * 32) -> tuple[int, str]:
        """Send a text message to our number; returns status and text of the webhook's answer."""
        about = {
            "AccountSid": ACCOUNT,
            "MessageSid": sid,
            "SmsMessageSid": sid,
            "SmsStatus": "received",
            "From": sender,
            "To": FROM,
            "Body": body,
            "NumMedia": "0",
            "NumSegments": "1",
            "FromCountry": "",
            "ApiVersion": "2010-04-01",
        }
        return await self._tell(self.inbound_url, about)

    # -------------------------------------------------------------------------------------------------------- the API

    async def _create(self, request: web.Request) -> web.Response:
        refused = _stranger(request)
        if refused is not None:
            return refused
        form = await request.post()
        to, calling = str(form.get("To", "")), request.match_info["kind"] == "Calls"
        if not _NUMBER.fullmatch(to) or to in self.blocked:
            code = 21211 if to not in self.blocked else 21610
            return _error(400, code, f"The 'To' number {to} is not a valid phone number or has unsubscribed.")
        if form.get("From") != FROM and calling:
            return _error(400, 21212, f"The 'From' number {form.get('From')!r} is not a valid phone number.")
        wrong = _wrong_call(form) if calling else _wrong_message(form)
        if wrong:
            return _error(400, *wrong)
        made = self._called(to) if calling else self._written(to, str(form["Body"]))
        self.asked[made["sid"]] = form
        (self.calls if calling else self.messages).append(made)
        return web.json_response(made, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        refused = _stranger(request)
        if refused is not None:
            return refused
        kind = request.match_info["kind"].lower()
        found = [
            one
            for one in reversed(self.calls if kind == "calls" else self.messages)
            if one["to"] == request.query.get("To", one["to"]) and one["from"] == request.query.get("From", one["from"])
        ]
        size = int(request.query.get("PageSize", "50"))
        told = {kind: found[:size], "page": 0, "page_size": size, "next_page_uri": None}
        return web.json_response(told, headers={"Date": format_datetime(self.now, usegmt=True)})

    async def _fetch(self, request: web.Request) -> web.Response:
        refused = _stranger(request)
        if refused is not None:
            return refused
        for one in [*self.calls, *self.messages]:
            if one["sid"] == request.match_info["sid"]:
                return web.json_response(one)
        return _error(404, 20404, "The requested resource was not found")

    async def _account(self, request: web.Request) -> web.Response:
        return _stranger(request) or web.json_response({"sid": ACCOUNT, "status": "active", "type": "Full"})

    def _called(self, to: str) -> dict[str, Any]:
        return {
            "sid": f"CA{len(self.calls):032x}",
            "account_sid": ACCOUNT,
            "to": to,
            "from": FROM,
            "status": "queued",
            "start_time": None,
            "date_created": format_datetime(self.now),
            "direction": "outbound-api",
            "answered_by": None,
            "api_version": "2010-04-01",
        }

    def _written(self, to: str, body: str) -> dict[str, Any]:
        return {
            "sid": f"SM{len(self.messages):032x}",
            "account_sid": ACCOUNT,
            "to": to,
            "from": FROM,
            "body": body,
            "status": "queued",
            "date_created": format_datetime(self.now),
            "date_sent": None,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "num_segments": "1",
        }

    def _of_call(self, call: dict[str, Any]) -> dict[str, str]:
        return {
            "AccountSid": ACCOUNT,
            "CallSid": call["sid"],
            "CallStatus": call["status"],
            "From": FROM,
            "To": call["to"],
            "Caller": FROM,
            "Called": call["to"],
            "CalledCity": "",
            "Direction": "outbound-api",
            "ApiVersion": "2010-04-01",
        }

    async def _tell(self, url: str, form: dict[str, str]) -> tuple[int, str]:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": signed(AUTH_TOKEN, url, form),
        }
        async with (
            aiohttp.ClientSession() as http,
            http.post(URL(url, encoded=True), data=urlencode(form), headers=headers) as answer,
        ):
            return answer.status, await answer.text()


def signed(token: str, url: str, form: dict[str, str]) -> str:
    """Return Twilio's signature: the address, then each parameter's name and value in the order of names."""
    text = url
    for name in sorted(form):
        text += name + form[name]
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _heard(twiml: str) -> Element:
    root: Element = fromstring(twiml)
    assert root.tag == "Response", twiml
    assert {one.tag for one in root.iter()} - {"Response"} <= _VERBS, twiml
    return root


def _wrong_call(form: Any) -> tuple[int, str] | None:
    if "Twiml" not in form and "Url" not in form and "ApplicationSid" not in form:
        return 21205, "Url parameter is required."
    if len(form.get("Twiml", "")) > _LONGEST_TWIML:
        return 21222, "Twiml must be less than 4000 characters"
    _heard(form["Twiml"])
    if not set(form.getall("StatusCallbackEvent", [])) <= _EVENTS:
        return 21626, "Invalid 'statusCallbackEvents'"
    if form.get("MachineDetection", "Enable") not in {"Enable", "DetectMessageEnd"}:
        return 21662, "Invalid MachineDetection"
    return None


def _wrong_message(form: Any) -> tuple[int, str] | None:
    if not form.get("Body"):
        return 21602, "Message body is required."
    if len(form["Body"]) > _LONGEST_BODY:
        return 21617, "The concatenated message body exceeds the 1600 character limit"
    if form.get("From") != FROM and not form.get("MessagingServiceSid"):
        return 21603, "A 'From' phone number is required."
    return None


def _stranger(request: web.Request) -> web.Response | None:
    wanted = base64.b64encode(f"{ACCOUNT}:{AUTH_TOKEN}".encode()).decode()
    if request.headers.get("Authorization") == f"Basic {wanted}":
        return None
    return _error(401, 20003, "Authenticate")


def _error(status: int, code: int, words: str) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return web.json_response({"code": code, "message": words, "more_info": more, "status": status}, status=status)

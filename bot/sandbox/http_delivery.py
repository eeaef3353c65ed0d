"""HTTP delivery: signed requests to an app's request URLs.

Reference: https://docs.slack.dev/authentication/verifying-requests-from-slack and
https://docs.slack.dev/apis/events-api/#responding
"""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.apps import App
from bot.sandbox.clock import Clock
from bot.sandbox.decoding import decode
from bot.sandbox.delivery import Answer, Attempt, Delivery
from bot.sandbox.errors import ControlError, Json
from bot.sandbox.ids import new_secret

_OK = range(200, 201)
_OK_FOR_EVENTS = range(200, 300)
_REDIRECTS = 2
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `X-Slack-Signature`: HMAC-SHA256 over version, time stamp and body."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


class HttpDelivery:
    """Posts deliveries to apps in HTTP mode; one client session for all."""

    def __init__(self, clock: Clock) -> None:
        """Make no connection yet."""
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the client session (needs a running loop).

        Each delivery has a connection of its own: one that was kept might be gone with an app that was restarted.
        """
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"},
            connector=aiohttp.TCPConnector(force_close=True),
        )

    async def close(self) -> None:
        """Close the client session."""
        if self._session is not None:
            await self._session.close()

    async def transmit(self, app: App, delivery: Delivery, attempt: Attempt) -> Answer:
        """Post one delivery in the encoding of its kind and return the answer."""
        command = app.command(delivery.command) if delivery.command else None
        url = app.url_for(delivery.kind, command, is_options=delivery.type == "block_suggestion")
        if not url:
            return Answer("no_connection")
        body, content_type = _encoded(delivery)
        headers = {"Content-Type": content_type}
        if attempt.number:
            headers |= {"X-Slack-Retry-Num": str(attempt.number), "X-Slack-Retry-Reason": attempt.reason}
        good = _OK_FOR_EVENTS if delivery.kind == "events_api" else _OK
        answer = await self._post(app, url, body, headers, good=good, skew=attempt.skew)
        return Answer("dropped") if attempt.is_cut else answer

    async def _post(
        self, app: App, url: str, body: bytes, headers: dict[str, str], *, good: range = _OK, skew: float = 0.0
    ) -> Answer:
        """Post a signed body; up to two redirects are followed (https://docs.slack.dev/apis/events-api/#retries)."""
        if self._session is None:
            raise RuntimeError("the sandbox is not started; await Sandbox.start() first")
        timestamp = str(int(self._clock() + skew))
        headers |= {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(app.signing_secret, timestamp, body),
        }
        try:
            async with self._session.post(url, data=body, headers=headers, max_redirects=_REDIRECTS + 1) as response:
                text = await response.text(errors="replace")
                if response.status not in good:
                    return Answer(f"http_{response.status}", text, response.headers.get("X-Slack-No-Retry") == "1")
                return Answer("ok", _decode(text, response.content_type))
        except aiohttp.TooManyRedirects:
            return Answer("too_many_redirects")
        except aiohttp.ClientSSLError:
            return Answer("ssl_error")
        except aiohttp.ClientConnectorError:
            return Answer("no_connection")
        except (aiohttp.ClientError, ValueError):  # a ValueError is a redirect to what is no URL
            return Answer("dropped")

    async def verify_url(self, app: App) -> None:
        """Prove that the events URL is the app's: it must echo a challenge, as JSON, a form or plain text.

        Reference: https://docs.slack.dev/reference/events/url_verification. Raises `ControlError` when it does not.
        """
        url = app.url_for("events_api")
        if not url or not (app.manifest.bot_events or app.request_url):
            return
        challenge = new_secret(48)
        body = {"token": app.verification_token, "challenge": challenge, "type": "url_verification"}
        answer = await self._post(app, url, json.dumps(body).encode(), {"Content-Type": _JSON})
        echoed = answer.body.get("challenge") if isinstance(answer.body, dict) else answer.body
        if answer.status != "ok" or echoed not in {challenge, f"challenge={challenge}"}:
            raise ControlError(
                "url_verification_failed",
                f"request_url: {url} did not answer the challenge ({answer.status}); "
                "start the app first, with this signing secret",
            )


def _encoded(delivery: Delivery) -> tuple[bytes, str]:
    """Return the body of a delivery and its content type: JSON for events, forms for all else."""
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload).encode(), _JSON
    form: Json = delivery.payload if delivery.kind == "slash_commands" else {"payload": json.dumps(delivery.payload)}
    return urlencode(form, errors="replace").encode(), _FORM


def _decode(text: str, content_type: str) -> object:
    if not text:
        return None
    if content_type == _JSON or text[:1] in "{[":
        try:
            return decode(text)
        except ValueError:
            return text
    return text

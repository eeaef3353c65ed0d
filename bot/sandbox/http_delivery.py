"""HTTP delivery: signed requests to an app's request URLs.

Reference: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.apps import App
from bot.sandbox.clock import Clock
from bot.sandbox.delivery import Delivery
from bot.sandbox.errors import ControlError
from bot.sandbox.ids import new_secret

_HTTP_OK = 200


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
        """Open the client session (needs a running loop)."""
        self._session = aiohttp.ClientSession(headers={"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"})

    async def close(self) -> None:
        """Close the client session."""
        if self._session is not None:
            await self._session.close()

    async def transmit(self, app: App, delivery: Delivery, retry_num: int, retry_reason: str) -> tuple[str, object]:
        """Post one delivery in the encoding of its kind and return the answer."""
        command = app.command(delivery.command) if delivery.command else None
        url = app.url_for(delivery.kind, command, is_options=delivery.type == "block_suggestion")
        if not url:
            return "no_connection", None
        if delivery.kind == "events_api":
            body, content_type = json.dumps(delivery.payload).encode(), "application/json"
        elif delivery.kind == "slash_commands":
            body, content_type = (
                urlencode(delivery.payload, errors="replace").encode(),
                "application/x-www-form-urlencoded",
            )
        else:
            body = urlencode({"payload": json.dumps(delivery.payload)}).encode()
            content_type = "application/x-www-form-urlencoded"
        headers = {"Content-Type": content_type}
        if retry_num:
            headers |= {"X-Slack-Retry-Num": str(retry_num), "X-Slack-Retry-Reason": retry_reason}
        return await self._post(app, url, body, headers)

    async def _post(self, app: App, url: str, body: bytes, headers: dict[str, str]) -> tuple[str, object]:
        if self._session is None:
            raise RuntimeError("the sandbox is not started; await Sandbox.start() first")
        timestamp = str(int(self._clock()))
        headers |= {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(app.signing_secret, timestamp, body),
        }
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                text = await response.text()
                if response.status != _HTTP_OK:
                    return f"http_{response.status}", text
                return "ok", _decode(text, response.content_type)
        except aiohttp.ClientConnectorError:
            return "no_connection", None
        except aiohttp.ClientError:
            return "dropped", None

    async def verify_url(self, app: App) -> None:
        """Prove that the events URL is the app's: it must echo a challenge.

        Reference: https://docs.slack.dev/reference/events/url_verification. Raises `ControlError` when it does not.
        """
        url = app.url_for("events_api")
        if not url or not (app.manifest.bot_events or app.request_url):
            return
        challenge = new_secret(48)
        body = {"token": app.verification_token, "challenge": challenge, "type": "url_verification"}
        status, answer = await self._post(app, url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        echoed = answer.get("challenge") if isinstance(answer, dict) else answer
        if status != "ok" or echoed != challenge:
            raise ControlError(
                "url_verification_failed",
                f"request_url: {url} did not answer the challenge ({status}); "
                "start the app first, with this signing secret",
            )


def _decode(text: str, content_type: str) -> object:
    if not text:
        return None
    if content_type == "application/json" or text[:1] in "{[":
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text

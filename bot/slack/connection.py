"""The one client of Slack's Web API, who we are there, and whether Slack answers.

Source: https://docs.slack.dev/reference/methods/auth.test
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import structlog
from msgspec import Struct
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.endings import end
from bot.slack import failures
from bot.slack.failures import Cause, Failure
from bot.slack.metrics import METRICS

T = TypeVar("T")

_log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 15
_TAKES_JSON = (
    "chat.",
    "views.",
    "conversations.open",
    "conversations.setTopic",
)  # methods that only read take no JSON body
RESPONSE_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
"""Where Slack takes answers; an address elsewhere would have us send them to whoever made it up."""
_READS = frozenset({"chat.getPermalink"})  # https://docs.slack.dev/reference/methods/chat.getPermalink: form or query
_LONGEST_PAUSE = 30.0


class Identity(Struct, frozen=True):
    """Who the bot is in the workspace it is installed in."""

    team: str
    team_name: str
    enterprise: str
    user: str
    bot: str
    url: str


class Trouble(Struct, frozen=True):
    """Since when and why Slack cannot be used."""

    since: datetime
    reason: str
    unauthorised: bool


class Connection:
    """Calls Slack. While Slack is away or the token does not count, `trouble` says so and `usable` is clear.

    `identity` is None until Slack has once said who we are.
    """

    def __init__(
        self,
        *,
        token: str,
        api_url: str,
        clock: Clock,
        timeout: int = TIMEOUT_SECONDS,
        longest_pause: float = _LONGEST_PAUSE,
    ) -> None:
        self._token = token
        self._api_url = api_url
        self._clock = clock
        self._timeout = timeout
        self._longest_pause = longest_pause
        self._client: AsyncWebClient | None = None
        self._session: aiohttp.ClientSession | None = None
        self._probe: asyncio.Task[None] | None = None
        self.identity: Identity | None = None
        self.trouble: Trouble | None = None
        self.usable = asyncio.Event()
        self.on_usable: list[Callable[[], None]] = []

    @property
    def client(self) -> AsyncWebClient:
        """The client; there is one for the process's life, so that connections are kept.

        Raises:
            RuntimeError: used before `open`; a mistake of ours.
        """
        if self._client is None:
            raise RuntimeError("the connection to Slack was used before it was opened")
        return self._client

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session behind the client, also for `response_url`s."""
        self.client  # noqa: B018 - says clearly when it is not open
        assert self._session is not None  # noqa: S101 - set together with the client
        return self._session

    async def open(self) -> None:
        """Make the client and ask Slack who we are; while Slack is away it is asked again until it answers."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout))
        self._client = AsyncWebClient(
            token=self._token,
            base_url=self._api_url,
            timeout=self._timeout,
            session=self._session,
            logger=logging.getLogger("slack_sdk"),
            retry_handlers=[],  # the SDK's own would send a message twice when an answer is lost
        )
        try:
            await self._ask()
        except Exception as error:
            failure = failures.read(error)
            if failure is None:
                raise
            self.failed(failure)

    async def close(self) -> None:
        """Close the client."""
        await end([self._probe])
        self._probe = None
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call one method of the Web API and return what Slack answered.

        Raises:
            SlackError: what went wrong, by cause.
        """
        return await self._guarded(method, lambda: self._call(method, arguments))

    async def upload(self, png: bytes, *, alt: str, title: str) -> str:
        """Upload a PNG that is shared nowhere and return its file id, for an image block.

        Raises:
            SlackError: what went wrong, by cause.
        """

        async def send() -> str:
            answer = await self.client.files_upload_v2(
                filename="picture.png", content=png, title=title or alt or "picture", alt_txt=alt[:1000]
            )
            return str(answer["files"][0]["id"])

        return await self._guarded("files.upload", send)

    async def share(self, content: bytes, *, name: str, title: str, channel: str) -> None:
        """Upload a file into a conversation.

        Source: https://docs.slack.dev/reference/methods/files.completeUploadExternal

        Raises:
            SlackError: what went wrong, by cause.
        """

        async def send() -> None:
            await self.client.files_upload_v2(filename=name, content=content, title=title or name, channel=channel)

        await self._guarded("files.upload", send)

    async def respond(self, url: str, body: dict[str, Any]) -> None:
        """Answer through a `response_url`; one that is not of Slack's is not asked.

        Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses

        Raises:
            SlackError: what went wrong, by cause.
        """
        if not self._is_slacks(url):
            raise SlackError("response_url", Failure(Cause.REFUSED, "the response URL is none of Slack's"))

        async def send() -> None:
            async with self.session.post(url, json=body, allow_redirects=False) as answer:
                text = await answer.text()
                failure = failures.from_status(answer.status, text, answer.headers.get("Retry-After"))
            if failure is not None:
                raise SlackError("response_url", failure)

        await self._guarded("response_url", send)

    def _is_slacks(self, url: str) -> bool:
        """Tell whether an address that a payload names is Slack's own, or of the server that `api_url` names."""
        try:
            there, own = urlsplit(url), urlsplit(self._api_url)
            port, own_port = there.port, own.port
        except ValueError:
            return False
        if there.username is not None or there.password is not None:
            return False
        if (there.scheme, there.hostname, port) == (own.scheme, own.hostname, own_port):
            return True
        return there.scheme == "https" and there.hostname in RESPONSE_HOSTS and port in {None, 443}

    async def _call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method.startswith(_TAKES_JSON) and method not in _READS:
            answer = await self.client.api_call(method, json=arguments)
        else:
            answer = await self.client.api_call(method, http_verb="GET", params=arguments)
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    async def _guarded(self, method: str, send: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await send()
        except SlackError as error:
            self._note(error)
            raise
        except Exception as error:
            failure = failures.read(error)
            if failure is None:
                raise
            told = SlackError(method, failure)
            self._note(told)
            raise told from error
        METRICS.calls.labels(method=method, outcome="ok").inc()
        return result

    def _note(self, error: "SlackError") -> None:
        METRICS.calls.labels(method=error.method, outcome=error.failure.cause.name.lower()).inc()
        if error.method != "response_url":
            self.failed(error.failure)

    def failed(self, failure: Failure) -> None:
        """Note a failure; one of the token or the network starts asking Slack until it answers."""
        if failure.cause not in {Cause.UNAUTHORISED, Cause.UNSENT, Cause.UNKNOWN}:
            return
        if self.trouble is None:
            self.trouble = Trouble(self._clock.now(), failure.reason, failure.cause is Cause.UNAUTHORISED)
            _log.warning("Slack cannot be used", reason=failure.reason)
            METRICS.up.set(0)
        self.usable.clear()
        if self._probe is None or self._probe.done():
            self._probe = asyncio.get_running_loop().create_task(self._until_it_answers(), name="slack.probe")

    def take_token(self, token: str) -> None:
        """Use another token from now on, and ask Slack at once who we are with it."""
        if token == self._token:
            return
        self._token = token
        if self._client is not None:
            self._client.token = token
            if self._probe is not None:
                self._probe.cancel()
                self._probe = None
            self.check_soon("the token was replaced")

    def check_soon(self, reason: str) -> None:
        """Ask Slack anew whether our token counts, because something says that it may not."""
        self.failed(Failure(Cause.UNAUTHORISED, reason))

    async def _until_it_answers(self) -> None:
        pause = 0.5
        while True:
            await self._clock.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing
            pause = min(pause * 2, self._longest_pause)
            try:
                await self._ask()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt comes
                failure = failures.read(error)
                if failure is None:
                    _log.exception("asking Slack who we are failed")
                elif failure.cause is Cause.RATE_LIMITED:
                    pause = max(pause, failure.retry_after)
                elif self.trouble is not None:
                    unauthorised = failure.cause is Cause.UNAUTHORISED
                    self.trouble = Trouble(self.trouble.since, failure.reason, unauthorised)
            else:
                return

    async def _ask(self) -> None:
        answer = await self.client.auth_test()
        self.identity = Identity(
            team=str(answer["team_id"]),
            team_name=str(answer.get("team") or ""),
            enterprise=str(answer.get("enterprise_id") or ""),
            user=str(answer["user_id"]),
            bot=str(answer.get("bot_id") or ""),
            url=str(answer.get("url") or ""),
        )
        if self.trouble is not None:
            _log.warning("Slack answers again", away_since=self.trouble.since.isoformat())
        self.trouble = None
        METRICS.up.set(1)
        self.usable.set()
        for tell in self.on_usable:
            tell()


class SlackError(Exception):
    """A call to Slack failed."""

    def __init__(self, method: str, failure: Failure) -> None:
        super().__init__(f"{method}: {failure.reason}")
        self.method = method
        self.failure = failure

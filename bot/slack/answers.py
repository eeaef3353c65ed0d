"""Answers to who asked, now and not stored: by the response URL, else in the channel, else in a direct message.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses and
https://docs.slack.dev/reference/methods/chat.postEphemeral
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Self, TypeVar

import structlog
from msgspec import Struct

from bot.clock import Clock
from bot.command import Invocation
from bot.identity import Channel, Person
from bot.reply import Message, Picture, Reply
from bot.slack import blocks
from bot.slack.connection import Connection, SlackError
from bot.slack.directory import Directory
from bot.slack.failures import Cause, Failure
from bot.slack.mrkdwn import Json

T = TypeVar("T")

_log = structlog.get_logger(__name__)

RESPONSE_URL_SECONDS = 29 * 60.0
"""A response URL lasts thirty minutes; the last one is left for the way there."""

_TRIES = 3
_LONGEST_WAIT = 60.0

NOT_SHARED = "This channel is shared with another organisation, so the answer is shown to you alone."


class Way(Struct, frozen=True, kw_only=True):
    """How to reach who asked: everything of an invocation that says where its answer goes."""

    person: Person
    channel: Channel | None
    response_url: str
    asked_at: float
    thread_ts: str
    share: bool

    @classmethod
    def back(cls, invocation: Invocation, *, share: bool) -> Self:
        """Return the way back to who sent an invocation."""
        return cls(
            person=invocation.person,
            channel=invocation.channel,
            response_url=invocation.response_url,
            asked_at=invocation.at.timestamp(),
            thread_ts=invocation.thread_ts,
            share=share,
        )


class Said(Struct, frozen=True):
    """Where Slack put a message: its time stamp ("" for what only one person sees) and the conversation."""

    ts: str = ""
    place: str = ""


class Answers:
    """Tells people what they asked for. Methods raise `SlackError` where no way is left."""

    def __init__(
        self, connection: Connection, directory: Directory, clock: Clock, *, shared_channels: frozenset[str]
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._clock = clock
        self._shared_channels = shared_channels

    async def reply(self, invocation: Invocation, reply: Reply) -> None:
        """Answer an invocation, pictures and files included; a file goes to the person alone."""
        for one in blocks.documents(reply):
            place = await self._directory.direct(invocation.person)
            await self._connection.share(one.content, name=one.name, title=one.title, channel=place)
        files = [await self._insist(partial(self._upload, one)) for one in blocks.pictures(reply)]
        way = Way.back(invocation, share=reply.share)
        body = content(reply, pictures=files)
        await self._insist(partial(self.tell, way, body), in_doubt=not way.share)

    async def _upload(self, picture: Picture) -> str:
        return await self._connection.upload(picture.png, alt=picture.alt, title=picture.title)

    async def _insist(self, say: Callable[[], Awaitable[T]], *, in_doubt: bool = True) -> T:
        """Do a call, again where Slack says wait or does not answer; `in_doubt`: also where it may have been done."""
        again = {Cause.RATE_LIMITED, Cause.UNSENT, *([Cause.UNKNOWN] if in_doubt else [])}
        for attempt in range(1, _TRIES):
            try:
                return await say()
            except SlackError as error:
                if error.failure.cause not in again:
                    raise
                await self._clock.sleep(min(max(error.failure.retry_after, float(attempt)), _LONGEST_WAIT))
        return await say()

    async def tell(self, way: Way, body: Json) -> Said:
        """Send `text` and `blocks` on the first way that works."""
        share = way.share and way.channel is not None and await self.may_share(way.channel.channel)
        if way.share and not share and way.channel is not None:
            body = _noted(body)
        if way.response_url and not self._expired(way):
            try:
                await self._connection.respond(way.response_url, _response(way, body, share=share))
            except SlackError as error:
                if error.failure.cause is not Cause.REFUSED:
                    raise
                _log.info("response URL refused, answering in the channel", reason=error.failure.reason)
            else:
                return Said()
        if way.channel is not None:
            try:
                return await self._in_channel(way, way.channel.channel, body, share=share)
            except SlackError as error:
                if error.failure.cause not in {Cause.REFUSED, Cause.GONE}:
                    raise
                _log.info("no answer in the channel, answering directly", reason=error.failure.reason)
        place = await self._directory.direct(way.person)
        await self._connection.call("chat.postMessage", {"channel": place, "unfurl_links": False, **body})
        return Said()

    def _expired(self, way: Way) -> bool:
        now: datetime = self._clock.now()
        return now.timestamp() - way.asked_at > RESPONSE_URL_SECONDS

    async def _in_channel(self, way: Way, channel: str, body: Json, *, share: bool) -> Said:
        below = {"thread_ts": way.thread_ts} if way.thread_ts else {}
        if not share and not channel.startswith("D"):
            await self._connection.call(
                "chat.postEphemeral", {"channel": channel, "user": way.person.user, **below, **body}
            )
            return Said()
        answer = await self._connection.call(
            "chat.postMessage", {"channel": channel, "unfurl_links": False, **below, **body}
        )
        return Said(str(answer["ts"]), str(answer["channel"]))

    async def may_share(self, channel: str) -> bool:
        """Tell whether something may be posted here for all to see; a channel we cannot see is no such place."""
        try:
            await self.check_channel(channel)
        except SlackError as error:
            if error.failure.cause not in {Cause.REFUSED, Cause.GONE}:
                raise
            return False
        return True

    async def check_channel(self, channel: str) -> None:
        """Refuse channels that people of other organisations read, unless the configuration names them.

        Raises:
            SlackError: refused, or Slack does not say.
        """
        if channel in self._shared_channels or channel.startswith("D"):
            return
        info = await self._directory.channel(channel)
        if info.shared:
            reason = f"#{info.name or channel} is shared with another organisation and not in slack.shared_channels"
            raise SlackError("chat.postMessage", Failure(Cause.REFUSED, reason))


def content(message: Message, *, form: int = 0, page: int | None = None, pictures: list[str] | None = None) -> Json:
    """Return `text` and `blocks` of a message in one of its forms: 0 rich, 1 plain blocks, 2 text alone."""
    if form >= 2:  # noqa: PLR2004 - the last form
        return {"text": blocks.spelled_out(message), "blocks": []}
    rich = form == 0
    if page is None:
        return {"text": blocks.plain(message), "blocks": blocks.render(message, rich=rich, pictures=pictures or ())}
    pages = blocks.paged(message, rich=rich, pictures=pictures or ())
    shown = pages[page] if page < len(pages) else []
    if page == 0 and len(pages) > 1:
        left = sum(len(later) for later in pages[1:])
        shown = [*shown, _note(f"… {left} more in the thread")]
    return {"text": blocks.plain(message), "blocks": shown}


def _response(way: Way, body: Json, *, share: bool) -> Json:
    sent = {"response_type": "in_channel" if share else "ephemeral", "replace_original": False, **body}
    return {**sent, "thread_ts": way.thread_ts} if way.thread_ts else sent


def _note(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _noted(body: Json) -> Json:
    return {**body, "blocks": [*body["blocks"][: blocks.MAX_BLOCKS["message"] - 1], _note(NOT_SHARED)]}

"""Links in messages: shown below them, where everybody who reads along may see that.

Source: https://docs.slack.dev/reference/events/link_shared and https://docs.slack.dev/reference/methods/chat.unfurl
"""

from collections.abc import Awaitable, Callable

import structlog

from bot.clock import Clock
from bot.command import Invocation, Trigger
from bot.errors import UserError
from bot.identity import Person
from bot.reply import Message
from bot.slack import blocks, reading
from bot.slack.answers import Answers
from bot.slack.connection import Connection, SlackError
from bot.slack.mrkdwn import Json
from bot.slack.who import Who

_log = structlog.get_logger(__name__)

Previewer = Callable[[Person, str], Awaitable[Message | None]]
"""(who posted it, the address) -> what to show below it."""

MOST = 5
"""Links of one message that are looked at."""
_PATIENCE = 5.0


class Unfurling:
    """Answers `link_shared`. Only for our own members, and never where people of other organisations read along."""

    def __init__(self, connection: Connection, who: Who, answers: Answers, clock: Clock, previewer: Previewer) -> None:
        self._connection = connection
        self._who = who
        self._answers = answers
        self._clock = clock
        self._previewer = previewer

    async def shared(self, body: Json) -> None:
        """Show what is behind the links of a message. A failure is logged, never posted."""
        event = body.get("event") or {}
        if event.get("source", "conversations_history") != "conversations_history":
            return  # the composer: nobody has said it yet
        try:
            person = await self._member(body)
            if person is None or not await self._answers.may_share(str(event.get("channel"))):
                return
            shown = await self._shown(person, [str(one.get("url")) for one in event.get("links") or ()][:MOST])
            if shown:
                where = {"channel": event.get("channel"), "ts": event.get("message_ts")}
                await self._connection.call("chat.unfurl", {**where, "unfurls": shown})
        except SlackError as error:
            _log.warning("links were not unfurled", reason=error.failure.reason)

    async def _member(self, body: Json) -> Person | None:
        event = body.get("event") or {}
        asked = Invocation(
            delivery_id=str(body.get("event_id")),
            trigger=Trigger.MENTION,
            person=reading.person(self._who.workspace(), event.get("user"), body.get("team_id")),
            at=self._clock.now(),
        )
        try:
            known = await self._who.identified(asked, _PATIENCE)
        except UserError:
            return None
        return known.person if known.ours and not known.guest else None

    async def _shown(self, person: Person, urls: list[str]) -> Json:
        shown: Json = {}
        for url in urls:
            message = await self._previewer(person, url)
            if message is not None:
                shown[url] = {"blocks": blocks.render(message, rich=False)}
        return shown

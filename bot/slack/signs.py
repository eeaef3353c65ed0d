"""`Signs`: what in Slack says who is on call: the members of a user group, the topic of a channel.

Source: https://docs.slack.dev/reference/methods/usergroups.users.update, usergroups.users.list,
conversations.setTopic, conversations.info, https://docs.slack.dev/messaging/formatting-message-text (escaping)
"""

import logging
from collections.abc import Callable, Collection
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.identity import Channel
from bot.slack import failures
from bot.slack.connection import Connection, SlackError
from bot.slack.failures import Cause, Failure
from bot.slack.metrics import METRICS

NO_TOKEN = "no_user_token"  # noqa: S105 - a word of ours beside Slack's own
WRITES_GROUPS = "usergroups:write"
_ESCAPED = (("<", "&lt;"), (">", "&gt;"), ("&", "&amp;"))


class Signs:
    """Reads with the bot's token, changes user groups with a person's. Every method raises `SlackError`.

    `token` is asked at each call, so that another one counts at once. What is wrong with it is told of the call, and
    not of the connection: the bot goes on without it.
    """

    def __init__(self, connection: Connection, token: Callable[[], str]) -> None:
        self._connection = connection
        self._token = token

    @property
    def edits_groups(self) -> bool:
        """Whether there is a token of a person at all."""
        return bool(self._token())

    async def members(self, group: str) -> frozenset[str]:
        """Return the ids of all who are in a user group (its id); refused where it is unknown or disabled."""
        answer = await self._connection.call("usergroups.users.list", {"usergroup": group})
        return frozenset(str(one) for one in answer.get("users", ()))

    async def set_members(self, group: str, users: Collection[str]) -> None:
        """Have these and nobody else in a user group; Slack refuses an empty one."""
        await self._as_person("usergroups.users.update", {"usergroup": group, "users": ",".join(sorted(users))})

    async def topic(self, channel: Channel) -> str:
        """Return the topic of a channel, as people read it."""
        answer = await self._connection.call("conversations.info", {"channel": channel.channel})
        value = str(((answer.get("channel") or {}).get("topic") or {}).get("value") or "")
        for sign, escaped in _ESCAPED:  # no other entity is Slack's: "&copy" is what somebody wrote
            value = value.replace(escaped, sign)
        return value

    async def set_topic(self, channel: Channel, topic: str) -> None:
        """Write the topic of a channel."""
        await self._connection.call("conversations.setTopic", {"channel": channel.channel, "topic": topic})

    async def missing(self) -> tuple[str, ...]:
        """Return the scopes that the person's token lacks; none where Slack does not tell its scopes."""
        granted = await self._as_person("auth.test", {})
        return () if not granted or WRITES_GROUPS in granted else (WRITES_GROUPS,)

    async def _as_person(self, method: str, arguments: dict[str, Any]) -> frozenset[str]:
        """Call a method with the person's token and return its scopes."""
        token = self._token()
        if not token:
            raise SlackError(method, Failure(Cause.UNAUTHORISED, NO_TOKEN))
        client = AsyncWebClient(
            token=token,
            base_url=self._connection.client.base_url,
            session=self._connection.session,
            logger=logging.getLogger("slack_sdk"),
            retry_handlers=[],
        )
        try:
            answer = await client.api_call(method, json=arguments)
        except Exception as error:
            failure = failures.read(error)
            if failure is None:
                raise
            METRICS.calls.labels(method=method, outcome=failure.cause.name.lower()).inc()
            raise SlackError(method, failure) from error
        METRICS.calls.labels(method=method, outcome="ok").inc()
        scopes = str(answer.headers.get("x-oauth-scopes", ""))
        return frozenset(one.strip() for one in scopes.split(",") if one.strip())

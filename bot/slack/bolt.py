"""Bolt, set up so that a delivery costs as little as it can.

Bolt waits for an acknowledgement in steps of ten milliseconds unless `process_before_response` is set, tries its
listeners one by one, building every argument that one could ask for, and makes a client for every request. So: that
flag, a middleware after Bolt's own that hands each kind of delivery to its listener, and one client. Source: https://docs.slack.dev/tools/bolt-python/concepts/async
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.connection import Connection, Identity
from bot.slack.mrkdwn import Json
from bot.slack.shapes import mistake

_log = structlog.get_logger(__name__)

Listener = Callable[[Json], Awaitable[Json | str | None]]

_HEADERS: dict[str, str | Sequence[str]] = {"content-type": "application/json;charset=utf-8"}
KINDS = ("command", "action", "options", "view", "view_closed", "event", "shortcut")
_KIND_OF_TYPE: Mapping[str, str] = {
    "block_actions": "action",
    "block_suggestion": "options",
    "view_submission": "view",
    "view_closed": "view_closed",
    "event_callback": "event",
    "shortcut": "shortcut",
    "message_action": "shortcut",
}


class LeanApp(AsyncApp):
    """An `AsyncApp` whose requests share one client: they all act for one workspace."""

    def _init_context(self, req: AsyncBoltRequest) -> None:
        req.context["logger"] = self.logger
        req.context["token"] = self.client.token
        req.context["client"] = self.client
        req.context["listener_runner"] = self.listener_runner


class _Installed(AsyncAuthorize):
    """Authorises every request for the workspace that the token belongs to, without asking Slack each time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: tuple[Identity | None, AuthorizeResult] | None = None

    async def __call__(self, **_: Any) -> AuthorizeResult:  # noqa: ANN401 - all are ignored
        """Return who we are; the parts that Slack has not told yet are None."""
        identity = self._connection.identity
        if self._known is None or self._known[0] is not identity:
            self._known = (identity, self._result(identity))
        return self._known[1]

    def _result(self, identity: Identity | None) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=identity.enterprise or None if identity else None,
            team_id=identity.team if identity else None,
            bot_user_id=identity.user if identity else None,
            bot_id=identity.bot if identity else None,
            bot_token=self._connection.client.token,
        )


def make(connection: Connection, *, signing_secret: str, listeners: Mapping[str, Listener]) -> AsyncApp:
    """Return the Bolt app. `listeners` has one function for each of `KINDS`: payload -> JSON to acknowledge with.

    None acknowledges with nothing. `signing_secret` is checked on HTTP requests; Socket Mode has none.
    """
    app = LeanApp(
        name="shipmate",
        logger=logging.getLogger("slack_bolt"),
        client=AsyncWebClient(base_url=connection.client.base_url, retry_handlers=[]),
        signing_secret=signing_secret,
        authorize=_Installed(connection),
        process_before_response=True,
        request_verification_enabled=True,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    app.use(_Delivering(listeners))
    return app


class _Delivering(AsyncMiddleware):
    """The last middleware: hands each request that Bolt has checked to the listener of its kind."""

    def __init__(self, listeners: Mapping[str, Listener]) -> None:
        self._listeners = listeners

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's own name
    ) -> BoltResponse | None:
        """Acknowledge with what the listener says; what is no delivery goes on, for Bolt to answer."""
        kind = kind_of(req.body)
        if not kind:
            await next()
            return resp
        if req.mode == "socket_mode" and (wrong := mistake(kind, req.body)):  # over HTTP it was looked at before
            _log.warning("a payload has another shape than Slack's", kind=kind, mistake=wrong)
            return BoltResponse(status=400, body="the payload has another shape than Slack's")
        answer = await self._listeners[kind](req.body)
        if answer is None:
            return BoltResponse(status=200, body="")
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return BoltResponse(status=200, body=text, headers=_HEADERS)


def kind_of(body: Json) -> str:
    """Return which of `KINDS` a payload is, "" for none of them.

    Source: https://docs.slack.dev/reference/interaction-payloads
    """
    return "command" if "command" in body else _KIND_OF_TYPE.get(str(body.get("type")), "")

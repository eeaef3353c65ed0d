"""Answers that apps give in acknowledgements and over response URLs, made into messages.

Reference: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import time

from aiohttp import web

from bot.sandbox import posting
from bot.sandbox.apps import App
from bot.sandbox.decoding import decode
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message
from bot.sandbox.model import Channel
from bot.sandbox.platform import Platform
from bot.sandbox.tickets import ResponseUrl

_CONTENT = ("text", "blocks", "attachments")


def answer(
    platform: Platform, app: App, body: object, channel: Channel, user: str, thread_ts: str = ""
) -> Message | None:
    """Post what an acknowledgement or a response URL was given; None when there is nothing to show.

    Text alone and `response_type: ephemeral` (the default) are for `user`; `in_channel` is for everybody
    (https://docs.slack.dev/interactivity/implementing-slash-commands#responding_to_commands).
    Raises `SlackError` as `chat.postMessage` does.
    """
    data: Json = {"text": body} if isinstance(body, str) else body if isinstance(body, dict) else {}
    if not any(data.get(name) for name in _CONTENT):
        return None
    content = posting.read_content(data.get("text"), data.get("blocks"), data.get("attachments"), data.get("metadata"))
    in_channel = data.get("response_type") == "in_channel"
    return posting.by_app(
        platform,
        app,
        channel,
        content,
        thread_ts=str(data.get("thread_ts") or thread_ts),
        ephemeral_to="" if in_channel else user,
    )


def respond(platform: Platform, app: App, ticket: ResponseUrl, data: Json) -> Message | None:
    """Act on one POST to a response URL: delete or replace the original, or post anew."""
    channel = platform.workspace.channels[ticket.channel]
    original = channel.messages.get(ticket.message_ts) if ticket.message_ts else None
    if data.get("delete_original") and original is not None:
        posting.delete(platform, original)
        return None
    if data.get("replace_original") and original is not None:
        content = posting.read_content(
            data.get("text"), data.get("blocks"), data.get("attachments"), data.get("metadata")
        )
        return posting.edit(platform, original, content, app.bot_user_id, keep=frozenset(("metadata",)))
    return answer(platform, app, data, channel, ticket.user, ticket.thread_ts if data.get("thread_ts") else "")


class ResponseUrls:
    """Serves `/response/<app>/<key>`."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    async def handle(self, request: web.Request) -> web.Response:
        """Take one message; HTTP 404 `used_url` or `expired_url` when the URL is used up."""
        app = self._platform.apps.installed.get(request.match_info["app_id"])
        data: Json = {}
        started = time.perf_counter()
        try:
            data = await _body(request)
            ticket = self._platform.tickets.redeem(request.match_info["key"], request.match_info["app_id"])
            if app is None:
                raise SlackError("expired_url", status=404)  # noqa: TRY301 - it was uninstalled meanwhile
            respond(self._platform, app, ticket, data)
        except SlackError as error:
            body, status = error.body(), error.status if error.status != 200 else 400  # noqa: PLR2004 - no answer is 200
        else:
            body, status = {"ok": True}, 200
        self._platform.log.add(
            "from_app",
            "response_url",
            app.id if app else "",
            ticket=request.match_info["key"],
            kind="response_url",
            request=data,
            response=body,
            ms=round((time.perf_counter() - started) * 1000, 3),
        )
        return web.json_response(body, status=status)


async def _body(request: web.Request) -> Json:
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            form = await request.post()
            data = decode(str(form.get("payload", "")))
        else:
            data = decode(await request.text())
    except ValueError:
        raise SlackError("invalid_payload", status=400) from None
    if not isinstance(data, dict):
        raise SlackError("invalid_payload", status=400)
    return data

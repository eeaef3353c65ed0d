"""The demo's second app: Guide, which keeps the tour's message in #start-here.

It is an app like any other, with a token of its own, and knows of Shipmate only what Shipmate writes in #checkout.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.tour import Progress, message, news

CHANNEL, WATCHED = "start-here", "checkout"

MANIFEST = {
    "display_information": {"name": "Guide", "description": "Walks newcomers through the demo"},
    "features": {"bot_user": {"display_name": "guide", "always_online": True}},
    "oauth_config": {"scopes": {"bot": ["channels:history", "channels:read", "chat:write", "pins:read", "pins:write"]}},
    "settings": {"event_subscriptions": {"bot_events": ["message.channels"]}, "socket_mode_enabled": True},
}


class Guide:
    """Reads what Shipmate says, ticks off the steps of the tour in the pinned message, and tells what comes next."""

    def __init__(self, *, api_url: str, bot_token: str, app_token: str) -> None:
        """Keep the address and the tokens; no I/O before it is entered."""
        self._client = AsyncWebClient(token=bot_token, base_url=api_url)
        app = AsyncApp(client=self._client, process_before_response=True)
        app.event("message")(self._heard)
        self._handler = AsyncSocketModeHandler(app, app_token)
        self._progress = Progress({})
        self._links: dict[str, str] = {}
        self._channels: dict[str, str] = {}
        self._self = self._ts = ""
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Post the tour, or find the one that is pinned, and listen; raises `RuntimeError` when Slack says no."""
        try:
            self._self = (await self._client.auth_test())["bot_id"]
            async for page in await self._client.conversations_list(limit=200):
                self._channels |= {one["name"]: one["id"] for one in page["channels"]}
            async with self._one_at_a_time:  # what is heard from now on waits until all before is read
                await self._handler.connect_async()  # type: ignore[no-untyped-call]
                await self._catch_up()
                channel = self._channels[CHANNEL]
                if self._ts:
                    await self._client.chat_update(channel=channel, ts=self._ts, **self._message())
                else:
                    self._ts = (await self._client.chat_postMessage(channel=channel, **self._message()))["ts"]
                    await self._client.pins_add(channel=channel, timestamp=self._ts)
        except SlackApiError as error:
            await self.__aexit__()
            raise RuntimeError(f"the demo's guide: Slack answered {error.response['error']}") from error
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop listening."""
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _catch_up(self) -> None:
        """Find the tour that an earlier run pinned, and read what Shipmate said before this one listens."""
        pins = await self._client.pins_list(channel=self._channels[CHANNEL])
        pinned = [item["message"] for item in pins.get("items") or () if "message" in item]
        self._ts = next((one["ts"] for one in pinned if one.get("bot_id") == self._self), "")
        history = await self._client.conversations_history(channel=self._channels[WATCHED], limit=200)
        for said in reversed(history["messages"]):
            self._take_in(said)
        await self._look_up_links()

    def _take_in(self, said: Mapping[str, Any]) -> None:
        """Note what an app said, which is Shipmate or is no card; what people write ticks nothing off."""
        if said.get("bot_id") not in {None, "", self._self}:
            self._progress = self._progress.after(str(said.get("text", "")), str(said["ts"]))

    async def _heard(self, event: Mapping[str, Any]) -> None:
        """Take in a new or an edited message, and say it in #start-here when it changes how far somebody is."""
        if event.get("channel") != self._channels[WATCHED]:
            return
        async with self._one_at_a_time:
            before = self._progress
            self._take_in(event.get("message") or {} if event.get("subtype") == "message_changed" else event)
            if self._progress is before:
                return
            await self._look_up_links()
            channel = self._channels[CHANNEL]
            await self._client.chat_update(channel=channel, ts=self._ts, **self._message())
            if told := news(before, self._progress):
                await self._client.chat_postMessage(channel=channel, text=told)

    async def _look_up_links(self) -> None:
        for sight in self._progress.sights.values():
            if sight.ts not in self._links:
                found = await self._client.chat_getPermalink(channel=self._channels[WATCHED], message_ts=sight.ts)
                self._links[sight.ts] = found["permalink"]

    def _message(self) -> dict[str, Any]:
        return message(self._progress, channel=self._channels[WATCHED], links=self._links)

"""The demo's second app: Guide, which keeps the tours' messages in #start-here.

It is an app like any other, with a token of its own, and knows of Shipmate only what Shipmate writes in #checkout.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.steps import START, TOURS, Tour
from bot.demo.tour import PUSH, Progress, message, news

CHANNEL, WATCHED = "start-here", "checkout"

MANIFEST = {
    "display_information": {"name": "Guide", "description": "Walks newcomers through the demo"},
    "features": {"bot_user": {"display_name": "guide", "always_online": True}},
    "oauth_config": {"scopes": {"bot": ["channels:history", "channels:read", "chat:write", "pins:read", "pins:write"]}},
    "settings": {
        "event_subscriptions": {"bot_events": ["message.channels"]},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}

Push = Callable[[], Awaitable[str]]
"""Has Tom push a commit; returns its title."""


class Guide:
    """Reads what Shipmate says, ticks off the steps of the tours in the pinned messages, and tells what comes next.

    The tours after the first are posted when that is done. `tours` are those that this demo can show.
    """

    def __init__(
        self, *, api_url: str, bot_token: str, app_token: str, push: Push, tours: Sequence[Tour] = TOURS
    ) -> None:
        """Keep the address and the tokens; no I/O before it is entered."""
        self._client = AsyncWebClient(token=bot_token, base_url=api_url)
        app = AsyncApp(client=self._client, process_before_response=True)
        app.event("message")(self._heard)
        app.action(PUSH)(self._pressed)
        self._handler = AsyncSocketModeHandler(app, app_token)
        self._push = push
        self._tours = tuple(tours)
        self._progress = {tour.title: Progress(tour, {}) for tour in self._tours}
        self._posted: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._channels: dict[str, str] = {}
        self._self = ""
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Post the tour, or find those that are pinned, and listen; raises `RuntimeError` when Slack says no."""
        try:
            self._self = (await self._client.auth_test())["bot_id"]
            async for page in await self._client.conversations_list(limit=200):
                self._channels |= {one["name"]: one["id"] for one in page["channels"]}
            async with self._one_at_a_time:  # what is heard from now on waits until all before is read
                await self._handler.connect_async()  # type: ignore[no-untyped-call]
                await self._catch_up()
                await self._show(*self._tours)
        except SlackApiError as error:
            await self.__aexit__()
            raise RuntimeError(f"the demo's guide: Slack answered {error.response['error']}") from error
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop listening."""
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _catch_up(self) -> None:
        """Find the tours that an earlier run pinned, and read what Shipmate said before this one listens."""
        pins = await self._client.pins_list(channel=self._channels[CHANNEL])
        pinned = [item["message"] for item in pins.get("items") or () if "message" in item]
        for one in pinned:
            for tour in self._tours if one.get("bot_id") == self._self else ():
                if str(one.get("text", "")).startswith(tour.title.partition(":")[0]):
                    self._posted[tour.title] = one["ts"]
        history = await self._client.conversations_history(channel=self._channels[WATCHED], limit=200)
        for said in reversed(history["messages"]):
            self._take_in(said)

    def _take_in(self, said: Mapping[str, Any]) -> None:
        """Note what an app said, which is Shipmate or says nothing of a step; what people write ticks nothing off."""
        if said.get("bot_id") not in {None, "", self._self}:
            text, ts = str(said.get("text", "")), str(said["ts"])
            self._progress = {title: progress.after(text, ts) for title, progress in self._progress.items()}

    async def _heard(self, event: Mapping[str, Any]) -> None:
        """Take in a new or an edited message, and say it in #start-here when it changes how far somebody is."""
        if event.get("channel") != self._channels[WATCHED]:
            return
        async with self._one_at_a_time:
            before = self._progress
            self._take_in(event.get("message") or {} if event.get("subtype") == "message_changed" else event)
            changed = [tour for tour in self._tours if self._progress[tour.title] is not before[tour.title]]
            await self._show(*changed)
            for tour in changed:
                if told := news(before[tour.title], self._progress[tour.title]):
                    await self._client.chat_postMessage(channel=self._channels[CHANNEL], text=told)
            if START in changed and self._progress[START.title].next is None:
                await self._show(*self._tours)

    async def _pressed(self, ack: Callable[[], Awaitable[None]], body: Mapping[str, Any]) -> None:
        """Have Tom push a commit, and tell who pressed the button."""
        await ack()
        title = await self._push()
        await self._client.chat_postEphemeral(
            channel=self._channels[CHANNEL], user=body["user"]["id"], text=f"Tom pushed to `next`: {title}"
        )

    async def _show(self, *tours: Tour) -> None:
        """Post or edit the messages of these tours; the others wait for the end of the first."""
        channel = self._channels[CHANNEL]
        for tour in tours:
            if tour is not START and self._progress[START.title].next is not None:
                continue
            progress = self._progress[tour.title]
            for sight in progress.sights.values():
                if sight.ts not in self._links:
                    found = await self._client.chat_getPermalink(channel=self._channels[WATCHED], message_ts=sight.ts)
                    self._links[sight.ts] = found["permalink"]
            said = message(progress, channel=self._channels[WATCHED], links=self._links)
            if tour.title in self._posted:
                await self._client.chat_update(channel=channel, ts=self._posted[tour.title], **said)
            else:
                self._posted[tour.title] = (await self._client.chat_postMessage(channel=channel, **said))["ts"]
                await self._client.pins_add(channel=channel, timestamp=self._posted[tour.title])

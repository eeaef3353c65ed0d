"""A process of its own that sends what waits in an outbox: `python -m tests.slack.sending <url> <api url> <owner>`."""

import asyncio
import sys
from datetime import timedelta

from bot.clock import SystemClock
from bot.settings import Settings
from bot.slack.gateway import Gateway
from bot.store import Store

BOT_TOKEN = "xoxb-1-2-office"


async def main(url, api_url, owner):
    clock = SystemClock()
    store = await Store.open(url, clock=clock)
    settings = Settings.model_validate({"slack": {"bot_token": BOT_TOKEN, "api_url": api_url}})
    gateway = Gateway(settings, store, clock, owner=owner, lease=timedelta(seconds=3))
    await gateway.open()
    await gateway.sender.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

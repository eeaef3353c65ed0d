"""A real workspace with a real app connected over Socket Mode, and Chromium windows of people looking at it."""

from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig, Options, Sandbox, Seed
from tests.page.ferry import MANIFEST, Ferry
from tests.page.harbour import Harbour
from tests.servers.programs import CHROMIUM_FLAGS

HINTS = ("/carry coal to north", "/shores")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_executable):
    """One Chromium for all tests of the page."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium_executable, args=list(CHROMIUM_FLAGS))
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def harbour(browser):
    """The workspace, the app and the way to open windows; at the end no window may have had an error."""
    async with AsyncExitStack() as stack:
        sandbox = Sandbox(Seed(hints=HINTS), Options(ack_timeout=1.0))
        await sandbox.start()
        stack.push_async_callback(sandbox.stop)
        installed = await sandbox.install(AppConfig(manifest=MANIFEST))
        ferry = Ferry(AsyncWebClient(token=installed.bot_token, base_url=sandbox.api_url))
        handler = AsyncSocketModeHandler(ferry.app, installed.app_token)
        await handler.connect_async()
        stack.push_async_callback(handler.close_async)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        made = Harbour(sandbox, ferry, browser, session, handler.close_async)
        stack.push_async_callback(made.close)
        yield made
        assert made.complaints == []


@pytest.fixture
def ferry(harbour):
    """The app."""
    return harbour.ferry

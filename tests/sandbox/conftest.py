"""A sandbox on a free port, people to act in it, and real Slack clients connected to it."""

from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig, Options, Sandbox
from tests.sandbox.desk import DEADLINE, Desk, FakeClock
from tests.sandbox.manifests import manifest


@asynccontextmanager
async def running(**options):
    """Run a sandbox; `clock` and `seed` go to it, all else are options.

    Unless told otherwise views may be opened for longer than Slack's three seconds: tests also run where all is slow.
    """
    clock, seed = options.pop("clock", None), options.pop("seed", None)
    options = ({} if clock else {"trigger_lifetime": DEADLINE}) | options
    made = Sandbox(seed, Options(**options), **({"clock": clock} if clock else {}))
    await made.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Desk(made, session)
    finally:
        await made.stop()


@asynccontextmanager
async def bolt(desk, listeners=None, mode="socket", **settings):
    """Connect a real Bolt app; `listeners` is called with it before it starts. Yields (app, client, installed)."""
    installed_manifest = manifest(**settings)
    async with AsyncExitStack() as stack:
        if mode == "socket":
            installed = await desk.sandbox.install(AppConfig(manifest=installed_manifest))
            client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
            app = AsyncApp(client=client)
            if listeners:
                listeners(app)
            handler = AsyncSocketModeHandler(app, installed.app_token, ping_interval=1)
            await handler.connect_async()
            stack.push_async_callback(handler.close_async)
        else:
            app = AsyncApp(
                client=AsyncWebClient(token="xoxb-http", base_url=desk.sandbox.api_url), signing_secret="s3cret"
            )
            if listeners:
                listeners(app)
            runner = web.AppRunner(app.web_app("/slack/events"), shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
            installed = await desk.sandbox.install(
                AppConfig(
                    manifest=installed_manifest,
                    mode="http",
                    request_url=url,
                    bot_token="xoxb-http",
                    signing_secret="s3cret",
                )
            )
            client = app.client
        yield app, client, installed


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def desk():
    async with running() as made:
        yield made


@pytest.fixture
async def installed(desk):
    """The app as installed, with nobody connected."""
    return await desk.sandbox.install(AppConfig(manifest=manifest()))


@pytest.fixture
def client(desk, installed):
    """A Web API client with the app's bot token."""
    return AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)


@pytest.fixture
def channel(desk):
    """The id of #checkout."""
    return desk.sandbox.workspace.find_channel("checkout").id

"""A local workspace with the Slack side of Shipmate connected to it, and what people in it do and see."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import aiohttp
from aiohttp import web

from bot.audit import Audit
from bot.catalog import Catalog
from bot.clock import SystemClock
from bot.command import World
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.help import Help
from bot.permissions import Permissions
from bot.registry import Registry
from bot.sandbox import AppConfig, Options, Sandbox
from bot.settings import Settings
from bot.slack import manifest
from bot.slack.gateway import Gateway
from bot.slack.pacing import Pacing
from bot.starter import Starter
from bot.store import Store
from commands.shipmate import help_
from tests.slack.commands import COMMANDS, Heard, note

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-1-2-office", "xapp-1-A1-office", "office-signing-secret"
DEADLINE = 60.0


class Office:
    """The workspace's control API, spoken over HTTP as any test of the sandbox does."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self.session = session
        self.gateway: Gateway | None = None
        self.store: Store | None = None
        self.heard = Heard()
        self.url = ""

    async def post(self, what, **data):
        async with self.session.post(f"{self.sandbox.url}/_sandbox/{what}", json=data) as answer:
            return await answer.json()

    async def get(self, what, **query):
        async with self.session.get(f"{self.sandbox.url}/_sandbox/{what}", params=query) as answer:
            return await answer.json()

    async def type(self, user, channel, line):
        command, _, text = line.partition(" ")
        return await self.post("commands", user=user, channel=channel, command=command, text=text)

    async def messages(self, channel, viewer=None):
        """What stands in a channel; with `viewer` what that person sees."""
        found = await self.get(f"channels/{channel}", **({"viewer": viewer} if viewer else {}))
        return found["messages"]

    async def from_bot(self, channel, viewer=None):
        bot = self.bot_user
        return [m for m in await self.messages(channel, viewer) if m.get("user") == bot]

    async def direct(self, user):
        """The messages of the bot to one person."""
        state = await self.get("state", viewer=user)
        return [
            m
            for c in state["channels"]
            if c["is_im"] and self.bot_user in c["members"]
            for m in c["messages"]
            if m.get("user") == self.bot_user
        ]

    @property
    def bot_user(self):
        return next(iter(self.sandbox.platform.apps.installed.values())).bot_user_id

    def channel_id(self, name):
        return self.sandbox.workspace.find_channel(name).id

    async def calls(self, method):
        """The calls of one Web API method, oldest first."""
        found = await self.get("deliveries")
        return [one for one in found["deliveries"] if one["direction"] == "from_app" and one["type"] == method]

    async def until(self, condition, what="it", deadline=DEADLINE):
        """Wait for an async condition; returns what it gave."""
        ends = time.monotonic() + deadline
        while True:
            if found := await condition():
                return found
            assert time.monotonic() < ends, f"{what} did not happen within {deadline} s"
            await asyncio.sleep(0.02)

    async def bot_says(self, channel, text, *, viewer=None, times=1):
        """Wait until the bot's messages with `text` in them are so many; return the first."""

        async def said():
            found = [m for m in await self.from_bot(channel, viewer) if text in str(m["text"]) + str(m["blocks"])]
            return found if len(found) >= times else None

        return (await self.until(said, f"{text!r} in #{channel}"))[0]


JOB = {"with": "local", "job": "x"}
SERVICE = {
    "repository": {"with": "local", "project": "x"},
    "environments": [{"name": "staging", "deploy": JOB}, {"name": "production", "deploy": JOB}],
}
SETTINGS = {
    "people": {"mia": {"slack": "U1"}},
    "permissions": [{"allow": ["*"], "to": ["everyone"]}],
    "server": {"public_url": "https://shipmate.example.org"},
    "environments": {"staging": {}, "production": {}},
    "services": {"checkout": SERVICE, "cart": SERVICE},
}


def settings_for(sandbox, mode="socket", **slack):
    """Settings as an administrator would write them for this workspace."""
    told = {
        "mode": mode,
        "bot_token": BOT_TOKEN,
        "app_token": APP_TOKEN,
        "signing_secret": SECRET,
        "api_url": sandbox.api_url,
        "aliases": ["where"],
        "reactions": {"white_check_mark": "approve", "eyes": "where", "memo": "note"},
    }
    return Settings.model_validate({**SETTINGS, "slack": told | slack})


async def _compose(office, settings, registry, stack, owner):
    """Put the real road behind the gateway: permissions, audit, stored deliveries."""
    clock, gateway, store = SystemClock(), office.gateway, office.store
    permissions = Permissions(settings, clock)
    if gateway.connection.identity is not None:
        permissions.set_home(gateway.connection.identity.team)
    permissions.set_standing(gateway.directory.standing)
    deliveries = Deliveries(store, clock, owner)
    world = World(store, office.heard, Catalog(settings), registry, Help(registry, permissions, clock))

    async def replier(tx, invocation, reply):
        await gateway.outbox.whisper(tx, invocation.delivery_id, invocation, reply)

    dispatcher = Dispatcher(
        registry=registry,
        permissions=permissions,
        audit=Audit(store, clock),
        deliveries=deliveries,
        store=store,
        world=world,
        clock=clock,
        replier=replier,
    )
    starter = Starter(deliveries, dispatcher, clock=clock)
    await starter.start()
    stack.push_async_callback(starter.stop)
    await gateway.connect(dispatcher, registry, world)


@asynccontextmanager
async def workspace(seed=None, **options):
    """Run a sandbox and yield an `Office` in which nobody is connected yet."""
    sandbox = Sandbox(seed, Options(**options))
    await sandbox.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Office(sandbox, session)
    finally:
        await sandbox.stop()


@asynccontextmanager
async def connected(office, url, *, mode="socket", clock=None, pacing=None, owner="one", **slack):
    """Connect a gateway to the office over its store at `url`."""
    clock = clock or SystemClock()
    settings = settings_for(office.sandbox, mode, **slack)
    async with AsyncExitStack() as stack:
        store = await Store.open(url, clock=clock)
        stack.push_async_callback(store.close)
        gateway = Gateway(settings, store, clock, owner=owner, pacing=pacing or Pacing(post_every=0.01, post_burst=50))
        registry = Registry((*COMMANDS, note, help_))
        tokens = AppConfig(
            manifest=manifest.build(settings, registry),
            mode=mode,
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            signing_secret=SECRET,
        )
        if mode == "socket":
            await office.sandbox.install(tokens)
        else:
            office.sandbox.platform.apps.install(replace(tokens, request_url="http://127.0.0.1:1/"))
        await gateway.open()
        stack.push_async_callback(gateway.close, 2.0)
        office.gateway, office.store = gateway, store
        await _compose(office, settings, registry, stack, owner)
        if mode == "http":
            server = web.Application()
            server.add_routes(gateway.routes())
            runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            office.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
            await office.sandbox.install(replace(tokens, request_url=office.url))
        else:
            async with asyncio.timeout(DEADLINE):
                assert gateway.link is not None
                await gateway.link.connected.wait()
        yield office

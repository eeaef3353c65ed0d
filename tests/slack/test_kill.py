"""The process that sends is killed at any moment: what was to be said is said, once."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack

import pytest

from bot.clock import SystemClock
from bot.identity import Channel, Person
from bot.reply import Markup, Message, Paragraph
from bot.sandbox import AppConfig
from bot.slack import manifest
from bot.slack.outbox import Outbox
from bot.store import Store
from tests.slack.gate import opened
from tests.slack.office import APP_TOKEN, BOT_TOKEN, SECRET, settings_for, workspace

pytestmark = pytest.mark.slow


class Mailroom:
    """An office, a gate before its Web API, an outbox, and processes that send from it."""

    def __init__(self, office, gate, store, url):
        self.office = office
        self.gate = gate
        self.store = store
        self.url = url
        self.outbox = Outbox(store, SystemClock())
        self.team = office.sandbox.workspace.team.id
        self._started = []

    async def start(self, owner):
        """Start a process that sends."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.slack.sending", self.url, self.gate.url, owner
        )
        self._started.append(process)
        return process

    async def kill(self, process):
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()

    async def end(self):
        for process in self._started:
            if process.returncode is None:
                await self.kill(process)

    async def settled(self):
        async def empty():
            return not await self.outbox.waiting()

        await self.office.until(empty, "everything is said", deadline=60)

    @property
    def channel(self):
        return Channel(team=self.team, channel=self.office.channel_id("checkout"))

    def person(self, name):
        return Person(team=self.team, user=self.office.sandbox.workspace.find_user(name).id)


@pytest.fixture
async def mailroom(either_url):
    async with workspace() as office, AsyncExitStack() as stack:
        installed = AppConfig(
            manifest=manifest.build(settings_for(office.sandbox, aliases=[]), {}),
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            signing_secret=SECRET,
        )
        await office.sandbox.install(installed)
        gate = await opened(office.sandbox.api_url, stack)
        store = await Store.open(either_url, clock=SystemClock())
        stack.push_async_callback(store.close)
        room = Mailroom(office, gate, store, either_url)
        stack.push_async_callback(room.end)
        yield room


def note(text):
    return Message(summary=text, parts=(Paragraph(Markup(text)),))


async def write_all(room):
    """Have one of each kind said: a card, something in its thread, a message, and one to a person."""
    async with room.store.write() as tx:
        box = room.outbox
        await box.show(tx, "D-1001", room.channel, note("card"))
        await box.post(tx, "log", room.channel, note("in the thread"), in_thread_of="D-1001")
        await box.post(tx, "news", room.channel, note("news"))
        await box.direct(tx, "ask", room.person("ana"), note("please approve"))


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize(
    ("either_url", "number"),
    [("sqlite", 1), ("sqlite", 2), ("sqlite", 3), ("sqlite", 4), ("postgresql", 1), ("postgresql", 2)],
    indirect=["either_url"],  # the rows are the same; what differs on PostgreSQL is who takes them over
)
async def test_killed_in_the_middle_of_a_post_it_is_posted_once(mailroom, point, number):
    await write_all(mailroom)
    mailroom.gate.hold("chat.postMessage", point, number)
    first = await mailroom.start("first")
    async with asyncio.timeout(50):
        await mailroom.gate.held.wait()
    await mailroom.kill(first)
    await mailroom.start("second")
    await mailroom.settled()
    said = await mailroom.office.from_bot("checkout")
    assert sorted(m["text"] for m in said) == ["card", "in the thread", "news"]
    card = next(m for m in said if m["text"] == "card")
    assert next(m for m in said if m["text"] == "in the thread")["thread_ts"] == card["ts"]
    assert [m["text"] for m in await mailroom.office.direct("ana")] == ["please approve"]


@pytest.mark.parametrize("point", ["before", "after"])
async def test_killed_in_the_middle_of_an_edit_the_card_ends_right(mailroom, point):
    await write_all(mailroom)
    first = await mailroom.start("first")
    await mailroom.settled()
    mailroom.gate.hold("chat.update", point)
    async with mailroom.store.write() as tx:
        await mailroom.outbox.show(tx, "D-1001", mailroom.channel, note("running"), urgent=True)
    if mailroom.store.dialect == "sqlite":  # two processes on one file: the other one does not see it until it looks
        await mailroom.kill(first)
        first = await mailroom.start("again")
    async with asyncio.timeout(50):
        await mailroom.gate.held.wait()
    async with mailroom.store.write() as tx:
        await mailroom.outbox.show(tx, "D-1001", mailroom.channel, note("done"), final=True)
    await mailroom.kill(first)
    mailroom.gate.open()
    await mailroom.start("second")
    await mailroom.settled()
    said = await mailroom.office.from_bot("checkout")
    assert sorted(m["text"] for m in said) == ["done", "in the thread", "news"]


async def test_killed_between_two_posts_the_rest_follows_in_order(mailroom):
    async with mailroom.store.write() as tx:
        for number in range(8):
            await mailroom.outbox.post(tx, f"k{number}", mailroom.channel, note(f"message {number}"))
    first = await mailroom.start("first")
    await mailroom.office.bot_says("checkout", "message 1")
    await mailroom.kill(first)
    await mailroom.start("second")
    await mailroom.settled()
    said = await mailroom.office.from_bot("checkout")
    assert [m["text"] for m in said] == [f"message {number}" for number in range(8)]

"""The tour ticks off what Shipmate says has happened, nothing else, and outlives its bot."""

import asyncio
import contextlib

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.arguments import parse
from bot.demo.guide import CHANNEL, MANIFEST, Guide
from bot.demo.tour import MORE, STEPS, Progress, news, sight_of
from bot.sandbox import AppConfig, Sandbox, Seed
from bot.sandbox.seed import ChannelSeed
from commands.registry import registry

SECONDS = 60
SHIPMATE = {
    "display_information": {"name": "Shipmate"},
    "oauth_config": {"scopes": {"bot": ["chat:write"]}},
    "settings": {"socket_mode_enabled": True},
}


@pytest.mark.parametrize(
    ("text", "step", "stage"),
    [
        ("D-1 checkout 1.4.2 → staging: planning", "good", "begun"),
        ("D-1 checkout 1.4.2 → staging: done", "good", "done"),
        ("D-1 checkout 1.5.1 → staging: done", "good", "done"),
        ("D-2 checkout 1.5.0 → staging: rolling back", "bad", "begun"),
        ("D-2 checkout 1.5.0 → staging: rolled back to 1.4.2. Errors 14 %.", "bad", "done"),
        ("D-3 checkout 1.4.2 → production: waits for approval", "approval", "begun"),
        ("D-3 checkout 1.4.2 → production: done", "approval", "done"),
        ("D-4 checkout 1.5.1 → production: rejected", None, None),
        ("D-5 checkout back to 1.4.1 → staging: done", None, None),
        ("Approval of D-3 checkout 1.4.2 → production: approved by @ana", None, None),
        ("Log of the build", None, None),
        ("", None, None),
    ],
)
def test_a_card_belongs_to_a_step(text, step, stage):
    sight = sight_of(text, "1.0")
    assert (sight and sight.step, sight and sight.stage) == (step, stage)


def test_what_is_done_stays_done_and_may_say_more():
    bad = "D-2 checkout 1.5.0 → staging: rolled back to 1.4.2"
    done = Progress({}).after(bad, "2.0")
    assert done.after("D-3 checkout 1.5.0 → staging: deploying", "3.0") is done
    assert done.after(bad, "2.0") is done
    more = done.after(f"{bad}. Verification failed: errors 14 %.", "4.0")
    assert more.sights["bad"].words == "D-2: rolled back to 1.4.2. Verification failed: errors 14 %"
    assert more.sights["bad"].ts == "2.0"
    assert news(Progress({}), done).endswith(f"Next: *{STEPS[0].title}*. Type `{STEPS[0].line}`")
    assert news(done, more) == ""


@pytest.mark.parametrize("line", [line for line, _ in MORE] + [step.line for step in STEPS])
def test_what_the_tour_tells_to_type_is_understood(line):
    name, _, words = line.removeprefix("/").removeprefix("shipmate ").partition(" ")
    if name != "help" and words:
        parse(registry().find(name), words)


class Stage:
    """A workspace with the tour's channel, an app that speaks as Shipmate does, and eyes on #start-here."""

    def __init__(self, sandbox, http, shipmate, tokens):
        self.sandbox = sandbox
        self.shipmate = shipmate
        self.tokens = tokens
        self._http = http

    async def says(self, text, ts=None):
        """Post a card, or edit the one at `ts`, as Shipmate."""
        channel = self.sandbox.workspace.find_channel("checkout").id
        if ts:
            return await self.shipmate.chat_update(channel=channel, ts=ts, text=text)
        return (await self.shipmate.chat_postMessage(channel=channel, text=text))["ts"]

    async def writes(self, text):
        """Write a message as a person."""
        wish = {"user": "mia", "channel": "checkout", "text": text}
        async with self._http.post(f"{self.sandbox.url}/_sandbox/messages", json=wish) as answer:
            assert answer.status == 200

    async def start_here(self):
        """Return the channel with its messages and pins."""
        async with self._http.get(f"{self.sandbox.url}/_sandbox/channels/{CHANNEL}") as answer:
            return await answer.json()

    async def until(self, look):
        """Return the channel once `look` says yes to it."""
        with self.sandbox.platform.changes.listen() as changes:
            async with asyncio.timeout(SECONDS):
                while not look(channel := await self.start_here()):
                    await changes.get()
        return channel

    def guide(self):
        """Return the tour's bot."""
        return Guide(api_url=self.sandbox.api_url, **self.tokens)


@pytest.fixture
async def stage():
    company = Seed()
    start = ChannelSeed(name=CHANNEL, members=("mia", "ana"))
    sandbox = Sandbox(company.model_copy(update={"channels": (start, *company.channels)}))
    async with contextlib.AsyncExitStack() as stack:
        await sandbox.start()
        stack.push_async_callback(sandbox.stop)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        shipmate = await sandbox.install(AppConfig(manifest=SHIPMATE))
        guide = await sandbox.install(AppConfig(manifest=MANIFEST))
        client = AsyncWebClient(token=shipmate.bot_token, base_url=sandbox.api_url)
        yield Stage(sandbox, http, client, {"bot_token": guide.bot_token, "app_token": guide.app_token})


def first_says(text):
    return lambda channel: bool(channel["messages"]) and channel["messages"][0]["text"].endswith(text)


async def test_steps_are_ticked_off_as_they_happen(stage):
    async with stage.guide():
        channel = await stage.until(first_says("0 of 3 done"))
        assert channel["pins"] == [channel["messages"][0]["ts"]]
        await stage.writes("D-9 checkout 1.4.2 → staging: done")
        ts = await stage.says("D-1 checkout 1.4.2 → staging: planning")
        await stage.until(lambda channel: "under way" in str(channel["messages"][0]["blocks"]))
        await stage.says("D-1 checkout 1.4.2 → staging: done", ts)
        channel = await stage.until(lambda channel: len(channel["messages"]) == 2)
    assert channel["messages"][0]["text"].endswith("1 of 3 done"), "what a person writes ticks nothing off"
    assert f"D-1: done · <{stage.sandbox.url}/archives/" in str(channel["messages"][0]["blocks"])
    assert STEPS[1].line in channel["messages"][1]["text"]


async def test_the_tour_goes_on_after_a_restart_of_its_bot(stage):
    async with stage.guide():
        await stage.says("D-2 checkout 1.5.0 → staging: rolled back to 1.4.2. Errors 14 %.")
        await stage.until(lambda channel: len(channel["messages"]) == 2)
    await stage.writes("D-8 checkout 1.4.2 → production: done")
    await stage.says("D-1 checkout 1.4.2 → staging: done")
    async with stage.guide():
        await stage.until(first_says("2 of 3 done"))
        await stage.says("D-3 checkout 1.4.2 → production: done")
        channel = await stage.until(lambda channel: len(channel["messages"]) == 3)
    first, *rest = channel["messages"]
    assert first["text"].endswith("3 of 3 done")
    assert channel["pins"] == [first["ts"]]
    assert "That was the tour" in rest[-1]["text"]
    assert all(line in str(first["blocks"]) for line, _ in MORE)


async def test_a_workspace_that_says_no_is_told_in_words(stage):
    stage.tokens["bot_token"] = "xoxb-nobody"
    with pytest.raises(RuntimeError, match="the demo's guide: Slack answered invalid_auth"):
        await stage.guide().__aenter__()

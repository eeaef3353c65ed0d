"""The tour ticks off what Shipmate says has happened, nothing else, and outlives its bot."""

import asyncio
import contextlib
import subprocess
from datetime import UTC, datetime

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.arguments import Incomplete, parse
from bot.demo import repository
from bot.demo.guide import CHANNEL, MANIFEST, Guide
from bot.demo.steps import ALERTS, START, TOURS, TRUST
from bot.demo.tour import PUSH, Progress, news, sight_of
from bot.sandbox import AppConfig, Sandbox, Seed
from bot.sandbox.seed import ChannelSeed
from commands.registry import registry

SECONDS = 60
STEPS = START.steps
NOW = datetime(2026, 3, 4, 13, tzinfo=UTC)
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
        ("D-6 checkout 62cdd8e → staging: done", None, None),
        ("D-5 checkout back to 1.4.1 → staging: done", None, None),
        ("Approval of D-3 checkout 1.4.2 → production: approved by @ana", None, None),
        ("Log of the build", None, None),
        ("", None, None),
    ],
)
def test_a_card_belongs_to_a_step(text, step, stage):
    sight = sight_of(START, text, "1.0")
    assert (sight and sight.step, sight and sight.stage) == (step, stage)


@pytest.mark.parametrize(
    ("text", "step", "stage"),
    [
        ("D-4 checkout 62cdd8e → staging: deploying", "push", "begun"),
        ("D-4 checkout 62cdd8e → staging: done", "push", "done"),
        ("D-1 checkout 1.4.2 → staging: done", None, None),
        ("Approval wanted: D-5 checkout 62cdd8e → production, asked by @mia", "again", "begun"),
        (
            "Approval wanted again: D-5 checkout b52f75b → production, asked by @mia; next moved from 62c to b52",
            "again",
            "done",
        ),
        ("checkout/production is now frozen by @ana: month end", "freeze", "begun"),
        ("checkout/production is no longer frozen: @ana lifted it", "freeze", "done"),
        ("checkout/production is no longer frozen: F-1 has ended", "freeze", "done"),
        ("checkout/production is now locked by @tom, “looking at the database”", "lock", "begun"),
        ("checkout/production is now locked by @raj, “looking at the database”", "lock", "done"),
        ("checkout/production is unlocked by @raj", None, None),
        ("D-9 checkout c8dc016 → production is an emergency by @mia: cards are declined", "emergency", "done"),
    ],
)
def test_what_shipmate_says_belongs_to_a_step_of_the_second_tour(text, step, stage):
    sight = sight_of(TRUST, text, "1.0")
    assert (sight and sight.step, sight and sight.stage) == (step, stage)


@pytest.mark.parametrize(
    ("text", "step", "stage"),
    [
        ("D-6 checkout 1.4.3 → production: deploying", "load", "begun"),
        ("D-6 checkout 1.4.3 → production: done", "load", "done"),
        ("D-6 checkout 1.4.3 → production is forced by @raj: the sale starts at noon", None, None),
        ("A-1 firing: CheckoutErrors · checkout production · critical, 1 alert: Customers", "fires", "done"),
        ("A-1 acknowledged, firing: CheckoutErrors · checkout production · critical", "acknowledge", "done"),
        ("D-7 checkout back to 1.4.2 → production: deploying", "back", "begun"),
        ("D-7 checkout back to 1.4.2 → production: being verified", "back", "done"),
        ("A-1 resolved: CheckoutErrors · checkout production · critical", "over", "done"),
        ("A-1: alerts: 1 began", None, None),
    ],
)
def test_what_shipmate_says_belongs_to_a_step_of_the_tour_of_alerts(text, step, stage):
    sight = sight_of(ALERTS, text, "1.0")
    assert (sight and sight.step, sight and sight.stage) == (step, stage)


def test_what_is_done_stays_done_and_may_say_more():
    bad = "D-2 checkout 1.5.0 → staging: rolled back to 1.4.2"
    begun = Progress(START, {})
    done = begun.after(bad, "2.0")
    assert done.after("D-3 checkout 1.5.0 → staging: deploying", "3.0") is done
    assert done.after(bad, "2.0") is done
    more = done.after(f"{bad}. Verification failed: errors 14 %.", "4.0")
    assert more.sights["bad"].words == "D-2: rolled back to 1.4.2. Verification failed: errors 14 %"
    assert more.sights["bad"].ts == "2.0"
    assert news(begun, done).endswith(f"Next: *{STEPS[0].title}*. Type `{STEPS[0].lines[0]}`")
    assert news(done, more) == ""


LINES = [line for tour in TOURS for step in tour.steps for line in step.lines]
LINES += [line for tour in (TRUST, ALERTS) for line, _ in tour.more]


@pytest.mark.parametrize("line", LINES)
def test_what_the_tour_tells_to_type_is_understood(line):
    name, _, words = line.removeprefix("/").removeprefix("shipmate ").partition(" ")
    if name != "help" and words:
        assert not isinstance(parse(registry().find(name), words), Incomplete)


def test_tom_pushes_commits_that_are_green(tmp_path):
    repository.build(tmp_path / "shop", now=NOW)
    titles = [repository.push(tmp_path / "shop", now=NOW) for _ in range(5)]
    assert titles == [*repository.TITLES, repository.TITLES[0]]
    shop = tmp_path / "shop"
    assert _git(shop, "rev-list", "--count", "main..next").strip() == "5"
    assert "unit-tests passed" in _git(shop, "notes", "--ref", "checks", "show", "next")
    assert _git(shop, "status", "--porcelain") == "", "the working tree is left alone"


class Stage:
    """A workspace with the tour's channel, an app that speaks as Shipmate does, and eyes on #start-here."""

    def __init__(self, sandbox, http, shipmate, tokens):
        self.sandbox = sandbox
        self.shipmate = shipmate
        self.tokens = tokens
        self.pushes = 0
        self._http = http

    async def presses(self, message):
        """Press the button that has Tom push a commit."""
        block = next(block["block_id"] for block in message["blocks"] if block["type"] == "actions")
        wish = {"user": "mia", "channel": CHANNEL, "ts": message["ts"], "action_id": PUSH, "block_id": block}
        async with self._http.post(f"{self.sandbox.url}/_sandbox/actions", json=wish) as answer:
            return (await answer.json())["ok"]

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

    def guide(self, tours=(START, TRUST)):
        """Return the tour's bot; unless told, as where no Alertmanager is."""

        async def push():
            self.pushes += 1
            return f"number {self.pushes}"

        return Guide(api_url=self.sandbox.api_url, **self.tokens, push=push, tours=tours)


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
    assert STEPS[1].lines[0] in channel["messages"][1]["text"]


async def test_the_tour_goes_on_after_a_restart_of_its_bot(stage):
    async with stage.guide():
        await stage.says("D-2 checkout 1.5.0 → staging: rolled back to 1.4.2. Errors 14 %.")
        await stage.until(lambda channel: len(channel["messages"]) == 2)
    await stage.writes("D-8 checkout 1.4.2 → production: done")
    await stage.says("D-1 checkout 1.4.2 → staging: done")
    async with stage.guide():
        await stage.until(first_says("2 of 3 done"))
        await stage.says("D-3 checkout 1.4.2 → production: done")
        channel = await stage.until(lambda channel: len(channel["pins"]) == 2)
        first, *rest, second = channel["messages"]
        assert first["text"].endswith("3 of 3 done")
        assert "That was the first part" in rest[-1]["text"]
        assert second["text"] == "Approvals you can trust: 0 of 5 done"
        assert set(channel["pins"]) == {first["ts"], second["ts"]}
        assert await stage.presses(second)
        await stage.until(lambda channel: "Tom pushed to `next`: number 1" in str(channel["messages"]))
        await stage.says("D-4 checkout 62cdd8e → staging: done")
        await stage.until(lambda channel: "1 of 5 done" in str(channel["messages"]))
    async with stage.guide():
        for said in (
            "Approval wanted again: D-5 checkout b52f75b → production, asked by @mia; next moved",
            "checkout/production is no longer frozen: @ana lifted it",
            "checkout/production is now locked by @raj",
            "D-9 checkout c8dc016 → production is an emergency by @mia: cards are declined",
        ):
            await stage.says(said)
        channel = await stage.until(lambda channel: "5 of 5 done" in str(channel["messages"]))
    assert len(channel["pins"]) == 2
    second = next(one for one in channel["messages"] if "5 of 5 done" in one["text"])
    assert all(line in str(second["blocks"]) for line, _ in TRUST.more)


async def test_with_alertmanager_the_part_on_alerts_is_posted_and_ticked_off(stage):
    for said in (
        "D-1 checkout 1.4.2 → staging: done",
        "D-2 checkout 1.5.0 → staging: rolled back to 1.4.2. Errors 14 %.",
        "D-3 checkout 1.4.2 → production: done",
    ):
        await stage.says(said)
    async with stage.guide(TOURS):
        channel = await stage.until(lambda channel: len(channel["pins"]) == len(TOURS))
        told = [message["text"] for message in channel["messages"] if message["ts"] in channel["pins"]]
        assert [text.rpartition(":")[2] for text in told] == [" 3 of 3 done", " 0 of 5 done", " 0 of 5 done"]
        ts = await stage.says("A-1 firing: CheckoutErrors · checkout production · critical, 1 alert")
        await stage.until(lambda channel: "A-1: firing" in str(channel["messages"]))
        await stage.says("A-1 acknowledged, firing: CheckoutErrors · checkout production · critical, 1 alert", ts)
        await stage.until(lambda channel: "A-1: acknowledged" in str(channel["messages"]))
        await stage.says("A-1 resolved: CheckoutErrors · checkout production · critical", ts)
        channel = await stage.until(lambda channel: "caused it: 3 of 5 done" in str(channel["messages"]))


def test_the_version_that_tires_is_beside_main_and_green(tmp_path):
    repository.build(tmp_path / "shop", now=NOW)
    main = _git(tmp_path / "shop", "rev-parse", "main")
    repository.tire(tmp_path / "shop", now=NOW)
    assert _git(tmp_path / "shop", "rev-parse", "main") == main == _git(tmp_path / "shop", "rev-parse", "HEAD")
    assert _git(tmp_path / "shop", "rev-list", "--count", "1.4.2..1.4.3").strip() == "1"
    assert "unit-tests passed" in _git(tmp_path / "shop", "notes", "--ref", "checks", "show", "1.4.3")
    assert '"tires_after"' in _git(tmp_path / "shop", "show", "1.4.3:behaviour.json")
    assert _git(tmp_path / "shop", "status", "--porcelain") == ""


def _git(folder, *words):
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


async def test_a_workspace_that_says_no_is_told_in_words(stage):
    stage.tokens["bot_token"] = "xoxb-nobody"
    with pytest.raises(RuntimeError, match="the demo's guide: Slack answered invalid_auth"):
        await stage.guide().__aenter__()

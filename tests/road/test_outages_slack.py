"""Slack is away, forgets us, slows us down, drops us: the deployment goes on, and the card is right afterwards."""

import asyncio
import os
from collections import Counter

import pytest
import pytest_asyncio

from bot.sandbox import AppConfig
from bot.settings import load
from bot.slack import manifest
from commands.registry import registry
from tests.road.crash_town import CrashTown, gated
from tests.road.shop import Shop, Wishes, shops
from tests.road.town import words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SHOPS = ("revoked", "away", "limited", "dropped", "lost", "twice")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    change = shops({name: Wishes(production={"promote_from": None}) for name in SHOPS}, lambda s: gates(folder, s))
    async with CrashTown.build(folder, change=change, start=False) as built:
        for name in SHOPS:
            await built.control("channels", name=name, members=["mia", "tom", "ana", "raj", "shipmate"])
        await built.start()
        yield built


def gates(folder, settings):
    """Have each shop's places wait for a file of the shop's name, so that a deploy lasts as long as the outage."""
    for name, place in settings["integrations"]["local"]["places"].items():
        place["command"] = gated(folder / f"{name.split('/')[0]}.gate", place["command"])


async def deploying(town, name):
    """Begin a deployment to staging that stands in the middle of its deploy, and return its card."""
    shop = Shop(town, name)
    await town.until(lambda: connected(town), "Shipmate is back from the test before")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    return shop, await shop.card("1.4.1", "staging", "deploying")


async def ends(town, shop, card):
    """Check that the deployment ended on the same card, and that nothing about it was said twice."""
    done = await shop.card("1.4.1", "staging", ": done")
    assert done["ts"] == card["ts"]
    assert await shop.runs("staging") == "1.4.1"
    await town.quiet()
    await town.check_said_once(done, channel=shop.name)


async def runs(shop):
    return await shop.runs("staging") == "1.4.1"


async def test_the_token_is_revoked_for_a_while(town):
    """Shipmate works on, says what is wrong in its health, and goes on talking when its token is good again."""
    shop, card = await deploying(town, "revoked")
    await town.control("faults", method="chat.update", kind="token_revoked")
    (town.folder / "revoked.gate").touch()
    await town.until(lambda: runs(shop), "it is deployed without Slack")
    status, said = await town.shipmate("do", "where revoked")
    assert status == 0, said
    assert "1.4.1" in said
    assert "token_revoked" in town.log
    made = manifest.build(load(town.folder / "shipmate.yaml", dict(os.environ)), registry())
    await town.sandbox.install(AppConfig(manifest=made, mode="socket", **town.secrets))  # somebody installs it again
    await ends(town, shop, card)


async def test_slack_is_away_and_people_deploy_from_a_terminal(town):
    """Away means 503 and no sockets: what runs ends, what is asked in the terminal happens, and Slack hears of it."""
    shop, card = await deploying(town, "away")
    await town.control("away", on=True)
    (town.folder / "away.gate").touch()
    await town.until(lambda: runs(shop), "it is deployed without Slack")
    status, said = await town.shipmate("do", "deploy away@1.4.2 to staging", "--wait")
    assert status == 0, said
    assert await shop.runs("staging") == "1.4.2"
    await town.control("away", on=False)
    done = await shop.card("1.4.1", "staging", ": done")
    assert done["ts"] == card["ts"]
    later = await shop.card("1.4.2", "staging", ": done")
    await town.quiet()
    for one in (done, later):
        await town.check_said_once(one, channel="away")


async def test_slack_says_wait(town):
    """429 with Retry-After on posts and edits: what was to be said is said, once."""
    await town.control("faults", method="chat.postMessage", kind="ratelimited", times=2, retry_after=1)
    await town.control("faults", method="chat.update", kind="ratelimited", times=2, retry_after=1)
    (town.folder / "limited.gate").touch()
    shop, card = await deploying_or_done(town, "limited")
    await ends(town, shop, card)


async def test_sockets_are_dropped(town):
    """Slack takes its connections away, in its three ways; the next click arrives."""
    shop, card = await deploying(town, "dropped")
    for way in ("drop", "disconnect", "drop"):
        await town.control(way)
        await town.until(lambda: connected(town), "Shipmate is back")
    (town.folder / "dropped.gate").touch()
    await ends(town, shop, card)
    await shop.slash("mia", "/where {}")


async def test_the_answer_of_a_post_is_lost(town):
    """Slack took a message and the connection broke before it said so: it is looked up, and posted once."""
    (town.folder / "lost.gate").touch()
    await town.control("faults", method="chat.postMessage", kind="lost_reply", times=3)
    await town.control("faults", method="chat.update", kind="lost_reply", times=1)
    shop, card = await deploying_or_done(town, "lost")
    await ends(town, shop, card)


async def test_a_delivery_comes_again(town):
    """Slack sends what was acknowledged a second time: it happens once."""
    shop = Shop(town, "twice")
    (town.folder / "twice.gate").touch()
    outcome = await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    delivery = outcome["delivered"][0]["delivery_id"]
    await asyncio.gather(*(town.control("redeliver", delivery_id=delivery) for _ in range(3)))
    card = await shop.card("1.4.1", "staging", ": done")
    await town.control("redeliver", delivery_id=delivery)
    await ends(town, shop, card)
    assert len(await town.cards("twice 1.4.1", channel="twice")) == 1
    begun = Counter(words(m) for m in await town.messages("twice") if "has begun" in words(m))
    assert sum(begun.values()) <= 1, begun


async def deploying_or_done(town, name):
    """Begin a deployment to staging, and return its card as soon as there is one."""
    shop = Shop(town, name)
    await town.until(lambda: connected(town), "Shipmate is back from the test before")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    return shop, await shop.card("1.4.1", "staging")


async def connected(town):
    """Tell whether Shipmate holds a connection to the workspace."""
    async with town.http.get(f"{town.sandbox.url}/_sandbox/health") as answer:
        return any((await answer.json())["connections"].values())

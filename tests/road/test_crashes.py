"""kill -9 at every step of the road: one deployment in the end, nothing done twice, and a card that tells the truth."""

import asyncio

import pytest

from bot.demo.repository import behaviour
from tests.road.crash_town import CrashTown, gated, quick, release

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PHASES = ("before", "done", "recorded")
STEPS = (
    "plan.begin", "build.start", "build.sent", "build.follow", "build.end", "plan.survey", "plan.approvers",
    "plan.end", "execute.begin", "execute.check", "execute.checked", "deploy.start", "deploy.sent", "deploy.follow",
    "deploy.running", "deploy.end", "verify.look#1", "verify.look#2", "verify.look#3", "verify.end",
)  # fmt: skip
"""What the story of a deployment does, as bot/deployments/workflow.py tells it."""
BACK = ("rollback.begin", "rollback.start", "rollback.sent", "rollback.follow", "rollback.running", "rollback.end")
WISHES = ("accept.deploy", "accept.approve", "run.deploy", "run.approve", "end.deploy", "end.approve",
          "start.deployment.plan.v1", "start.deployment.execute.v1")  # fmt: skip
SAID = ("say.card.show.new", "say.ask.post.new", "say.ask.direct.new", "say.end.direct.new")


@pytest.fixture
async def town(tmp_path):
    """Yield a town where 1.4.1 runs in production, brought there by a Shipmate that was never killed so far."""
    async with CrashTown.build(tmp_path, change=lambda settings: quick(tmp_path, settings), start=False) as built:
        await built.start_to_be_killed()
        await built.carried("/deploy checkout@1.4.1 to production", "1.4.1 → production", approver="raj")
        await built.quiet()
        assert not built.points("killed")
        yield built


async def ends_well(town, card, version):
    """Check a deployment that was killed on its way, with the Shipmate that everybody runs."""
    assert ": done" in card["text"]
    assert await town.runs("production") == version
    assert town.builds().count(await town.sha(version)) == 1
    assert town.starts(version) == 1
    town.arm()
    assert await town.stop() == 0
    await town.start()
    await town.quiet()
    await town.check_said_once(card)
    asked = [m for m in await town.messages() if m["text"].startswith("Approval ") and version in m["text"]]
    assert len(asked) == 1
    await town.check_audit()


@pytest.mark.parametrize("phase", PHASES)
async def test_killed_at_every_step_of_a_deployment(town, phase):
    """Killed at each of its steps, one after the other, it is one deployment in the end."""
    calm = {point for point in town.points("reached") if point.startswith("step.")}
    assert {f"step.{name}:{each}" for name in STEPS for each in PHASES} <= calm, "every step has its three points"
    town.arm(f"step.*:{phase}")
    card = await town.carried("/deploy checkout@1.4.2 to production", "1.4.2 → production", approver="raj")
    assert set(town.points("killed")) == {point for point in calm if point.endswith(f":{phase}")}
    await ends_well(town, card, "1.4.2")


async def test_killed_with_every_wish(town):
    """Killed when a wish or a workflow is taken, run and ended: it was asked for once, so it happens once."""
    kinds = ("accept", "run", "end", "start")
    points = {point for point in town.points("reached") if point.startswith(kinds)}
    assert {point.rpartition(":")[0] for point in points} >= set(WISHES)
    # A wish that is stored is run at once, so the moment after storing it cannot be reached where running is armed.
    before = {point for point in points if point.endswith(":before")}
    for version, wanted in (("1.4.2", before), ("1.5.1", points - before)):
        town.arm(*wanted)
        card = await town.carried(
            f"/deploy checkout@{version} to production", f"{version} → production", approver="raj"
        )
        assert wanted <= set(town.points("killed"))
        assert town.points("reached").count("start.deployment.plan.v1:before") < 50, "it waits for its turn in peace"
        await ends_well(town, card, version)
        assert await town.stop() == 0
        await town.start_to_be_killed()


async def test_killed_with_every_message(town):
    """Killed before and after each kind of message leaves: what was said and not noted is found in the channel."""
    cards = []
    for version, what in zip(("1.4.2", "1.5.0", "1.5.1", "1.4.0"), SAID, strict=True):
        points = {f"{what}:before", f"{what}:done", f"{what}.kept:before"}
        assert points <= set(town.points("reached"))
        town.arm(*points)
        title = f"{version} → production"
        cards.append(await town.carried(f"/deploy checkout@{version} to production", title, approver="raj"))
        await town.quiet()
        assert points <= set(town.points("killed"))
        assert await town.runs("production") == version
    town.arm()
    assert await town.stop() == 0
    await town.start()
    await town.quiet()
    for card in cards:
        await town.check_said_once(card)
    await town.check_audit()


async def test_killed_at_every_step_of_the_way_back(tmp_path):
    """A bad version is rolled back once and by itself, whatever is killed on its way."""

    def change(settings):
        quick(tmp_path, settings)
        production = settings["services"]["checkout"]["environments"][1]
        url = production["verify"]["probes"][0]["url"].replace("/healthz", "/")
        production["verify"] |= {"probes": [{"url": url}], "failures_allowed": 0}
        production.pop("approvals")

    async with CrashTown.build(tmp_path, change=change, start=False) as town:
        await asyncio.to_thread(release, town.folder / "checkout", "bad", behaviour(failing=1.0))
        await town.start_to_be_killed()
        await town.carried("/deploy checkout@1.4.1 to production", "1.4.1 → production")
        town.arm("step.verify.*", "step.rollback.*", "start.deployment.rollback.*", "say.broadcast.*")
        card = await town.carried("/deploy checkout@bad to production", "bad → production")
        assert ": rolled back to 1.4.1" in card["text"]
        killed = set(town.points("killed"))
        assert killed >= {f"step.{name}:{phase}" for name in ("verify.look#1", "verify.end", *BACK) for phase in PHASES}
        assert await town.runs("production") == "1.4.1"
        assert (town.starts("bad"), town.starts("1.4.1")) == (1, 2)
        assert town.builds().count(await town.sha("bad")) == 1
        await town.quiet()
        assert {"say.broadcast.post.new:before", "say.broadcast.post.new:done"} <= set(town.points("killed"))
        assert len([m for m in await town.messages() if "rolled back to 1.4.1. " in m["text"]]) == 1
        assert await town.stop() == 0
        await town.start()
        await town.quiet()
        await town.check_said_once(card)
        await town.check_audit()


async def test_killed_while_one_is_queued(tmp_path):
    """The queue is rows: after a kill the first ends, then the second starts by itself."""
    gate = tmp_path / "gate"

    def change(settings):
        quick(tmp_path, settings)
        place = settings["integrations"]["local"]["places"]["checkout/staging"]
        place["command"] = gated(gate, place["command"])

    async with CrashTown.build(tmp_path, change=change) as town:
        await town.slash("mia", "/deploy checkout@1.4.1 to staging")
        await town.see("D-1001", "1.4.1 → staging: deploying")
        await town.slash("tom", "/deploy checkout@1.4.2 to staging")
        await town.see("D-1002", "1.4.2 → staging: queued", "Queued behind D-1001")
        await town.kill()
        gate.touch()
        await town.start()
        first = await town.see("D-1001", "1.4.1 → staging: done")
        second = await town.see("D-1002", "1.4.2 → staging: done")
        assert await town.runs("staging") == "1.4.2"
        assert (town.starts("1.4.1"), town.starts("1.4.2")) == (1, 1)
        assert sorted(town.builds()) == sorted([await town.sha("1.4.1"), await town.sha("1.4.2")])
        await town.quiet()
        for card in (first, second):
            await town.check_said_once(card)
        await town.check_audit()

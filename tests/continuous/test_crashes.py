"""kill -9 at each step of continuous deployment: of what is committed meanwhile the newest goes, once."""

import asyncio

import pytest

from bot.demo.repository import behaviour
from tests.road.crash_town import PATIENCE, CrashTown, quick, release

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

POINTS = {
    f"step.continuous.{name}:{phase}"
    for name in ("find", "decide", "begin", "begun")
    for phase in ("before", "done", "recorded")
}


async def test_killed_at_every_step(tmp_path):
    def change(settings):
        quick(tmp_path, settings)
        staging = settings["services"]["checkout"]["environments"][0]
        staging["continuous"] = {"poll": "10s"}
        grant = {"allow": ["deployment.start"], "to": ["account:continuous"], "environments": ["staging"]}
        settings["permissions"].append(grant)

    async with CrashTown.build(tmp_path, change=change, start=False) as town:
        await town.start_to_be_killed()

        async def done(version):
            cards = await town.cards(f"{version} → staging: done")
            return cards[0] if cards else None

        sha = await town.sha("main")
        await town.until(lambda: town.cards("→ staging: done"), "the newest commit is there at the start", PATIENCE)
        await town.quiet()
        assert not town.points("killed")
        assert set(town.points("reached")) >= POINTS
        town.arm("step.continuous.*[!0-9]:*", "start.continuous.*[!0-9]:*")
        for version in ("2.0.0", "2.0.1"):
            await asyncio.to_thread(release, town.folder / "checkout", version, behaviour())
        card = await town.until(lambda: done("2.0.1"), "the newest of two commits is deployed", PATIENCE)
        assert set(town.points("killed")) >= POINTS
        assert town.starts("2.0.1") == 1
        for each in (sha, await town.sha("2.0.1")):
            assert town.builds().count(each) == 1
        assert await town.runs("staging") == "2.0.1"
        town.arm()
        assert await town.stop() == 0
        await town.start()
        await town.quiet()
        assert len(await town.cards("2.0.1 → staging")) == 1
        await town.check_said_once(card)
        await town.check_audit()

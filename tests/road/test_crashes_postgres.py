"""The road on PostgreSQL: the story, a kill, and two replicas on one database of which one dies at work."""

from pathlib import Path

import pytest
import yaml

from bot.demo.surroundings import free_port
from tests.road.crash_town import CrashTown, gated, quick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
STEPS = 20
"""How many steps a deployment has, from its plan to the end of its verification."""


def on_postgres(folder: Path, url: str, gate: Path):
    """Return the change that has a town's Shipmate keep its rows in this database, and building wait for the gate."""

    def change(settings):
        quick(folder, settings)
        settings["database"] = url
        build = settings["integrations"]["local"]["builds"]["checkout"]
        build["command"] = gated(gate, build["command"])

    return change


class Replica(CrashTown):
    """Another Shipmate of the same town: same settings but for its port, same workspace, same places."""

    @classmethod
    async def of(cls, town: CrashTown, port: int) -> "Replica":
        """Make and start it."""
        folder = town.folder / "replica"
        folder.mkdir()
        replica = cls(folder)
        replica.sandbox, replica.app, replica.token, replica._http = town.sandbox, town.app, town.token, town._http
        replica.settings = {**town.settings, "server": {**town.settings["server"], "port": port}}
        replica.ports = {**town.ports, "shipmate": port}
        (folder / "shipmate.yaml").write_text(yaml.safe_dump(replica.settings, sort_keys=False))
        try:
            await replica.start()
        except BaseException:
            await replica.kill()
            raise
        return replica


async def test_the_story_and_a_kill(tmp_path, postgres_url):
    """The same road on the other database: built once, approved, killed while it is deployed, done."""
    gate = tmp_path / "gate"
    async with CrashTown.build(tmp_path, change=on_postgres(tmp_path, postgres_url, gate)) as town:
        await town.slash("mia", "/deploy checkout@1.4.1 to production")
        await town.see("D-1001", "planning", "build")
        await town.kill()
        gate.touch()
        await town.start()
        card = await town.see("D-1001", "waits for approval", "Approve")
        await town.press("raj", card, "Approve")
        await town.see("D-1001", "1.4.1 → production: deploying")
        await town.kill()
        await town.start()
        done = await town.see("D-1001", "1.4.1 → production: done")
        assert done["ts"] == card["ts"]
        assert await town.runs("production") == "1.4.1"
        assert town.builds() == [await town.sha("1.4.1")]
        assert town.starts("1.4.1") == 1
        await town.quiet()
        await town.check_said_once(done)
        await town.check_audit()


async def test_killed_at_every_step(tmp_path, postgres_url):
    """Each process that is killed leaves a lease behind; the next one takes its work over, and it is done once."""
    gate = tmp_path / "gate"
    gate.touch()
    change = on_postgres(tmp_path, postgres_url, gate)
    async with CrashTown.build(tmp_path, change=change, start=False) as town:
        await town.start_to_be_killed()
        town.arm("step.*:done")
        card = await town.carried("/deploy checkout@1.4.1 to production", "1.4.1 → production", approver="raj")
        assert ": done" in card["text"]
        assert len(town.points("killed")) >= STEPS
        assert await town.runs("production") == "1.4.1"
        assert town.builds() == [await town.sha("1.4.1")]
        assert town.starts("1.4.1") == 1
        await town.quiet()
        await town.check_said_once(card)
        await town.check_audit()


async def test_a_replica_takes_over_from_one_that_died(tmp_path, postgres_url):
    """Both answer; the one that works on a deployment is killed; the other one ends it, and handles the clicks."""
    gate = tmp_path / "gate"
    async with CrashTown.build(tmp_path, change=on_postgres(tmp_path, postgres_url, gate)) as town:
        await town.slash("mia", "/deploy checkout@1.4.1 to production")
        await town.see("D-1001", "planning", "build")
        other = await Replica.of(town, free_port())
        try:
            await both_answer(town, other)
            await town.kill()
            gate.touch()
            card = await town.see("D-1001", "waits for approval", "Approve")
            assert (await town.press("ana", card, "Approve"))["ok"]
            done = await town.see("D-1001", "1.4.1 → production: done")
            assert done["ts"] == card["ts"]
            assert town.builds() == [await town.sha("1.4.1")]
            assert town.starts("1.4.1") == 1
            await town.start()
            await both_answer(town, other)
            await town.slash("mia", "/deploy checkout@1.4.2 to production")
            second = await town.see("D-1002", "waits for approval", "Approve")
            await town.press("ana", second, "Approve")
            second = await town.see("D-1002", "1.4.2 → production: done")
            assert town.builds().count(await town.sha("1.4.2")) == 1
            assert town.starts("1.4.2") == 1
            await town.quiet()
            await other.quiet()
            for one in (done, second):
                await town.check_said_once(one)
            await town.check_audit()
        finally:
            assert await other.stop() == 0


async def both_answer(town, other):
    """Check that Slack's deliveries go to both, and that each is answered."""
    before = [one.log.count("command=help") for one in (town, other)]

    async def answered():
        assert (await town.slash("mia", "/shipmate help"))["posted"]
        return all(one.log.count("command=help") > had for one, had in zip((town, other), before, strict=True))

    await town.until(answered, "both replicas answer")

"""Restarts: SIGTERM in the middle of work, things that wait for people while nobody is at home, and for their turn.

What holds when Shipmate is killed after each of its writes is tried in tests/crash.
"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.road.crash_town import CrashTown, gated, quick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_sigterm_in_the_middle_of_a_build_a_deploy_and_a_verification(tmp_path):
    """Shipmate ends within its grace with status 0, what it started goes on, and the next start takes it up."""
    build, deploy = tmp_path / "build.gate", tmp_path / "deploy.gate"

    def change(settings):
        quick(tmp_path, settings)
        local = settings["integrations"]["local"]
        local["builds"]["checkout"]["command"] = gated(build, local["builds"]["checkout"]["command"])
        place = local["places"]["checkout/staging"]
        place["command"] = gated(deploy, place["command"])
        settings["services"]["checkout"]["environments"][0]["verify"] |= {"window": "4s", "interval": "500ms"}

    async with CrashTown.build(tmp_path, change=change) as town:
        build.touch()
        await town.deploy("1.4.0", "production")
        build.unlink()
        await town.slash("mia", "/deploy checkout@1.4.2 to staging")
        card = await town.see("D-1002", "1.4.2 → staging: planning", "build")
        await town.until(lambda: run_of(tmp_path, "build 1.4.2"), "the build runs")
        assert await town.stop() == 0
        assert await town.runs("production") == "1.4.0", "the service does not need Shipmate"
        build.touch()

        await town.start()
        await town.see("D-1002", "1.4.2 → staging: deploying")
        await town.until(lambda: run_of(tmp_path, "deploy 1.4.2"), "the deploy runs")
        assert await town.stop() == 0
        deploy.touch()

        await town.start()
        await town.see("D-1002", "1.4.2 → staging: being verified", "probe 200")
        assert await town.stop() == 0
        assert await town.runs("staging") == "1.4.2"

        await town.start()
        done = await town.see("D-1002", "1.4.2 → staging: done")
        assert done["ts"] == card["ts"]
        assert await town.runs("staging") == "1.4.2"
        assert town.builds().count(await town.sha("1.4.2")) == 1
        assert town.starts("1.4.2") == 1
        await town.quiet()
        await town.check_said_once(done)
        await town.check_audit()


async def run_of(folder, title):
    """Tell whether a run of this kind and version has started."""
    kind, version = title.split()
    return [
        started
        for started in (folder / "state" / "integrations").rglob("started.json")
        if (request := (started.parent / "request.json")).exists()
        and f'"{kind}"' in request.read_text()
        and version in request.read_text()
    ]


async def test_what_waits_for_people_while_nobody_is_at_home(tmp_path):
    """A click while Shipmate is down is an error that Slack shows; after the restart it counts; expiry is applied."""

    def change(settings):
        quick(tmp_path, settings)
        staging, production = settings["services"]["checkout"]["environments"]
        staging["approvals"] = production["approvals"]
        production["approval_expires"] = "6s"

    async with CrashTown.build(tmp_path, change=change) as town:
        await town.slash("mia", "/deploy checkout@1.4.1 to staging")
        waiting = await town.see("D-1001", "1.4.1 → staging: waits for approval", "Approve")
        await town.slash("mia", "/deploy checkout@1.4.2 to production")
        expiring = await town.see("D-1002", "1.4.2 → production: waits for approval", "Approve")
        due = datetime.now(UTC) + timedelta(seconds=6)
        assert await town.stop() == 0

        outcome = await town.press("ana", waiting, "Approve")
        assert not outcome["ok"], "Slack shows that nobody is there"

        async def fallen_due():
            return datetime.now(UTC) > due

        await town.until(fallen_due, "the approval has expired")
        await town.start()
        expired = await town.see("D-1002", "1.4.2 → production: not approved in time")
        assert expired["ts"] == expiring["ts"]
        assert (await town.press("ana", waiting, "Approve"))["ok"]
        done = await town.see("D-1001", "1.4.1 → staging: done")
        assert await town.runs("staging") == "1.4.1"
        assert await town.runs("production") == ""
        await town.quiet()
        for card in (done, expired):
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

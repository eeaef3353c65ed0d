"""The disk of the store is full: what cannot be stored is refused plainly, Shipmate lives on, and goes on with room."""

import pytest

from tests.road.crash_town import CrashTown, gated, quick
from tests.road.shop import answer
from tests.road.town import words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_the_disk_is_full_in_the_middle_of_a_deployment(tmp_path, small_disk):
    """A new wish is refused and nothing is started; looking works; with room, all goes on without a restart."""
    gate = tmp_path / "gate"

    def change(settings):
        settings["state_dir"] = str(small_disk.folder / "state")
        place = settings["integrations"]["local"]["places"]["checkout/production"]
        place["command"] = gated(gate, place["command"])
        place["ready_timeout"] = 120  # it starts while the disk is full, which takes the patience of others
        quick(tmp_path, settings)

    async with CrashTown.build(tmp_path, change=change) as town:
        await town.slash("mia", "/deploy checkout@1.4.1 to staging")
        await town.see("D-1001", "1.4.1 → staging: done")
        await town.slash("mia", "/deploy checkout@1.4.1 to production")
        card = await town.see("D-1002", "1.4.1 → production: waits for approval", "Approve")
        small_disk.fill()
        refused = words(answer(await town.slash("mia", "/deploy checkout@1.4.2 to staging")))
        assert "nothing was started" in refused.lower()
        assert "disk is full" in refused
        pressed = await town.press("ana", card, "Approve")
        assert pressed["ack"]
        assert "1.4.1" in words(answer(await town.slash("tom", "/where checkout")))
        assert town.process is not None
        assert town.process.returncode is None

        small_disk.free()
        await town.slash("mia", "/deploy checkout@1.4.2 to staging")
        await town.see("1.4.2 → staging: done")
        await town.press("ana", card, "Approve")
        await town.until(lambda: started(town), "the service is being started")
        small_disk.fill()
        gate.touch()
        await town.until(lambda: runs(town), "the service is up, whatever Shipmate can write down")
        small_disk.free()
        done = await town.see("D-1002", "1.4.1 → production: done")
        assert done["ts"] == card["ts"]
        await town.quiet()
        await town.check_said_once(done)
        await town.check_audit()


async def started(town):
    return town.starts("1.4.1") == 2  # on staging and on production


async def runs(town):
    return await town.runs("production") == "1.4.1"

"""The whole of it with a real process: saved while it works, put back, held, asked in Slack, and right in the end."""

from pathlib import Path

import pytest

from tests.road.town import Json, Town, buttons, words


def operators(settings: Json) -> None:
    """Let ana and raj decide."""
    settings["permissions"].append({"allow": ["restore.decide"], "to": ["release-managers"]})


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_deployment_that_was_approved_after_the_backup_is_not_made_again(tmp_path: Path) -> None:
    async with Town.build(tmp_path, change=operators) as town:
        config = ("--config", str(tmp_path / "shipmate.yaml"))
        await town.deploy("1.4.1")
        await town.slash("mia", "/deploy checkout@1.4.1 to production")
        card = await town.see("1.4.1", "production", "Approve")
        status, said = await town.shipmate("backup", str(tmp_path / "saved.tar"), *config)
        assert (status, said[:6]) == (0, "saved:"), said
        await town.press("ana", card, "Approve")
        await town.see("1.4.1", "production", "done")
        built = town.builds()

        assert (await town.shipmate("restore", str(tmp_path / "saved.tar"), "--replace", *config))[0] == 1
        await town.stop()
        status, said = await town.shipmate("restore", str(tmp_path / "saved.tar"), "--replace", *config)
        assert (status, "the next `shipmate serve` is held" in said) == (0, True), said

        await town.start()
        asked = await town.see("Shipmate is held after a restore", channel="releases")
        assert "D-1002 was awaiting approval: checkout 1.4.1 → production" in words(asked)
        assert "checkout/production runs 1.4.1 (" in words(asked)
        assert "Give it up" in buttons(asked)
        await town.slash("mia", "/deploy checkout@1.4.2 to staging")
        await town.see("Shipmate is held", "(held)", viewer="mia")
        status, said = await town.shipmate("do", "restore show")
        assert (status, "not_allowed" in said) == (1, True), "mia may not"
        await town.press("ana", asked, "Give it up")
        await town.see("the hold is over", channel="", viewer="ana")

        await town.deploy("1.4.2")
        assert town.builds()[: len(built)] == built
        assert await town.runs("production") == "1.4.1"
        status, said = await town.shipmate("audit", "verify", *config)
        assert (status, said[:5]) == (0, "whole"), said

"""A change of the policy as people meet it: read on SIGHUP, held back, confirmed by button, kept across a kill."""

import os
import signal
import subprocess

import pytest
import yaml

from tests.road.town import Json, Town, buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def _two_people(settings: Json) -> None:
    settings["permissions"].append({"allow": ["policy.approve", "policy.read"], "to": ["release-managers"]})
    settings["policy"] = {"second_person": True}


def _commit(town: Town, author: str) -> None:
    who = ["-c", f"user.name={author}", "-c", f"user.email={town.sandbox.workspace.user(author, 'user').email}"]
    for command in (["init", "-q"], ["add", "-f", "shipmate.yaml"], ["commit", "-q", "-m", "policy", "shipmate.yaml"]):
        subprocess.run(["git", "-C", str(town.folder), *who, *command], check=True, capture_output=True)


async def test_what_widens_waits_for_a_second_person_and_outlives_a_kill(tmp_path):
    async with Town.build(tmp_path, change=_two_people, start=False) as town:
        (tmp_path / ".gitignore").write_text("*\n!shipmate.yaml\n")
        _commit(town, "ana")
        await town.start()
        await town.slash("mia", "/shipmate freeze checkout/staging --reason mine")
        await town.see("freeze.change", "not_allowed", viewer="mia")

        wider = {"allow": ["freeze.change"], "to": ["developers"]}
        settings = {**town.settings, "permissions": [*town.settings["permissions"], wider]}
        (tmp_path / "shipmate.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        _commit(town, "raj")
        assert town.process is not None
        os.kill(town.process.pid, signal.SIGHUP)
        card = await town.see(
            "widens rights and waits for a second person", "developers: freeze.change", channel="releases"
        )
        assert buttons(card) == ["Confirm…"]
        await town.press("raj", card, "Confirm…")
        await town.see("You wrote some of PC-2", "not_by_you", channel="releases", viewer="raj")
        await town.press("mia", card, "Confirm…")
        await town.see("policy.approve", "not_allowed", channel="releases", viewer="mia")

        await town.kill()
        await town.start()
        await town.press("ana", card, "Confirm…")
        done = await town.see("Confirmed by @ana", channel="releases")
        assert (done["ts"], buttons(done)) == (card["ts"], [])
        await town.slash("mia", "/shipmate freeze checkout/staging --reason mine")
        assert "is now frozen by @mia" in words(await town.see("is now frozen"))

        await town.kill()
        await town.start()
        await town.slash("mia", "/shipmate unfreeze checkout/staging")
        await town.see("no longer frozen")

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


async def test_access_is_asked_for_by_form_and_who_leaves_loses_it_and_their_lock(tmp_path):
    async with Town.build(tmp_path) as town:
        await town.slash("mia", '/lock checkout production --reason "migrating"')
        await town.slash("mia", "/shipmate freeze checkout/staging --reason mine")
        refusal = await town.see("freeze.change", "not_allowed", viewer="mia")
        await town.press("mia", refusal, "Ask for access…")
        await town.submit("mia", {"arg:reason": "the auditors are here"})
        question = await town.see("asks for", "freeze.change", "the auditors are here", channel="", viewer="tom")
        assert buttons(question) == ["Grant", "Reject"]
        await town.press("tom", question, "Grant")
        await town.see("freeze.change", "granted by @tom", channel="", viewer="mia")
        await town.slash("mia", "/shipmate freeze checkout/staging --reason mine")
        await town.see("is now frozen by @mia")

        assert "deactivated" not in await _in_a_terminal(town, "lock checkout staging")
        await town.control("people", user="mia", deactivated=True)
        notice = await town.see("was deactivated in Slack", "checkout/production", "migrating")
        assert "deactivated" in await _in_a_terminal(town, "unlock checkout staging")
        await town.press("tom", notice, "Unlock checkout/production")
        await town.see("checkout/production", "is unlocked by @tom")


async def _in_a_terminal(town: Town, words_: str) -> str:
    head = {"Authorization": f"Bearer {town.token}"}
    url = f"http://127.0.0.1:{town.ports['shipmate']}/api/do"
    async with town.http.post(url, json={"text": words_}, headers=head) as answer:
        return await answer.text()

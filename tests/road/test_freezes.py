"""Freezes as people meet them, in a workspace and with Shipmate as a process: refused, waited for, lifted, reloaded."""

import os
import signal

import pytest
import pytest_asyncio
import yaml

from tests.road.shop import PLAIN, Shop, answer, town_with
from tests.road.town import Json, buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SHOPS = dict.fromkeys(("cold", "year"), PLAIN)


def _freezes(settings: Json) -> None:
    settings["permissions"].append({"allow": ["freeze.change"], "to": ["release-managers"]})
    settings["freezes"] = [
        {
            "name": "year-end",
            "reason": "no changes before Christmas",
            "environments": ["staging"],
            "services": ["year"],
            "from": "2026-01-01",
            "exceptions": ["release-managers"],
        }
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS, _freezes) as built:
        yield built


async def test_a_frozen_place_refuses_offers_to_wait_and_goes_on_when_it_is_lifted(town):
    shop = Shop(town, "cold")
    await shop.slash("mia", '/shipmate freeze {}/staging --reason "the auditors are here"')
    assert "freeze.change" in words(await shop.told("mia", "not_allowed"))
    await shop.slash("raj", '/shipmate freeze {}/staging --for 2h --reason "the auditors are here"')
    shared = await shop.see("cold/staging", "is now frozen by @raj")
    assert not shared.get("ephemeral_to"), "a change is posted for all to see"
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    refusal = await shop.told("mia", "Not deployed")
    assert "(frozen)" in words(refusal)
    assert "release-managers may deploy all the same, with a reason" in words(refusal)
    assert buttons(refusal) == ["Wait until it ends", "Deploy all the same…", "Calendar"]
    assert "“the auditors are here”" in words(answer(await shop.slash("mia", "/where {}")))
    assert "frozen now" in words(answer(await shop.slash("mia", "/shipmate calendar {}")))

    await shop.press("mia", refusal, "Wait until it ends")
    queued = await shop.card("1.4.1", "staging", "queued", "the auditors are here")
    assert "It starts by itself when that ends" in words(queued)
    assert shop.rollouts("staging") == []
    await shop.press("raj", shared, "Lift the freeze…")
    await shop.see("is no longer frozen: @raj lifted")
    await shop.card("1.4.1", "staging", ": done")


async def test_a_freeze_of_the_configuration_is_gone_through_with_a_reason_and_taken_out_by_a_reload(town):
    shop = Shop(town, "year")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging --exception please")
    assert "Only release-managers may" in words(await shop.told("mia", "no_exception"))
    await shop.slash("raj", '/deploy {}@1.4.1 to staging --exception "PAY-400 loses orders"')
    await shop.see("Exception to the freeze", "year-end", "PAY-400 loses orders")
    await shop.card("1.4.1", "staging", ": done")
    await shop.slash("mia", "/deploy {}@1.4.2 to staging --queue")
    await shop.card("1.4.2", "staging", "queued", "until it is lifted")
    path = town.folder / "shipmate.yaml"
    path.write_text(yaml.safe_dump({**town.settings, "freezes": []}, sort_keys=False))
    os.kill(town.process.pid, signal.SIGHUP)
    await shop.card("1.4.2", "staging", ": done")

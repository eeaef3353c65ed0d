"""The demo's story on the page: from typing `/deploy` to the finished card, in two persons' hands, over a restart."""

import re

import pytest
from playwright.async_api import expect

from tests.page.harbour import DEADLINE, box, open_window, row, send
from tests.road.town import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow, pytest.mark.timeout(400)]

CARD = re.compile(r"D-\d+ · checkout 1\.4\.2")


async def test_a_release_goes_to_production_in_two_persons_hands(browser, tmp_path):
    async with Town.build(tmp_path) as town:
        complaints: list[str] = []
        mia, ana = [await open_window(browser, town.sandbox.url, who, complaints) for who in ("mia", "ana")]

        # Mia is helped to the command and brings the release to staging.
        await box(mia).press_sequentially("/depl")
        await expect(mia.locator(".main .suggestion.active")).to_contain_text("Deploy a release")
        await box(mia).press("Tab")
        await box(mia).press_sequentially("checkout@1.4.2 to staging")
        await box(mia).press("Enter")
        staged = row(mia, "checkout 1.4.2 → staging").first
        await expect(staged).to_contain_text(CARD)
        await expect(staged).to_contain_text("runs 1.4.2", timeout=DEADLINE)

        # Production waits for Ana; Shipmate goes away and comes back meanwhile.
        await send(mia, "/deploy checkout@1.4.2 to production")
        card = row(ana, "checkout 1.4.2 → production").first
        await expect(card.get_by_role("button", name="Approve")).to_be_visible()
        await town.kill()
        await expect(ana.get_by_text("is not connected, so commands and buttons get no answer")).to_be_visible()
        await town.start()
        await expect(ana.get_by_text("is not connected")).to_be_hidden()

        # Ana reads what it is and approves; both see the one card finish.
        await card.get_by_role("button", name="Approve").click()
        confirm = ana.get_by_role("dialog")
        await expect(confirm).to_contain_text("1.4.2")
        await confirm.locator(".primary").click()
        for window in (ana, mia):
            done = row(window, "checkout 1.4.2 → production").first
            await expect(done).to_contain_text("runs 1.4.2", timeout=DEADLINE)
            await expect(done.get_by_role("button", name="Approve")).to_have_count(0)
        assert await town.runs("production") == "1.4.2"
        assert complaints == []

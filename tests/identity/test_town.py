"""The whole: a click in the workspace, a real Shipmate process, a real identity provider, and a kill in between."""

import asyncio
import os
import re
from contextlib import ExitStack

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.identity.browser import Browser
from tests.identity.program import CLIENT, PASSWORD, SECRET, TERMINAL, running
from tests.road.reading import elements
from tests.road.shop import Shop, Wishes, town_with
from tests.servers.programs import CHROMIUM_FLAGS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

BOUND = Wishes(production={"promote_from": None, "identity": "required"})
SHOPS = {"bound": BOUND, "walked": BOUND}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    secret = folder / "client-secret"
    secret.write_text(SECRET)
    with ExitStack() as stack:
        known = {}

        def change(settings):
            public = f"http://127.0.0.1:{settings['server']['port']}"
            program = known["program"] = stack.enter_context(running(f"{public}/sign-in/callback"))
            for name in ("ana", "raj"):
                address = settings["people"][name].pop("emails")[0]
                program.know(name, email=address, email_verified=True)
            settings["server"]["public_url"] = public
            settings["identity"] = {
                "issuer": program.issuer,
                "client_id": CLIENT,
                "client_secret": f"file:{secret}",
                "terminal_client_id": TERMINAL,
            }

        async with town_with(folder, SHOPS, change) as built:
            built.program = known["program"]
            yield built


async def test_check_asks_the_provider_and_says_what_must_be_reachable(town):
    status, said = await town.shipmate("check", "--config", str(town.folder / "shipmate.yaml"))
    assert status == 0, said
    assert re.search(rf"^ok +identity +{re.escape(town.program.issuer)}, 1 key$", said, re.MULTILINE), said
    assert f"{town.settings['server']['public_url']}/sign-in/callback" in said
    assert "in Socket Mode too" in said


async def test_a_click_a_sign_in_a_kill_and_one_vote(town):
    shop = Shop(town, "bound")
    public = town.settings["server"]["public_url"]
    await shop.slash("mia", "/deploy {}@1.4.1 to production")
    card = await shop.card("1.4.1", "production", "waits for approval")
    await shop.press("ana", card, "Approve")
    told = await shop.told("ana", "sign_in_needed")
    (link,) = [element["url"] for _block, element in elements(told) if element.get("url")]
    assert link.startswith(f"{public}/sign-in?state=")

    stranger = Browser(0)
    await stranger.go(link)
    await stranger.sign_in("raj")
    assert stranger.status == 403, stranger.words
    await shop.direct("ana", "Nothing was counted")

    await shop.press("ana", card, "Approve")
    link = await _another(shop, link)
    browser = Browser(0)
    await browser.go(link)
    await browser.sign_in("ana")
    assert "Approve bound 1.4.1" in browser.words, browser.words
    await town.kill()
    await town.start()
    racers = [Browser(0) for _ in range(3)]
    for racer in racers:
        racer.cookies, racer.text, racer.url = browser.cookies, browser.text, browser.url
    await asyncio.gather(*(racer.answer("yes", origin=public) for racer in racers))
    assert any("Your approval is counted" in racer.words for racer in racers), [one.words for one in racers]
    await shop.card("1.4.1", "production", ": done")
    assert await shop.runs("production") == "1.4.1"
    status, said = await town.shipmate("audit", "export", "--config", str(town.folder / "shipmate.yaml"))
    assert status == 0
    mine = card["text"].split()[0]
    assert sum("deployment.vote.approve" in line and f'"{mine}"' in line for line in said.splitlines()) == 1
    assert f'"issuer": "{town.program.issuer}"' in said or f'"issuer":"{town.program.issuer}"' in said


async def test_the_pages_work_in_a_real_browser(town, chromium_executable):
    shop = Shop(town, "walked")
    await shop.slash("mia", "/deploy {}@1.4.1 to production")
    card = await shop.card("1.4.1", "production", "waits for approval")
    await shop.press("ana", card, "Approve")
    link = await _another(shop, "")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_executable, args=list(CHROMIUM_FLAGS))
        page = await chromium.new_page(viewport={"width": 720, "height": 900})
        complaints = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        await page.goto(link)
        await page.get_by_label("Name").fill("ana")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("heading", name="Approve walked 1.4.1 → production?").wait_for()
        if os.environ.get("SHIPMATE_PICTURES"):
            await page.screenshot(path=f"{os.environ['SHIPMATE_PICTURES']}/sign-in.png")
        await page.get_by_role("button", name="Approve").click()
        await page.get_by_role("heading", name="Your approval is counted").wait_for()
        await chromium.close()
    assert [one for one in complaints if "404" not in one] == [], "the policy of the pages lets them work"  # no icon
    await shop.card("1.4.1", "production", ": done")


async def _another(shop, older):
    """Return the link of a newer answer than the one that held `older`."""

    async def there():
        for message in await shop.town.messages(shop.name):
            for _block, element in elements(message):
                url = element.get("url", "")
                if "/sign-in?state=" in url and url != older:
                    return url
        return ""

    return await shop.town.until(there, "another link")

"""Apps of Bolt that have no token yet are installed by OAuth: the app's page, the workspace's page, and back."""

import html
import re

import aiohttp
import pytest
from yarl import URL

from tests.clients.beginner import Beginner, greets


async def visit(browser, beginner, user, answer):
    """Go the way from the app's page as a person, give this answer, and return the page that ends it."""
    async with browser.get(f"{beginner.url}/slack/install") as page:
        [link] = map(html.unescape, re.findall(r'href="([^"]+/oauth/v2/authorize\?[^"]+)"', await page.text()))
    async with browser.get(link) as page:
        assert "Beginner wants to access Acme" in await page.text()
    decision = {"user": beginner.person(user), "answer": answer}
    async with browser.post(link, data=decision, allow_redirects=False) as sent:
        back = sent.headers["Location"]
    async with browser.get(URL(back, encoded=True)) as page:
        return page.status, await page.text()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_an_app_is_installed_by_a_person(people, processes, language):
    beginner = await Beginner.start(people, processes, language, "oauth")
    ident = beginner.app["app_id"]
    # Bolt's cookie is for HTTPS only, save on the machine itself.
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(beginner.url))
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        _, said = await visit(browser, beginner, "ana", "deny")
        assert "Something Went Wrong" in said, "each Bolt has a status of its own for it"
        assert ident not in (await people.get("health"))["connections"]
        status, said = await visit(browser, beginner, "ana", "allow")
        assert status == 200, f"{said}\n{processes.words()}"
    assert ident in (await people.get("health"))["connections"]
    await greets(beginner)

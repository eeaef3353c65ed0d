"""The pages of a sign-in in Chromium: from the link in Slack through GitLab's pages to what is kept, and refused."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal, cast

import pytest
from aiohttp import web
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from bot.grants.page import ConnectPages
from integrations.contract import Resources
from integrations.gitlab.client import connect
from integrations.gitlab.settings import GitLabSettings
from tests.grants.conftest import MIA, Quay, buttons, words
from tests.integrations.repository import RealHistory
from tests.servers.gitlab.server import GitLabServer, running
from tests.servers.programs import CHROMIUM_FLAGS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PICTURES = os.environ.get("PICTURES", "")
expect.set_options(timeout=60_000.0)


@pytest.fixture
async def chromium(chromium_executable: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium_executable, args=list(CHROMIUM_FLAGS))
        yield launched
        await launched.close()


@pytest.fixture
async def gitlab(real_history: RealHistory) -> AsyncIterator[GitLabServer]:
    real_history.root.mkdir(exist_ok=True)
    async with running(real_history.root) as server:
        for name in ("mia", "tom"):
            server.add_user(name, public_email=f"{name}@example.org")
        yield server


class Quayside:
    """A Shipmate that browsers reach at another site than GitLab's, and windows onto it."""

    def __init__(self, quay: Quay, browser: Browser) -> None:
        self.quay = quay
        self._browser = browser
        self.complaints: list[str] = []

    async def open(self, scheme: Literal["light", "dark"] = "light", width: int = 900) -> Page:
        """Ask for a link as Mia and follow it in a browser of its own; return GitLab's page."""
        reply = await self.quay.ask(MIA, "connect gitlab")
        assert "gitlab knows @mia by your address" in words(reply)
        (link,) = (one.url for one in buttons(reply).values() if one.url)
        context = await self._browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
        page = await context.new_page()
        page.set_default_timeout(60_000.0)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)
        await page.goto(link)
        await expect(page.get_by_role("heading")).to_have_text("Authorize Shipmate?")
        return page

    def _heard(self, said: ConsoleMessage) -> None:
        """Note what a page complains of, such as a style that its policy forbids; statuses are looked at elsewhere."""
        if said.type in {"error", "warning"} and not said.text.startswith("Failed to load resource"):
            self.complaints.append(said.text)

    async def sign_in(self, page: Page, username: str) -> None:
        await page.get_by_label("Username").fill(username)
        await page.get_by_role("button", name="Authorize").click()


@pytest.fixture
async def quayside(store, clock, forge, crew, keys, gitlab, chromium, tmp_path) -> AsyncIterator[Quayside]:
    handlers: dict[tuple[str, str], Handler] = {}

    async def lead(request: web.Request) -> web.StreamResponse:
        resource = request.match_info.route.resource
        assert resource is not None
        return await handlers[request.method, resource.canonical](request)

    app = web.Application()
    for path in ("/connect/{instance}", "/connect/{instance}/callback"):
        app.router.add_route("*", path, lead)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    public = f"http://localhost:{runner.addresses[0][1]}"  # another site than 127.0.0.1, where GitLab is
    quay = Quay(store, clock, forge, crew, keys, public)
    for one in ConnectPages(quay.linking, public).routes():
        handlers[one.method, one.path] = cast(Handler, one.handler)
    redirects = {quay.linking.callback_url("gitlab")}
    gitlab.applications["shipmate-app"] = {"secret": "", "redirect_uris": redirects}
    settings = GitLabSettings.model_validate(
        {"url": gitlab.url, "token": "glpat-shipmate", "oauth_client_id": "shipmate-app", "timeout": 30}
    )
    tool = await connect("gitlab", settings, Resources(state_dir=str(tmp_path)))
    quay.toolbox.add(tool)
    made = Quayside(quay, chromium)
    yield made
    await tool.close()
    await runner.cleanup()


async def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for them: PICTURES=folder."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


async def fits(page: Page) -> bool:
    """Tell whether a page needs no scrolling sideways."""
    width: bool = await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return width


@pytest.mark.parametrize(("scheme", "width"), [("light", 900), ("dark", 320)])
async def test_from_the_link_to_the_grant(quayside, scheme, width):
    page = await quayside.open(scheme, width)
    assert await quayside.quay.grants.has(MIA, "gitlab") is False, "the match alone lends nothing"
    await quayside.sign_in(page, "mia")
    await expect(page.get_by_role("heading")).to_have_text("Let Shipmate act as you in gitlab?")
    assert await page.title() == "Let Shipmate act as you in gitlab? · Shipmate"
    for words_ in ("@mia · Mia", "mia@example.org", "Person in Slack"):
        await expect(page.locator("main")).to_contain_text(words_)
    assert await fits(page)
    await picture(page, f"ask-{scheme}")
    yes = page.get_by_role("button", name="Yes, I am both")
    await page.keyboard.press("Tab")
    await expect(yes).to_be_focused()
    outline = await yes.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid", "who uses a keyboard sees where they are"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading")).to_have_text("Connected")
    await picture(page, f"connected-{scheme}")
    assert await quayside.quay.grants.username(MIA, "gitlab") == "mia"
    assert await page.context.cookies() == [], "nothing of it stays in the browser"
    await page.go_back()
    await expect(page.get_by_role("heading")).not_to_have_text("Let Shipmate act as you in gitlab?")
    assert quayside.complaints == []


async def test_what_lends_nothing_says_so(quayside, gitlab):
    page = await quayside.open()
    await quayside.sign_in(page, "tom")
    await expect(page.get_by_role("heading")).to_have_text("Not linked: these are not the same person")
    await expect(page.locator("main")).to_contain_text("You signed in as @tom, but the link was made for Mia")
    await picture(page, "refused-light")
    other = await quayside.open("dark")
    await other.get_by_role("button", name="Cancel").click()
    await expect(other.get_by_role("heading")).to_have_text("Nothing was linked")
    await expect(other.locator("main")).to_contain_text("you said no there")
    await picture(other, "denied-dark")
    third = await quayside.open()
    await quayside.sign_in(third, "mia")
    await third.get_by_role("button", name="No", exact=True).click()
    await expect(third.get_by_role("heading")).to_have_text("Not linked")
    assert await quayside.quay.grants.has(MIA, "gitlab") is False
    lent = [token for token in gitlab.tokens.values() if token.kind == "oauth"]
    assert lent
    assert all(token.revoked for token in lent)

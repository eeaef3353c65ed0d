"""The demo as a newcomer meets it: the page opens on the tour, and its own words lead to the end of it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest
from playwright.async_api import async_playwright, expect

from bot.demo.steps import ALERTS, START
from tests.servers.programs import CHROMIUM_FLAGS, ROOT, find

SECONDS = 90
STEPS = START.steps
PATIENCE = 240_000.0  # milliseconds: a deployment to production is watched for a while, on a machine that may be busy


class Demo:
    """`shipmate demo` in a folder, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.page = ""
        self._process: asyncio.subprocess.Process
        self._said = ""

    async def __aenter__(self):
        """Start it and wait until it tells the address of its page."""
        prometheus, alertmanager = (find(name).get("path", "") for name in ("prometheus", "alertmanager"))
        bare = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "demo", "--folder", str(self.folder), "--port", "0", "--no-browser",
            "--prometheus", prometheus, "--alertmanager", alertmanager, cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True, env=bare,
        )  # fmt: skip
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(SECONDS):
                while not (up := re.search(r"is up:\s+(\S+)", self._said)):
                    line = await self._process.stdout.readline()
                    assert line, self._said
                    self._said += line.decode()
        except BaseException:
            self._process.kill()
            raise
        self.page = up[1]
        return self

    async def __aexit__(self, *_error):
        """Press Ctrl-C; nothing of it may be left."""
        below = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
        self._process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(SECONDS):
                rest, _ = await self._process.communicate()
        except TimeoutError:
            for one in below:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            raise
        assert self._process.returncode == 0, self._said + rest.decode()
        mine = [one for one in psutil.process_iter(["cmdline"]) if str(self.folder) in str(one.info["cmdline"])]
        assert not [one for one in (*below, *mine) if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@contextlib.asynccontextmanager
async def window(executable, address, complaints):
    """Open a page in Chromium, as a newcomer does; what goes wrong inside goes to `complaints`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(address)
        yield page
        await browser.close()


def tour(page, which=START):
    """Return the pinned message of a tour."""
    return page.locator(".main article.message").filter(has_text=which.title)


async def ticked(page, step, which=START):
    """Wait until the pinned message says that a step is done."""
    await expect(tour(page, which)).to_contain_text(f"{step.title} – done", timeout=PATIENCE)


async def follow_the_alert(page):
    """Do what the part on alerts says, in its own words, until all of it is ticked off."""
    load, fires, *_ = ALERTS.steps
    words = await tour(page, ALERTS).inner_text()
    [who] = re.findall(r"Be (\w+), who is on call", words)
    await page.get_by_role("button", name=re.compile(f"Act as {who}")).click()
    line = await tour(page, ALERTS).locator("pre").first.inner_text()
    box = page.locator(".main .composer-field")
    await box.fill(line.strip())
    await box.press("Enter")
    await ticked(page, load, ALERTS)
    await ticked(page, fires, ALERTS)
    await tour(page, ALERTS).get_by_role("link", name="see the card").last.click()
    card = page.locator(".main article.message").filter(has_text="CheckoutErrors · checkout production").first
    await card.get_by_role("button", name="Acknowledge").click()
    await expect(card).to_contain_text("On it: @raj")
    begun = page.locator(".main article.message").filter(has_text=re.compile(r"checkout back to \S+ → production"))
    for _ in range(5):  # the message is edited as more is found out, and a button pressed in that moment is gone
        await card.get_by_role("button", name="Roll back D-").click()
        await page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
        with contextlib.suppress(AssertionError):
            await expect(begun.first).to_be_visible(timeout=10_000)
            break
    await page.get_by_role("button", name=re.compile("start-here")).click()
    for step in ALERTS.steps:
        await ticked(page, step, ALERTS)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_the_words_of_the_tours_lead_to_their_end(chromium_executable, tmp_path):
    complaints: list[str] = []
    async with Demo(tmp_path / "demo") as demo, window(chromium_executable, demo.page, complaints) as page:
        await expect(page.get_by_role("heading", name="start-here", exact=True)).to_be_visible()
        box = page.locator(".main .composer-field")
        for number, step in enumerate(STEPS):
            line = await tour(page).locator("pre").first.inner_text()
            assert line.strip() == step.lines[0]
            await box.fill(line.strip())
            await box.press("Enter")
            if number == len(STEPS) - 1:
                await expect(tour(page)).to_contain_text("waits for approval", timeout=PATIENCE)
                words = await tour(page).inner_text()
                [(who, press)] = re.findall(r"switch to (\w+), at the top .* and press (\w+) below", words)
                await page.get_by_role("button", name=re.compile(f"Act as {who}")).click()
                await tour(page).get_by_role("button", name="#checkout").last.click()
                await page.locator(".main").get_by_role("button", name=press).last.click()
                await page.get_by_role("dialog").get_by_role("button", name=press).click()
                await page.get_by_role("button", name=re.compile("start-here")).click()
            await ticked(page, step)
        await expect(tour(page)).to_contain_text("That was 3 of 3.")
        await expect(page.locator(".main")).to_contain_text("That was the first part.")
        if picture := os.environ.get("TOUR_PICTURE"):
            await page.screenshot(path=picture)
        if find("alertmanager").get("path"):
            await follow_the_alert(page)
        await tour(page).get_by_role("link", name="see the card").last.click()
        await expect(page.get_by_role("heading", name="checkout", exact=True)).to_be_visible()
        assert complaints == []

    async with Demo(tmp_path / "demo") as demo, window(chromium_executable, demo.page, complaints) as page:
        await expect(tour(page)).to_have_count(1)
        await expect(tour(page).locator("pre")).to_have_count(len(STEPS))

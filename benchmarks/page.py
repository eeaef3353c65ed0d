"""How fast the local workspace's page is: a message's way to the reader's eyes, and a channel of 2,000 messages.

Chromium looks at a workspace in this process. A message's time runs from the call of `chat.postMessage` to the frame
that paints it, in a window that shows the channel with 2,000 messages; the limit is 100 ms. A channel's time runs from
the click on its name, or from the navigation of a fresh window, to the frame with its newest message; the limit is a
second. Beside them stands one empty round trip of the page to the workspace, measured in the same run.
`page.py [ROUNDS]`.
"""

import asyncio
import sys
import time

import aiohttp
from measuring import ROOT, percentile, verdict

sys.path.insert(0, str(ROOT))

from playwright.async_api import Browser, Page, async_playwright

from bot.sandbox import AppConfig, Sandbox, Seed
from tests.page.ferry import CARD, MANIFEST
from tests.servers.programs import CHROMIUM_FLAGS, find

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
MESSAGES = 2000
POSTED = 20

# Resolves with the wall clock, in milliseconds, of the frame that first shows the text.
PAINTED = """(text) => new Promise((resolve) => {
    const rows = document.querySelector('.main .rows');
    const shown = () => {
        const found = [...rows.children].slice(-3).some((row) => row.textContent.includes(text));
        if (found) requestAnimationFrame(() => setTimeout(() => resolve(performance.timeOrigin + performance.now())));
        return found;
    };
    if (shown()) return;
    const watch = new MutationObserver(() => shown() && watch.disconnect());
    watch.observe(rows, {childList: true, subtree: true, characterData: true});
})"""

TRIP = """async () => {
    const start = performance.now();
    await (await fetch('/_sandbox/health')).json();
    return performance.now() - start;
}"""


async def opened(browser: Browser, url: str, place: str) -> tuple[Page, float]:
    """Open a fresh window on a place and return it, and the milliseconds from navigation to its newest message."""
    page = await (await browser.new_context(viewport={"width": 1280, "height": 800})).new_page()
    await page.goto(f"{url}/#viewer=mia&channel={place}", wait_until="commit")
    await page.wait_for_selector(".main .rows")
    painted = await page.evaluate(PAINTED, f"last of {place}")
    started = await page.evaluate("performance.timeOrigin")
    return page, painted - started


async def switched(page: Page, name: str) -> float:
    """Click a channel's name; return the milliseconds to the frame with its newest message."""
    start = await page.evaluate(
        """(name) => {
            const place = [...document.querySelectorAll('.place')].find((one) => one.textContent.includes(name));
            const start = performance.timeOrigin + performance.now();
            place.click();
            return start;
        }""",
        name,
    )
    painted: float = await page.evaluate(PAINTED, f"last of {name}")
    return painted - float(start)


async def posted(page: Page, session: aiohttp.ClientSession, url: str, channel: str, number: int) -> float:
    """Post a message with the Web API; return the milliseconds from the call to the frame that shows it."""
    text = f"news {number}."
    waiting = asyncio.create_task(page.evaluate(PAINTED, text))
    await asyncio.sleep(0.05)
    start = time.time() * 1000
    async with session.post(url, json={"channel": channel, "text": text}) as answer:
        assert (await answer.json())["ok"]
    painted: float = await waiting
    return painted - start


async def main() -> None:
    sandbox = Sandbox(Seed())
    await sandbox.start()
    app = await sandbox.install(AppConfig(manifest=MANIFEST))
    headers = {"Authorization": f"Bearer {app.bot_token}"}
    url = f"{sandbox.api_url}chat.postMessage"
    opening, switching, arriving, trips = [], [], [], []
    async with async_playwright() as playwright, aiohttp.ClientSession(headers=headers) as session:
        ids = {one.name: one.id for one in sandbox.workspace.channels.values()}
        for number in range(MESSAGES):
            card = {"blocks": CARD} if number % 4 == 0 else {}
            last = " last of checkout" if number == MESSAGES - 1 else ""
            async with session.post(
                url, json={"channel": ids["checkout"], "text": f"message {number}{last}", **({} if last else card)}
            ) as answer:
                assert (await answer.json())["ok"]
        async with session.post(url, json={"channel": ids["general"], "text": "last of general"}) as answer:
            assert (await answer.json())["ok"]
        browser = await playwright.chromium.launch(executable_path=find("chromium")["path"], args=list(CHROMIUM_FLAGS))
        await opened(browser, sandbox.url, "general")
        for _ in range(ROUNDS):
            page, taken = await opened(browser, sandbox.url, "checkout")
            opening.append(taken)
            await switched(page, "general")
            switching.append(await switched(page, "checkout"))
            await page.context.close()
        page, _ = await opened(browser, sandbox.url, "checkout")
        for number in range(POSTED):
            arriving.append(await posted(page, session, url, ids["checkout"], number))
            trips.append(await page.evaluate(TRIP))
        await browser.close()
    await sandbox.stop()
    print(f"{MESSAGES} messages in the channel, {ROUNDS} windows, {POSTED} messages that come in\n")
    print(f"one empty round trip of the page, p50 {percentile(trips, 0.5):.1f} ms")
    verdict("a channel of 2,000 messages opens in a fresh window, ms", opening, 1000)
    verdict("the same by a click on its name, ms", switching, 1000)
    verdict("from chat.postMessage to the frame that shows it, p50, ms", arriving, 100)
    print(f"p95 {percentile(arriving, 0.95):.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())

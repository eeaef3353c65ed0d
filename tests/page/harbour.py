"""Windows onto a workspace: opens pages as people, and collects what goes wrong inside them."""

import json
from contextlib import asynccontextmanager

from playwright.async_api import expect

DEADLINE = 60_000.0

expect.set_options(timeout=DEADLINE)


# A window whose workspace is stopped for a test says so on its console.
AWAY = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")


async def open_window(browser, url, viewer, complaints, *, channel="checkout", place="", **context):
    """Open a workspace's page as a person; `complaints` collects its errors and requests that leave this machine."""
    made = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
    made.set_default_timeout(DEADLINE)
    page = await made.new_page()

    def heard(message):
        if message.type in {"error", "warning"} and not any(reason in message.text for reason in AWAY):
            complaints.append(f"{message.type}: {message.text}")

    def asked(request):
        if not request.url.startswith((url, "data:", "blob:")):
            complaints.append(f"asked another server: {request.url}")

    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("console", heard)
    page.on("request", asked)
    await page.goto(f"{url}/#viewer={viewer}&channel={channel}{place}")
    await expect(page.locator("#app")).not_to_have_attribute("aria-busy", "true")
    return page


class Harbour:
    """The sandbox, the app, and one browser context per window."""

    def __init__(self, sandbox, ferry, browser, session, leave):
        """Keep the parts; `leave` disconnects the app."""
        self.leave = leave
        self.sandbox = sandbox
        self.ferry = ferry
        self.complaints = []
        self._browser = browser
        self._session = session
        self._contexts = []

    async def open(self, viewer="mia", channel="checkout", place="", **context):
        """Open the page as a person in a channel and return it once it shows the channel."""
        page = await open_window(
            self._browser, self.sandbox.url, viewer, self.complaints, channel=channel, place=place, **context
        )
        self._contexts.append(page.context)
        return page

    async def act(self, path, **fields):
        """POST to the control API, as another person would do it."""
        async with self._session.post(f"{self.sandbox.url}/_sandbox/{path}", data=json.dumps(fields)) as response:
            return await response.json()

    @asynccontextmanager
    async def away(self):
        """Stop the workspace's server for a while and start it again at the same address."""
        port = int(self.sandbox.url.rsplit(":", 1)[1])
        await self.sandbox.stop()
        yield
        await self.sandbox.start(port=port)

    def user(self, name):
        """Return a person's id."""
        return self.sandbox.workspace.find_user(name).id

    def messages(self, channel="checkout"):
        """Return the messages of a channel, oldest first."""
        return list(self.sandbox.workspace.find_channel(channel).messages.values())

    async def close(self):
        for context in self._contexts:
            await context.close()


def box(page):
    """Return the composer of the channel."""
    return page.locator(".main .composer-field")


async def send(page, line):
    """Type a line into the channel's composer and send it."""
    await box(page).fill(line)
    await box(page).press("Enter")


def row(page, text):
    """Return the message in the stream of the channel that holds this text."""
    return page.locator(".main article.message").filter(has_text=text)

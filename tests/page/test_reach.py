"""Anybody can use the page: on a phone, with a keyboard, with a screen reader, in the dark."""

import pytest
from playwright.async_api import expect

from tests.page.ferry import CARD, UNDERWAY
from tests.page.harbour import box, row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


async def overflows(page):
    widths = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) > innerWidth"
    return await page.evaluate(widths)


async def stage(harbour, ferry):
    """Put one of everything into the channel."""
    long = "x" * 300
    await harbour.act("messages", user="tom", channel="checkout", text=f"https://example.com/{long} and {long}")
    await ferry.post("checkout", text="card", blocks=CARD)
    _, ts = await ferry.post("checkout", text="plan", blocks=UNDERWAY)
    rows = [[{"type": "raw_text", "text": f"column {at} of many"} for at in range(8)]] * 3
    await ferry.post("checkout", text="table", blocks=[{"type": "table", "rows": rows}])
    await ferry.post("checkout", text="pre", blocks=[{"type": "markdown", "text": f"```\n{long}\n```"}])
    await harbour.act("reactions", user="ana", channel="checkout", ts=ts, name="eyes")
    await harbour.act("messages", user="tom", channel="checkout", text="reply", thread_ts=ts)
    await harbour.act("commands", user="mia", channel="checkout", command="/shores", text="")


async def test_a_phone_needs_no_sideways_scroll(harbour, ferry):
    await stage(harbour, ferry)
    page = await harbour.open(**PHONE)
    await expect(row(page, "C-1").first).to_be_visible()
    assert not await overflows(page)
    sidebar = page.locator("#sidebar")
    await expect(sidebar).to_be_hidden()
    await page.get_by_role("button", name="Channels and people").click()
    await expect(sidebar).to_be_visible()
    assert not await overflows(page)
    await page.locator(".place").filter(has_text="general").click()
    await expect(sidebar).to_be_hidden()
    await expect(page.get_by_role("heading", name="general", exact=True)).to_be_visible()
    await page.get_by_role("button", name="You are Mia Lindqvist; switch person").click()
    await page.locator(".place").filter(has_text="checkout").click()
    await row(page, "Crossing").get_by_role("button", name="1 reply").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread).to_be_in_viewport(ratio=1)
    assert not await overflows(page)
    await thread.get_by_role("button", name="Close thread").click()
    await send(page, "/form")
    await expect(page.get_by_role("dialog", name="Carry a thing")).to_be_in_viewport(ratio=1)
    assert not await overflows(page)


async def test_messages_are_walked_with_arrow_keys(harbour):
    for text in ("one", "two", "three"):
        await harbour.act("messages", user="tom", channel="checkout", text=text)
    page = await harbour.open()
    await expect(row(page, "three")).to_be_visible()
    await page.get_by_role("region", name="Messages").focus()
    await page.keyboard.press("ArrowUp")
    await expect(row(page, "three")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(row(page, "two")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(box(page)).to_be_focused()


async def test_a_new_message_is_announced(harbour):
    page = await harbour.open()
    await harbour.act("messages", user="tom", channel="checkout", text="*fire* in the hold")
    await expect(page.get_by_role("log")).to_have_text("Tom Becker: fire in the hold")


async def test_motion_can_be_turned_off(harbour, ferry):
    await ferry.post("checkout", text="plan", blocks=UNDERWAY)
    page = await harbour.open(reduced_motion="reduce")
    spinner = page.locator(".spinner").first
    await expect(spinner).to_have_css("animation-iteration-count", "1")
    await expect(page.locator(".task.in-progress .task-state")).to_have_text("in progress")

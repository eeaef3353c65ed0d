"""Anybody can use the page: on a phone, with a keyboard, with a screen reader, in the dark."""

import pytest
from playwright.async_api import expect

from tests.page.ferry import CARD, UNDERWAY
from tests.page.harbour import box, row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

NAMED = {
    *("button", "link", "textbox", "combobox", "searchbox", "checkbox", "radio", "radiogroup", "tab", "tabpanel"),
    *("menu", "menuitem", "listbox", "option", "dialog", "alertdialog", "img", "image", "toolbar"),
    *("region", "navigation", "complementary"),
}


async def nameless(page):
    """Return what Chromium's accessibility tree has without a name but needs one."""
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Accessibility.getFullAXTree")
    return [
        node["role"]["value"]
        for node in tree["nodes"]
        if not node.get("ignored")
        and node.get("role", {}).get("value") in NAMED
        and not node.get("name", {}).get("value", "").strip()
    ]


FAINT = """() => {
  const parse = (color) => {
    const canvas = parse.canvas ??= new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (rgb) => {
    const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const below = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const [r, g, b, a] = parse(getComputedStyle(at).backgroundColor);
      if (a > 250) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility({checkVisibilityCSS: true})) continue;
    if (node.closest(":disabled, .visually-hidden, .emoji, noscript")) continue;
    const style = getComputedStyle(node);
    const [ink, paper] = [light(parse(style.color)), light(below(node))];
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) faint.push(`${walker.currentNode.data.trim().slice(0, 30)}: ${ratio.toFixed(2)} ${style.color}`);
  }
  return faint;
}"""


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_contrast(harbour, ferry, scheme):
    await stage(harbour, ferry)
    page = await harbour.open(color_scheme=scheme)
    await expect(row(page, "C-1").first).to_be_visible()
    assert await page.evaluate(FAINT) == []
    await send(page, "/form")
    dialog = page.get_by_role("dialog", name="Carry a thing")
    await dialog.get_by_role("button", name="Carry", exact=True).click()
    await expect(dialog.locator(".input-error").first).to_be_visible()
    assert await page.evaluate(FAINT) == []


async def test_everything_has_a_name(harbour, ferry):
    await stage(harbour, ferry)
    page = await harbour.open()
    await row(page, "C-1").first.hover()
    assert await nameless(page) == []
    await row(page, "Crossing").get_by_role("button", name="1 reply").click()
    await page.get_by_role("button", name="Inspector", exact=True).click()
    await box(page).press_sequentially("/")
    assert await nameless(page) == []
    await box(page).fill("")
    await row(page, "Crossing").first.focus()
    await page.keyboard.press("r")
    await expect(page.get_by_role("combobox", name="Search", exact=True)).to_be_focused()
    assert await nameless(page) == []
    await page.keyboard.press("Escape")
    await send(page, "/form")
    dialog = page.get_by_role("dialog", name="Carry a thing")
    await dialog.get_by_role("button", name="Harbour").click()
    assert await nameless(page) == []


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

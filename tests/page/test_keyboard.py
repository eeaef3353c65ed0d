"""A day with the keyboard alone: go somewhere, type, decide, answer, fill a form in."""

import pytest
from playwright.async_api import expect

from tests.page.harbour import box, row

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


async def keys(page, *names):
    for name in names:
        await page.keyboard.press(name)


async def focused(page):
    """Return the accessible name of what has the focus."""
    return await page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")


async def tab_to(page, name, most=60):
    """Press Tab until something of this name has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if (await focused(page)).startswith(name):
            return
    raise AssertionError(f"Tab never comes to {name!r}; last was {await focused(page)!r}")


async def test_a_card_is_asked_for_and_decided(harbour, ferry):
    page = await harbour.open("mia", channel="general")
    await keys(page, "Control+k")
    await page.keyboard.type("chec")
    await keys(page, "Enter")
    await expect(page.get_by_role("heading", name="checkout", exact=True)).to_be_visible()
    await expect(box(page)).to_be_focused()
    await page.keyboard.type("/ca")
    await expect(page.locator(".main .suggestion.active")).to_contain_text("Carry a thing")
    await keys(page, "Tab")
    await page.keyboard.type("coal")
    await keys(page, "Enter")
    await expect(row(page, "C-1")).to_be_visible()
    await keys(page, "Alt+2")
    await expect(page.locator(".you")).to_contain_text("You are Ana Duarte")
    await page.get_by_role("region", name="Messages").focus()
    await keys(page, "ArrowUp")
    await expect(row(page, "C-1")).to_be_focused()
    await tab_to(page, "Approve")
    await keys(page, "Enter")
    await expect(page.get_by_role("dialog", name="Carry coal?")).to_be_visible()
    await expect(page.get_by_role("button", name="Carry", exact=True)).to_be_focused()
    await keys(page, "Enter")
    assert (await ferry.told("approve"))["user"]["username"] == "ana"
    await expect(row(page, "Crossing")).to_contain_text("1 of 3 complete")


async def test_a_thread_is_answered_and_left(harbour):
    await harbour.act("messages", user="tom", channel="checkout", text="ready?")
    page = await harbour.open("mia")
    await expect(row(page, "ready?")).to_be_visible()
    await page.get_by_role("region", name="Messages").focus()
    await keys(page, "ArrowUp", "t")
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("combobox", name="Reply in thread")).to_be_focused()
    await page.keyboard.type("aye")
    await keys(page, "Enter")
    await expect(thread).to_contain_text("aye")
    await keys(page, "Escape")
    await expect(thread).to_be_hidden()
    await expect(box(page)).to_be_focused()


async def test_a_form_is_filled_in_and_sent(harbour, ferry):
    page = await harbour.open("mia")
    await page.keyboard.type("/form")
    await keys(page, "Enter")
    dialog = page.get_by_role("dialog", name="Carry a thing")
    await expect(dialog.get_by_role("textbox", name="Thing")).to_be_focused()
    await page.keyboard.type("coal")
    await tab_to(page, "Harbour")
    await keys(page, "Enter")
    await page.keyboard.type("os")
    await expect(page.get_by_role("option", name="Oslo")).to_be_visible()
    await keys(page, "Enter")
    await expect(dialog.get_by_role("button", name="Harbour: Oslo")).to_be_focused()
    await keys(page, "Tab", "Space")
    await tab_to(page, "Carry")
    await keys(page, "Enter")
    values = (await ferry.told("submitted"))["view"]["state"]["values"]
    assert values["thing"]["name"]["value"] == "coal"
    assert [one["value"] for one in values["care"]["care"]["selected_options"]] == ["fragile"]
    await expect(dialog).to_be_hidden()
    await expect(box(page)).to_be_focused()


async def test_the_inspector_opens_at_a_message_and_gives_the_focus_back(harbour, ferry):
    await ferry.post("checkout", text="seven sacks")
    page = await harbour.open("mia")
    await expect(row(page, "seven sacks")).to_be_visible()
    await page.get_by_role("region", name="Messages").focus()
    await keys(page, "ArrowUp", ".")
    await expect(page.get_by_role("menu", name="Message actions")).to_be_visible()
    while await focused(page) != "Inspectrequests and answers about it":
        await keys(page, "ArrowDown")
    await keys(page, "Enter")
    await expect(page.get_by_role("region", name="Inspector")).to_be_visible()
    await keys(page, "Escape")
    await expect(page.get_by_role("region", name="Inspector")).to_be_hidden()

"""Modals: inputs, errors by block, external selects, stacks and updates in place; and the Home tab."""

import pytest
from playwright.async_api import expect

from tests.page.ferry import CARD
from tests.page.harbour import box, row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


FOCUS = """() => {
    const active = document.activeElement;
    return active === document.body ? 'nowhere' : active.closest('dialog') ? 'inside' : 'outside';
}"""


async def opened(harbour):
    page = await harbour.open()
    await send(page, "/form")
    dialog = page.get_by_role("dialog", name="Carry a thing")
    await expect(dialog).to_be_visible()
    return page, dialog


async def choose_harbour(page, dialog, typed, name):
    await dialog.get_by_role("button", name="Harbour").click()
    await page.get_by_role("combobox", name="Search: Harbour").press_sequentially(typed)
    await dialog.get_by_role("option", name=name).click()


async def test_errors_are_shown_at_their_inputs_until_all_is_well(harbour, ferry):
    page, dialog = await opened(harbour)
    thing = dialog.get_by_role("textbox", name="Thing")
    await expect(thing).to_be_focused()
    await dialog.get_by_role("button", name="Carry", exact=True).click()
    await expect(dialog.locator(".input-error")).to_have_text(["Please complete this required field."] * 2)
    assert ferry.heard["submitted"] == []
    await thing.fill("two words")
    await choose_harbour(page, dialog, "ham", "Hamburg")
    await dialog.get_by_role("checkbox", name="Keep dry").check()
    await dialog.get_by_role("button", name="Carry", exact=True).click()
    await expect(dialog.get_by_role("alert").filter(has_text="One word, please.")).to_be_visible()
    await expect(thing).to_be_focused()
    await expect(thing).to_have_value("two words")
    await expect(dialog.get_by_role("button", name="Harbour: Hamburg")).to_be_visible()
    await thing.fill("coal")
    await thing.press("Enter")
    await expect(dialog).to_be_hidden()
    values = (await ferry.told("submitted", 2))["view"]["state"]["values"]
    assert values["thing"]["name"]["value"] == "coal"
    assert values["harbour"]["harbour"]["selected_option"]["value"] == "hamburg"
    assert [one["value"] for one in values["care"]["care"]["selected_options"]] == ["dry"]
    await expect(box(page)).to_be_focused()


async def test_an_external_select_asks_the_app_from_its_minimum_on(harbour):
    page, dialog = await opened(harbour)
    await dialog.get_by_role("button", name="Harbour").click()
    search = page.get_by_role("combobox", name="Search: Harbour")
    await search.press_sequentially("h")
    await expect(dialog.locator(".choices-status")).to_have_text("Type 1 more character to search.")
    await search.press_sequentially("a")
    await expect(dialog.get_by_role("option")).to_have_text(["Hamburg", "Harwich", "Haifa"])
    await search.press_sequentially("zzz")
    await expect(dialog.locator(".choices-status")).to_have_text("Nothing matches.")
    await page.keyboard.press("Escape")
    await expect(search).to_have_count(0)
    await expect(dialog).to_be_visible()


async def test_enter_before_the_app_has_answered_takes_what_it_answers(harbour):
    page, dialog = await opened(harbour)
    await dialog.get_by_role("button", name="Harbour").click()
    search = page.get_by_role("combobox", name="Search: Harbour")
    await search.press_sequentially("ha")
    await expect(dialog.get_by_role("option")).to_have_count(3)
    await search.press_sequentially("rw")
    await search.press("Enter")
    await expect(dialog.get_by_role("button", name="Harbour: Harwich")).to_be_focused()


async def test_an_update_keeps_what_was_entered(harbour, ferry):
    _, dialog = await opened(harbour)
    thing = dialog.get_by_role("textbox", name="Thing")
    await thing.fill("coal")
    await dialog.get_by_role("button", name="Add a note").click()
    await expect(dialog.get_by_role("textbox", name="Note")).to_be_visible()
    await expect(thing).to_have_value("coal")
    body = await ferry.told("add_note")
    assert body["view"]["state"]["values"]["thing"]["name"]["value"] == "coal"


async def test_views_are_stacked(harbour):
    page, dialog = await opened(harbour)
    await dialog.get_by_role("textbox", name="Thing").fill("coal")
    await dialog.get_by_role("button", name="Rules").click()
    rules = page.get_by_role("dialog", name="Rules")
    await expect(rules).to_contain_text("No cats.")
    await rules.get_by_role("button", name="Back").click()
    await expect(dialog.get_by_role("textbox", name="Thing")).to_have_value("coal")


async def test_escape_closes_and_the_app_hears_of_it(harbour, ferry):
    page, dialog = await opened(harbour)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert (await ferry.told("closed"))["type"] == "view_closed"


async def test_a_modal_belongs_to_one_person_and_outlives_a_reload(harbour):
    page, dialog = await opened(harbour)
    ana = await harbour.open("ana")
    await expect(ana.get_by_role("dialog")).to_have_count(0)
    await page.reload()
    await expect(dialog).to_be_visible()


async def test_the_focus_stays_inside(harbour):
    page, _ = await opened(harbour)
    seen = set()
    for _ in range(24):
        await page.keyboard.press("Tab")
        seen.add(await page.evaluate(FOCUS))
    # Between the last control and the first the browser's own bar has the focus; the page reports its body then.
    assert seen <= {"inside", "nowhere"}
    assert "inside" in seen


async def test_shortcuts_open_from_a_message_and_from_the_composer(harbour, ferry):
    await ferry.post("checkout", text="card", blocks=CARD)
    page = await harbour.open()
    await row(page, "C-1").focus()
    await page.keyboard.press(".")
    await page.get_by_role("menuitem", name="Carry this").click()
    dialog = page.get_by_role("dialog", name="Carry a thing")
    await expect(dialog).to_be_visible()
    assert (await ferry.told("form opened"))["type"] == "message_action"
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.locator(".main").get_by_role("button", name="Shortcuts").click()
    await page.get_by_role("menuitem", name="Carry something").click()
    await expect(dialog).to_be_visible()
    assert (await ferry.told("form opened", 2))["type"] == "shortcut"


async def test_the_home_tab_is_asked_for_and_shown(harbour, ferry):
    page = await harbour.open()
    await page.locator(".place").filter(has_text="Ferry").click()
    await page.get_by_role("tab", name="Home").click()
    await expect(page.get_by_role("tabpanel", name="Home")).to_contain_text("Ahoy @Mia Lindqvist, 2 crossings wait.")
    assert (await ferry.told("home"))["tab"] == "home"
    await page.get_by_role("tab", name="Messages").click()
    await send(page, "ahoy")
    await expect(row(page, "ahoy")).to_be_visible()
    await expect(page.get_by_role("tab", name="Messages")).to_have_attribute("aria-selected", "true")

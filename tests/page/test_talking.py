"""Messages and slash commands, from the composer to what people see."""

import pytest
from playwright.async_api import expect

from tests.page.harbour import box, row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


async def test_a_command_is_completed_sent_and_answered(harbour, ferry):
    page = await harbour.open()
    await box(page).press_sequentially("/ca")
    menu = page.locator(".main .completion")
    await expect(menu.get_by_role("option")).to_have_count(1)
    await expect(menu).to_contain_text("<thing> [to <shore>]")
    await box(page).press("Tab")
    await expect(box(page)).to_have_value("/carry ")
    await expect(page.locator(".main .composer-usage")).to_contain_text("/carry <thing> [to <shore>]")
    await box(page).press_sequentially("coal")
    await box(page).press("Enter")
    body = await ferry.told("/carry")
    assert (body["text"], body["user_name"], body["channel_name"]) == ("coal", "mia", "checkout")
    card = row(page, "C-1 · coal")
    await expect(card.locator(".badge").first).to_have_text("APP")
    await expect(card.get_by_role("button", name="Approve")).to_be_visible()
    await expect(box(page)).to_have_value("")


async def test_enter_runs_a_command_that_is_typed_in_full(harbour, ferry):
    page = await harbour.open()
    await box(page).press_sequentially("/shores")
    await box(page).press("Enter")
    await ferry.told("/shores")


async def test_an_ephemeral_answer_is_seen_by_one_only(harbour):
    mia, ana = await harbour.open("mia"), await harbour.open("ana")
    await send(mia, "/shores")
    answer = row(mia, "North")
    await expect(answer).to_contain_text("Only visible to you")
    await expect(answer.get_by_role("table")).to_contain_text("sacks")
    await send(mia, "after it")
    await expect(row(ana, "after it")).to_be_visible()
    await expect(row(ana, "North")).to_have_count(0)
    await answer.get_by_role("button", name="Dismiss").click()
    await expect(row(mia, "North")).to_have_count(0)


async def test_an_unknown_command_names_the_nearest_one(harbour):
    page = await harbour.open()
    await send(page, "/shoers")
    await expect(page.locator(".main .composer-error")).to_contain_text("Did you mean /shores?")
    await expect(box(page)).to_have_value("/shoers")
    await expect(row(page, "is not a valid command")).to_be_visible()


async def test_an_app_that_does_not_answer_is_told_in_the_channel(harbour):
    page = await harbour.open()
    await send(page, "/silent")
    await expect(row(page, "/silent failed because the app did not respond")).to_be_visible()
    await expect(page.locator(".main .composer-error")).to_contain_text("Is the app running?")


async def test_others_see_a_message_at_once_and_have_it_marked_unread(harbour):
    mia, ana = await harbour.open("mia"), await harbour.open("ana")
    await send(mia, "long ago")
    await expect(row(ana, "long ago")).to_be_visible()
    await ana.locator(".place").filter(has_text="releases").click()
    place = ana.locator(".place").filter(has_text="checkout")
    await harbour.act("messages", user="ana", channel="checkout", text="my own words are no news")
    await send(mia, "no one in particular")
    await expect(place).to_have_accessible_name("checkout, 1 unread")
    await send(mia, "@ana have a look")
    await expect(place).to_have_accessible_name("checkout, 2 unread, 1 for you")
    await place.click()
    await expect(row(ana, "have a look").locator(".mention-me")).to_have_text("@Ana Duarte")
    await expect(ana.get_by_role("separator", name="New")).to_be_visible()
    await expect(place).to_have_accessible_name("checkout")


async def test_a_name_is_completed(harbour):
    page = await harbour.open()
    await box(page).press_sequentially("hello @an")
    await expect(page.locator(".main .suggestion.active")).to_contain_text("Ana Duarte")
    await box(page).press("Tab")
    await expect(box(page)).to_have_value("hello @ana ")
    await box(page).press("Enter")
    await expect(row(page, "hello @Ana Duarte")).to_be_visible()
    assert harbour.messages()[-1].text == f"hello <@{harbour.user('ana')}>"


async def test_lines_and_history(harbour):
    page = await harbour.open()
    await send(page, "first")
    await expect(row(page, "first")).to_be_visible()
    await box(page).press_sequentially("two")
    await box(page).press("Shift+Enter")
    await box(page).press_sequentially("lines")
    await box(page).press("Enter")
    await expect(row(page, "lines").locator(".text")).to_have_text("two\nlines")
    await box(page).press("ArrowUp")
    await expect(box(page)).to_have_value("two\nlines")
    await box(page).press("ArrowUp")
    await expect(box(page)).to_have_value("first")
    await box(page).press("ArrowDown")
    await box(page).press("ArrowDown")
    await expect(box(page)).to_have_value("")


async def test_drafts_stay_with_their_channel(harbour):
    page = await harbour.open()
    await box(page).fill("half a thought")
    await page.locator(".place").filter(has_text="general").click()
    await expect(box(page)).to_have_value("")
    await page.locator(".place").filter(has_text="checkout").click()
    await expect(box(page)).to_have_value("half a thought")


async def test_an_empty_channel_says_what_to_try(harbour):
    page = await harbour.open(channel="general")
    await page.get_by_role("button", name="/carry coal to north", exact=True).click()
    await expect(box(page)).to_have_value("/carry coal to north")
    await expect(box(page)).to_be_focused()


async def test_a_person_is_switched_by_click_and_by_key(harbour):
    page = await harbour.open("mia")
    await expect(page.locator(".you")).to_contain_text("You are Mia Lindqvist")
    await page.get_by_role("button", name="Act as Ana Duarte").click()
    await expect(page.locator(".you")).to_contain_text("release manager")
    await send(page, "from ana")
    await expect(row(page, "from ana").locator(".author")).to_have_text("Ana Duarte")
    await page.keyboard.press("Alt+6")
    await expect(page.locator(".you")).to_contain_text("Pat Nakamura")
    await expect(page.locator(".places .place")).to_have_count(2)
    await expect(page.locator(".main-head")).to_contain_text("shared with another organisation")


async def test_a_command_in_a_message_is_one_click_away(harbour, ferry):
    await ferry.post("checkout", text="Try:\n```/carry coal to north```\nbut not\n```/burn coal```")
    page = await harbour.open()
    await page.get_by_role("button", name="Use /carry coal to north").click()
    await expect(box(page)).to_have_value("/carry coal to north")
    await expect(box(page)).to_be_focused()
    await expect(page.get_by_role("button", name="Use /burn")).to_have_count(0)

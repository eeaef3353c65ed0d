"""Cards: buttons with confirmation, menus, edits in place, reactions and threads."""

import pytest
from playwright.async_api import expect

from tests.page.ferry import CARD, UNDERWAY, mrkdwn
from tests.page.harbour import box, row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


async def test_another_person_approves_after_a_confirmation(harbour, ferry):
    mia, ana = await harbour.open("mia"), await harbour.open("ana")
    await send(mia, "/carry coal")
    await row(ana, "C-1").get_by_role("button", name="Approve").click()
    asked = ana.get_by_role("dialog", name="Carry coal?")
    await expect(asked).to_contain_text("7 sacks go north.")
    await asked.get_by_role("button", name="Not yet").click()
    await expect(asked).to_have_count(0)
    assert ferry.heard["approve"] == []
    await row(ana, "C-1").get_by_role("button", name="Approve").click()
    await ana.get_by_role("dialog").get_by_role("button", name="Carry", exact=True).click()
    body = await ferry.told("approve")
    assert (body["user"]["id"], body["actions"][0]["value"]) == (harbour.user("ana"), "C-1")
    card = row(mia, "C-1")
    await expect(card.get_by_role("region", name="Plan: Crossing")).to_contain_text("1 of 3 complete")
    await expect(card.locator(".task.in-progress")).to_contain_text("in progress")
    await expect(card.locator(".edited")).to_have_text("(edited)")
    await expect(card.get_by_role("button", name="Approve")).to_have_count(0)


async def test_an_edit_patches_the_card_where_it_is(harbour, ferry):
    channel, ts = await ferry.post("checkout", text="card", blocks=CARD)
    for number in range(40):
        await harbour.act("messages", user="tom", channel="checkout", text=f"line {number}")
    page = await harbour.open()
    stream = page.get_by_role("region", name="Messages")
    await stream.evaluate("node => { node.scrollTop = 0 }")
    await expect(page.get_by_role("button", name="Latest")).to_be_visible()
    card = row(page, "C-1")
    await card.evaluate("node => { node.mine = true; node.querySelector('.header-block').mine = true }")
    await ferry.client.chat_update(channel=channel, ts=ts, text="card", blocks=UNDERWAY)
    await expect(card.get_by_role("region", name="Plan: Crossing")).to_be_visible()
    kept = "node => [node.mine, node.querySelector('.header-block').mine, node.closest('.stream').scrollTop]"
    assert await card.evaluate(kept) == [True, True, 0]
    await send(page, "and I am at the end again")
    await expect(row(page, "at the end again")).to_be_in_viewport()


async def test_the_reader_at_the_end_stays_there(harbour):
    page = await harbour.open()
    for number in range(40):
        await harbour.act("messages", user="tom", channel="checkout", text=f"line {number}")
        await expect(row(page, f"line {number}").last).to_be_in_viewport()
    await expect(page.get_by_role("button", name="Latest")).to_be_hidden()


async def test_menus_of_a_card_tell_the_app(harbour, ferry):
    await ferry.post("checkout", text="card", blocks=CARD)
    page = await harbour.open()
    card = row(page, "C-1")
    await card.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Weigh it").click()
    assert (await ferry.told("more"))["actions"][0]["selected_option"]["value"] == "weigh"
    await card.get_by_role("button", name="Choose a shore").click()
    await page.get_by_role("combobox", name="Search: Choose a shore").press_sequentially("sou")
    await page.keyboard.press("Enter")
    assert (await ferry.told("shore"))["actions"][0]["selected_option"]["value"] == "South"
    await expect(card.get_by_role("button", name="Choose a shore: South")).to_be_focused()


async def test_inputs_of_a_message_reach_the_next_action(harbour, ferry):
    await ferry.post(
        "checkout",
        text="form",
        blocks=[
            {
                "type": "actions",
                "block_id": "a",
                "elements": [
                    {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-23"},
                    {"type": "timepicker", "action_id": "hour"},
                    {
                        "type": "radio_buttons",
                        "action_id": "tide",
                        "options": [
                            {"text": mrkdwn("*high*"), "value": "high"},
                            {"text": mrkdwn("low"), "value": "low"},
                        ],
                    },
                    {
                        "type": "multi_users_select",
                        "action_id": "crew",
                        "placeholder": {"type": "plain_text", "text": "Crew"},
                    },
                ],
            }
        ],
    )
    page = await harbour.open()
    await page.get_by_label("day", exact=True).fill("2026-11-30")
    assert (await ferry.told("day"))["actions"][0]["selected_date"] == "2026-11-30"
    await page.get_by_label("hour").fill("14:30")
    assert (await ferry.told("hour"))["actions"][0]["selected_time"] == "14:30"
    await page.get_by_role("radio", name="low").check()
    await ferry.told("tide")
    await page.get_by_role("button", name="Crew").click()
    for name in ("Ana Duarte", "Tom Becker"):
        await page.get_by_role("option", name=name).click()
    await page.keyboard.press("Escape")
    body = await ferry.told("crew")
    assert body["actions"][0]["selected_users"] == [harbour.user("ana"), harbour.user("tom")]
    assert body["state"]["values"]["a"]["tide"]["selected_option"]["value"] == "low"
    await page.reload()
    await expect(page.get_by_label("day", exact=True)).to_have_value("2026-11-30")
    await expect(page.get_by_role("radio", name="low")).to_be_checked()
    await expect(page.get_by_role("button", name="Crew: Ana Duarte, Tom Becker")).to_be_visible()


async def test_a_reaction_is_picked_and_taken_back(harbour, ferry):
    await harbour.act("messages", user="tom", channel="checkout", text="merged")
    mia, raj = await harbour.open("mia"), await harbour.open("raj")
    await row(mia, "merged").focus()
    await mia.keyboard.press("r")
    search = mia.get_by_role("combobox", name="Search")
    await expect(search).to_be_focused()
    await search.press_sequentially("rocket")
    await mia.get_by_role("option", name="rocket").click()
    assert (await ferry.told("reaction_added"))["reaction"] == "rocket"
    chip = row(raj, "merged").locator(".reaction").first
    await expect(chip).to_have_accessible_name("rocket, 1: Mia Lindqvist")
    await expect(chip).to_have_attribute("aria-pressed", "false")
    await chip.click()
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await expect(row(mia, "merged").locator(".reaction").first).to_have_accessible_name("rocket, 2: you, Raj Patel")
    await chip.click()
    await row(mia, "merged").locator(".reaction").first.click()
    await expect(row(raj, "merged").locator(".reaction")).to_have_count(0)


async def test_a_thread_is_opened_answered_and_counted(harbour, ferry):
    _, ts = await ferry.post("checkout", text="the crossing")
    mia, ana = await harbour.open("mia"), await harbour.open("ana")
    await row(mia, "the crossing").focus()
    await mia.keyboard.press("t")
    pane = mia.get_by_role("complementary", name="Thread")
    reply = pane.get_by_role("combobox", name="Reply in thread")
    await expect(reply).to_be_focused()
    await reply.fill("calm sea")
    await reply.press("Enter")
    await expect(pane).to_contain_text("calm sea")
    await row(ana, "the crossing").get_by_role("button", name="1 reply").click()
    await expect(ana.get_by_role("complementary", name="Thread")).to_contain_text("calm sea")
    await expect(row(ana, "calm sea")).to_have_count(0)
    await pane.get_by_role("checkbox", name="Also send to #checkout").check()
    await reply.fill("land ahead")
    await reply.press("Enter")
    await expect(row(ana, "land ahead").get_by_role("button", name="from a thread")).to_be_visible()
    await expect(pane.get_by_role("checkbox", name="Also send to #checkout")).not_to_be_checked()
    channel = harbour.sandbox.workspace.find_channel("checkout").id
    await ferry.client.chat_postMessage(channel=channel, thread_ts=ts, text="storm!", reply_broadcast=True)
    await expect(row(ana, "storm!").get_by_role("button", name="from a thread")).to_be_visible()
    await reply.fill("/carry coal")
    await reply.press("Enter")
    await expect(pane).to_contain_text("/carry is not supported in threads. Sorry!")
    assert ferry.heard["/carry"] == []
    await mia.keyboard.press("Escape")
    await expect(pane).to_be_hidden()
    await expect(box(mia)).to_be_focused()


async def test_a_picture_is_shown_inline_and_opens_large(harbour, ferry):
    channel = harbour.sandbox.workspace.find_channel("checkout").id
    await ferry.client.files_upload_v2(
        channel=channel,
        content=PIXEL,
        filename="tide.png",
        title="Tide",
        alt_txt="The tide rises",
        initial_comment="look",
    )
    page = await harbour.open()
    picture = page.get_by_role("img", name="The tide rises")
    await expect(picture).to_have_js_property("naturalWidth", 1)
    await page.get_by_role("button", name="Open picture: The tide rises").click()
    await expect(page.get_by_role("dialog", name="The tide rises")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301010018dd8d"
    "b00000000049454e44ae426082"
)

"""What people do with what is theirs: files, edits, deletions, conversations, pins; and what the inspector says."""

import pytest
from playwright.async_api import expect
from slack_sdk.errors import SlackApiError

from tests.page.ferry import CARD
from tests.page.harbour import row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000080000000808020000004b6d29dc0000001249444154789c63f8cfc0801561171d"
    "b41200e1043fc1ee54c5c40000000049454e44ae426082"
)


async def menu(page, text, item):
    """Choose an item of a message's menu."""
    await row(page, text).first.hover()
    await row(page, text).first.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name=item).click()


async def test_files_go_along_with_a_message(harbour, ferry):
    mia, ana = await harbour.open("mia"), await harbour.open("ana")
    await mia.locator(".main input[type=file]").set_input_files(
        [
            {"name": "chart.png", "mimeType": "image/png", "buffer": PNG},
            {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"},
            {"name": "wrong.txt", "mimeType": "text/plain", "buffer": b"no"},
        ]
    )
    await mia.get_by_role("button", name="Remove wrong.txt").click()
    await send(mia, "both papers")
    shown = row(ana, "both papers")
    await expect(shown.get_by_role("img", name="chart.png")).to_have_js_property("naturalWidth", 8)
    async with ana.expect_download() as download:
        await shown.get_by_role("link", name="bill.pdf").click()
    assert (await (await download.value).path()).read_bytes() == b"%PDF"
    await expect(row(mia, "both papers")).to_be_visible()
    await expect(mia.locator(".composer-files .chip")).to_have_count(0)
    event = await ferry.told("message")
    assert (event["subtype"], [file["name"] for file in event["files"]]) == ("file_share", ["chart.png", "bill.pdf"])


async def test_an_own_message_is_edited_and_deleted(harbour):
    mia, ana = await harbour.open("mia"), await harbour.open("ana")
    await send(mia, "7 sax for @ana & <me>")
    await menu(mia, "7 sax", "Edit message")
    field = mia.get_by_role("dialog", name="Edit message").get_by_role("textbox")
    await expect(field).to_have_value("7 sax for @ana & <me>")
    await field.fill("7 sacks for @ana")
    await field.press("Enter")
    await expect(row(ana, "7 sacks for @Ana Duarte")).to_contain_text("(edited)")
    await row(ana, "7 sacks").hover()
    await row(ana, "7 sacks").get_by_role("button", name="More actions").click()
    await expect(ana.get_by_role("menuitem", name="Edit message")).to_have_count(0)
    await ana.keyboard.press("Escape")
    await menu(mia, "7 sacks", "Delete message")
    await mia.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(row(ana, "7 sacks")).to_have_count(0)


async def test_two_people_talk_alone(harbour):
    mia, raj = await harbour.open("mia"), await harbour.open("raj")
    await mia.get_by_role("button", name="New message").click()
    await mia.get_by_role("dialog", name="Write to").get_by_role("option", name="Raj Patel").click()
    await expect(mia.get_by_role("heading", name="Say something to Raj Patel")).to_be_visible()
    await send(mia, "a word?")
    await expect(row(mia, "a word?")).to_be_visible()
    talk = raj.get_by_role("navigation", name="Channels and apps").get_by_role("button", name="Mia Lindqvist, 1 unread")
    await talk.click()
    await expect(row(raj, "a word?")).to_be_visible()
    await send(raj, "yes")
    await expect(row(mia, "yes")).to_be_visible()


async def test_a_channel_is_made(harbour):
    page = await harbour.open("mia")
    await page.get_by_role("button", name="New channel").click()
    await page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("North Pier")
    await page.keyboard.press("Enter")
    await page.get_by_role("navigation", name="Channels and apps").get_by_role("button", name="north-pier").click()
    await send(page, "first")
    await expect(row(page, "first")).to_be_visible()
    assert harbour.messages("north-pier")[0].text == "first"


async def test_pins_are_counted_and_lead_to_their_message(harbour, ferry):
    channel, ts = await ferry.post("checkout", text="read this first")
    page = await harbour.open("mia")
    await expect(page.get_by_role("button", name="1 pinned message")).to_be_hidden()
    await ferry.client.pins_add(channel=channel, timestamp=ts)
    await page.get_by_role("button", name="1 pinned message").click()
    await page.get_by_role("menuitem", name="read this first").click()
    await expect(row(page, "read this first")).to_be_focused()


async def test_bookmarks_are_links_at_the_top(harbour, ferry):
    channel, _ = await ferry.post("checkout", text="hello")
    page = await harbour.open("mia")
    await ferry.client.bookmarks_add(
        channel_id=channel, title="Runbook", type="link", link="https://coal.example/runbook", emoji=":books:"
    )
    link = page.get_by_role("navigation", name="Bookmarks").get_by_role("link", name="books Runbook")
    await expect(link).to_have_attribute("href", "https://coal.example/runbook")


async def test_a_quick_reaction_is_one_click(harbour, ferry):
    await harbour.act("messages", user="tom", channel="checkout", text="done")
    page = await harbour.open("mia")
    await row(page, "done").hover()
    await row(page, "done").get_by_role("button", name="React with eyes").click()
    assert (await ferry.told("reaction_added"))["reaction"] == "eyes"
    await expect(row(page, "done").get_by_role("button", name="eyes, 1: you")).to_be_visible()


async def test_the_inspector_shows_what_caused_a_message(harbour, ferry):
    await ferry.post(
        "checkout", text="C-0", blocks=[{"type": "section", "text": {"type": "plain_text", "text": "C-0"}}]
    )
    await ferry.post("checkout", text="card", blocks=CARD)
    page = await harbour.open("mia")
    await row(page, "C-1").get_by_role("button", name="Approve").click()
    await page.get_by_role("button", name="Carry", exact=True).click()
    await ferry.told("approve")
    await menu(page, "C-1", "Inspect")
    inspector = page.get_by_role("region", name="Inspector")
    exchanges = inspector.locator(".wire-row")
    for name in ("chat.postMessage", "block_actions", "chat.update"):
        await expect(exchanges.filter(has_text=name)).to_have_count(1)
    press = exchanges.filter(has_text="block_actions")
    await press.locator("summary").click()
    await expect(press.get_by_label("Payload", exact=True)).to_contain_text('"action_id": "approve"')
    await expect(inspector).not_to_contain_text("C-0")
    await inspector.get_by_role("button", name="Show all").click()
    other = exchanges.filter(has_text="chat.postMessage").last
    await other.locator("summary").click()
    await other.get_by_role("button", name="posted in checkout").click()
    await expect(row(page, "C-0")).to_be_focused()


async def test_a_refused_call_stands_out(harbour, ferry):
    page = await harbour.open("mia")
    await page.get_by_role("button", name="Inspector", exact=True).click()
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await ferry.client.chat_postMessage(channel="C0NOWHERE", text="lost")
    await expect(page.locator(".wire-outcome.bad")).to_have_text("channel_not_found")

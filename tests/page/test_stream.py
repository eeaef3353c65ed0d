"""The stream of changes: lost and found again, long channels, addresses, and the wire."""

import re

import pytest
from playwright.async_api import expect

from bot.sandbox.message import Message
from tests.page.ferry import CARD
from tests.page.harbour import box, row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


async def test_a_lost_connection_is_told_and_made_up_for(harbour):
    page = await harbour.open()
    await send(page, "before")
    await expect(row(page, "before")).to_be_visible()
    async with harbour.away():
        await expect(page.get_by_text("Disconnected, retrying")).to_be_visible()
        await send(page, "lost?")
        await expect(page.locator(".main .composer-error")).to_contain_text("The workspace does not answer")
        await expect(box(page)).to_have_value("lost?")
    await harbour.act("messages", user="tom", channel="checkout", text="meanwhile")
    await expect(row(page, "meanwhile")).to_be_visible()
    await expect(page.get_by_text("Disconnected, retrying")).to_be_hidden()


async def test_a_hidden_window_rests_and_catches_up(harbour):
    page = await harbour.open()
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}) }"
    turn = "document.dispatchEvent(new Event('visibilitychange'))"
    await page.evaluate(hide, arg=True)
    await page.evaluate(turn)
    await harbour.act("messages", user="tom", channel="checkout", text="while you were away")
    await page.evaluate(hide, arg=False)
    async with page.expect_request("**/_sandbox/stream"):
        await page.evaluate(turn)
    await expect(row(page, "while you were away")).to_be_visible()
    await expect(page.locator(".link-note")).to_be_empty()
    await harbour.act("messages", user="tom", channel="checkout", text="and live again")
    await expect(row(page, "and live again")).to_be_visible()


async def test_an_app_that_is_not_connected_is_told(harbour):
    page = await harbour.open()
    await expect(page.locator(".link-note")).to_be_empty()
    await harbour.leave()
    await expect(page.locator(".link-note")).to_contain_text("Ferry is not connected")


async def test_a_channel_of_a_thousand_messages(harbour):
    workspace = harbour.sandbox.workspace
    channel = workspace.find_channel("checkout")
    for number in range(1000):
        workspace.add(
            Message(
                ts=workspace.next_ts(),
                channel=channel.id,
                user=harbour.user("tom"),
                text=f"number {number}.",
                team=workspace.team.id,
            )
        )
    page = await harbour.open()
    await expect(row(page, "number 999.")).to_be_in_viewport()
    assert await page.locator("article.message").count() < 200
    stream = page.get_by_role("region", name="Messages")
    for number in (920, 860, 800):
        await stream.evaluate("node => { node.scrollTop = 0 }")
        await expect(row(page, f"number {number}.")).to_be_attached()
    target = row(page, "number 850.")
    await target.scroll_into_view_if_needed()
    before = await target.bounding_box()
    await harbour.act("messages", user="ana", channel="checkout", text="news at the end")
    latest = page.get_by_role("button", name="Latest")
    await expect(latest).to_have_class(re.compile("fresh"))
    assert await target.bounding_box() == before
    await latest.click()
    await expect(row(page, "news at the end")).to_be_in_viewport()


async def test_an_address_leads_to_person_channel_and_message(harbour, ferry):
    channel, ts = await ferry.post("releases", text="look here")
    for number in range(60):
        await harbour.act("messages", user="tom", channel="releases", text=f"line {number}")
    page = await harbour.open("tom", "releases", f"&ts={ts}")
    await expect(row(page, "look here")).to_be_focused()
    await expect(page.locator(".you")).to_contain_text("Tom Becker")
    link = await ferry.client.chat_getPermalink(channel=channel, message_ts=ts)
    await harbour.act("messages", user="tom", channel="checkout", text=f"see {link['permalink']}")
    await page.locator(".place").filter(has_text="checkout").click()
    await row(page, "see").get_by_role("link").click()
    await expect(row(page, "look here")).to_be_in_viewport()
    assert len(page.context.pages) == 1


async def test_the_wire_shows_what_passed(harbour, ferry):
    page = await harbour.open()
    await page.get_by_role("button", name="Inspector", exact=True).click()
    wire = page.get_by_role("region", name="Inspector")
    await send(page, "/carry coal")
    call = wire.locator(".wire-row").filter(has_text="chat.postMessage").first
    await expect(call).to_contain_text("ok")
    delivery = wire.locator(".wire-row").filter(has_text="/carry").first
    await delivery.locator("summary").click()
    await expect(delivery.get_by_label("Payload", exact=True)).to_contain_text('"command": "/carry"')
    await expect(delivery.get_by_label("Acknowledgement", exact=True)).to_contain_text('"status": "ok"')
    await send(page, "/silent")
    await expect(wire.locator(".wire-outcome.bad").first).to_have_text("timeout")
    await wire.get_by_role("button", name="Close inspector").click()
    await expect(wire).to_be_hidden()


async def test_many_edits_end_in_the_newest(harbour, ferry):
    channel, ts = await ferry.post("checkout", text="card", blocks=CARD)
    page = await harbour.open()
    for number in range(30):
        blocks = [{**CARD[0], "text": {"type": "plain_text", "text": f"step {number} of 29"}}]
        await ferry.client.chat_update(channel=channel, ts=ts, text="card", blocks=blocks)
    await expect(row(page, "step 29 of 29")).to_be_visible()
    await expect(page.locator(".main article.message")).to_have_count(1)
    await expect(box(page)).to_be_focused()

"""The rarer elements, live: rich text, files, tables that sort, charts."""

import pytest
from playwright.async_api import expect

from tests.page.ferry import option, plain
from tests.page.gallery import BARS, DATA_TABLE, EVERY_INPUT, LINES, PIE, TEXTS
from tests.page.harbour import row

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


@pytest.fixture
def form(harbour, ferry):
    """Opens the modal that has every input."""

    async def opened():
        ferry.every_input = EVERY_INPUT
        await ferry.post("checkout", text="form", blocks=[TEXTS[0]])
        page = await harbour.open("mia")
        await page.get_by_role("button", name="Every input").click()
        dialog = page.get_by_role("dialog", name="Every input")
        await expect(dialog).to_be_visible()
        return page, dialog

    return opened


async def test_every_input_reaches_the_app(form, ferry):
    page, dialog = await form()
    await dialog.get_by_role("textbox", name="Line", exact=True).fill("coal")
    await dialog.get_by_role("spinbutton", name="Count").fill("7")
    await dialog.get_by_role("textbox", name="Mail (optional)").fill("mia@acme.example")
    await dialog.get_by_role("textbox", name="Page (optional)").fill("https://acme.example")
    await dialog.get_by_label("Day (optional)").fill("2026-12-01")
    await dialog.get_by_label("Hour (optional)").fill("14:05")
    await dialog.get_by_label("Moment (optional)").fill("2026-12-01T14:05")
    await dialog.get_by_role("radio", name="Low").check()
    words = dialog.get_by_role("textbox", name="Words (optional)")
    await words.click()
    await page.keyboard.type("very ")
    await dialog.get_by_role("button", name="Bold").click()
    await page.keyboard.type("heavy")
    await dialog.locator("input[type=file]").set_input_files(
        {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
    )
    await expect(dialog.get_by_role("button", name="Remove bill.pdf")).to_be_visible()
    await dialog.get_by_role("button", name="Send").click()
    given = (await ferry.told("every"))["view"]["state"]["values"]
    values = {name: actions[name] for name, actions in given.items()}
    assert values["line"]["value"] == "coal"
    assert values["count"]["value"] == "7"
    assert (values["mail"]["value"], values["page"]["value"]) == ("mia@acme.example", "https://acme.example")
    assert (values["day"]["selected_date"], values["hour"]["selected_time"]) == ("2026-12-01", "14:05")
    assert values["moment"]["selected_date_time"] > 1_790_000_000
    assert values["tide"]["selected_option"]["value"] == "Low"
    (section,) = values["rich"]["rich_text_value"]["elements"]
    assert section["elements"] == [
        {"type": "text", "text": "very "},
        {"type": "text", "text": "heavy", "style": {"bold": True}},
    ]
    assert [file["name"] for file in values["papers"]["files"]] == ["bill.pdf"]


async def test_the_browser_says_what_a_number_or_an_address_wants(form, ferry):
    _, dialog = await form()
    await dialog.get_by_role("textbox", name="Line", exact=True).fill("coal")
    await dialog.get_by_role("spinbutton", name="Count").fill("0")
    await dialog.get_by_role("textbox", name="Mail (optional)").fill("nobody")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.locator(".input-error")).to_have_count(2)
    await expect(dialog.get_by_role("spinbutton", name="Count")).to_be_focused()
    assert ferry.heard["every"] == []


async def test_lists_of_rich_text_stay_lists(form):
    page, dialog = await form()
    await dialog.get_by_role("textbox", name="Words (optional)").click()
    await dialog.get_by_role("button", name="Bulleted list").click()
    await page.keyboard.type("load")
    await page.keyboard.press("Enter")
    await page.keyboard.type("sail")
    block = await page.evaluate(
        "import('/page/richinput.js').then((made) => made.readRichText(document.querySelector('.rich-field')))"
    )
    (made,) = block["elements"]
    assert (made["type"], made["style"]) == ("rich_text_list", "bullet")
    assert [item["elements"][0]["text"] for item in made["elements"]] == ["load", "sail"]


async def test_a_data_table_is_sorted_filtered_and_turned(harbour, ferry):
    await ferry.post("checkout", text="table", blocks=[DATA_TABLE])
    page = await harbour.open("mia")
    table = row(page, "Crossings")
    first = table.locator("tbody tr").first
    await expect(table.get_by_role("status")).to_have_text("1–3 of 4")
    await table.get_by_role("button", name="sacks").click()
    await expect(first).to_contain_text("Clara")
    await table.get_by_role("button", name="sacks").click()
    await expect(first).to_contain_text("Dora")
    await expect(table.get_by_role("columnheader", name="sacks")).to_have_attribute("aria-sort", "descending")
    await table.get_by_role("button", name="Next").click()
    await expect(table.get_by_role("status")).to_have_text("4–4 of 4")
    await table.get_by_role("searchbox").fill("ber")
    await expect(table.locator("tbody tr")).to_have_count(1)
    await expect(first).to_contain_text("Berta")


async def test_charts_say_their_figures(harbour, ferry):
    await ferry.post("checkout", text="charts", blocks=[LINES, BARS])
    await ferry.post("checkout", text="pie", blocks=[PIE])
    page = await harbour.open("mia")
    await expect(page.get_by_role("img", name="Sacks by the hour: line chart of north, south")).to_be_visible()
    await expect(page.locator(".chart-bar")).to_have_count(10)
    await expect(page.locator(".chart-slice")).to_have_count(2)
    chart = page.locator("figure.chart").filter(has_text="Sacks by the hour")
    await chart.get_by_text("Figures").click()
    await expect(chart.get_by_role("row", name="12 14 8")).to_be_visible()


async def test_a_choice_that_is_not_confirmed_is_not_made(harbour, ferry):
    sure = {"title": plain("Sure?"), "text": plain("Really?"), "confirm": plain("Yes"), "deny": plain("No")}
    elements = [
        {"type": "static_select", "action_id": "shore", "placeholder": plain("Shore"), "options": [option("North")]},
        {"type": "checkboxes", "action_id": "care", "options": [option("Fragile")]},
        {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-30"},
    ]
    blocks = [{"type": "actions", "elements": [{**element, "confirm": sure} for element in elements]}]
    await ferry.post("checkout", text="choose", blocks=blocks)
    page = await harbour.open("mia")
    dialog = page.get_by_role("dialog", name="Sure?")
    await page.get_by_role("button", name="Shore").click()
    await page.get_by_role("option", name="North").click()
    await dialog.get_by_role("button", name="No").click()
    await expect(page.get_by_role("button", name="Shore", exact=True)).to_be_visible()
    await page.get_by_role("checkbox", name="Fragile").click()
    await dialog.get_by_role("button", name="No").click()
    await expect(page.get_by_role("checkbox", name="Fragile")).not_to_be_checked()
    await page.get_by_label("day", exact=True).fill("2026-12-24")
    await dialog.get_by_role("button", name="No").click()
    await expect(page.get_by_label("day", exact=True)).to_have_value("2026-11-30")
    assert not {"shore", "care", "day"} & set(ferry.heard)
    await page.get_by_role("checkbox", name="Fragile").click()
    await dialog.get_by_role("button", name="Yes").click()
    assert (await ferry.told("care"))["actions"][0]["selected_options"][0]["value"] == "Fragile"
    await expect(page.get_by_role("checkbox", name="Fragile")).to_be_checked()


async def test_conversations_are_filtered_and_begin_here(harbour, ferry):
    select = {"type": "conversations_select", "action_id": "to", "default_to_current_conversation": True}
    shared = {"include": ["public"], "exclude_external_shared_channels": True}
    await ferry.post("checkout", text="to", blocks=[{"type": "actions", "elements": [{**select, "filter": shared}]}])
    page = await harbour.open("mia")
    await page.get_by_role("button", name="to: #checkout").click()
    await expect(page.get_by_role("option", name="#releases")).to_be_visible()
    await expect(page.get_by_role("option", name="#partners")).to_have_count(0)

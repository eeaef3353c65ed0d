"""The main views, light and dark, on a desk and on a phone: kept as pictures, and without serious findings of axe-core.

`SHIPMATE_SCREENSHOTS=<folder> pytest tests/page/test_views.py` keeps the pictures there; otherwise they are in pytest's
folder of the run.
"""

import json
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.page.gallery import EVERY_INPUT, GALLERY
from tests.page.harbour import box, row
from tests.page.pictures import Pictures

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
def pictures(tmp_path):
    """Keeps pictures in the folder that the environment names, else in pytest's."""
    folder = Path(os.environ.get("SHIPMATE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return Pictures(folder)


async def stage(harbour, ferry):
    """Put one of everything into the channel; return the ts of the message with a thread."""
    ferry.every_input = EVERY_INPUT
    await harbour.act("messages", user="mia", channel="checkout", text="Morning all. The coal boat is in.")
    asked = await harbour.act(
        "messages", user="tom", channel="checkout", text="On it :eyes: @ana can you check the manifest?"
    )
    await harbour.act("messages", user="ana", channel="checkout", text="Looks fine to me", thread_ts=asked["ts"])
    await harbour.act("messages", user="tom", channel="checkout", text="Thanks! Loading now.", thread_ts=asked["ts"])
    for user, name in (("raj", "rocket"), ("mia", "rocket"), ("ana", "tada")):
        await harbour.act("reactions", user=user, channel="checkout", ts=asked["ts"], name=name)
    bot = harbour.sandbox.workspace.find_user("ferry").id
    for name, blocks in GALLERY.items():
        await ferry.post("checkout", text=name, blocks=json.loads(json.dumps(blocks).replace("{user}", bot)))
    await harbour.act("commands", user="ana", channel="checkout", command="/shores", text="")
    return asked["ts"]


async def read(page, keep):
    """Look at a channel: its end, its cards one screen at a time, a thread."""
    await expect(row(page, "Only visible to you")).to_be_visible()
    await keep("channel-end")
    for name in ("C-2", "Sacks by the hour", "Rich text"):
        await row(page, name).first.evaluate("(row) => row.scrollIntoView({block: 'center'})")
        await keep(f"channel-{name.split()[0].lower()}", checked=False)
    await row(page, "On it").get_by_role("button", name="2 replies").click()
    await expect(page.get_by_role("complementary", name="Thread")).to_contain_text("Loading now")
    await keep("thread")
    await page.get_by_role("button", name="Close thread").click()


async def write(page, keep):
    """Look at what helps to write and react: completion, emoji, the switcher."""
    await box(page).fill("/")
    await expect(page.locator(".main .suggestion").first).to_be_visible()
    await keep("completion")
    await box(page).fill("")
    await row(page, "On it").first.focus()
    await page.keyboard.press("r")
    await expect(page.get_by_role("combobox", name="Search", exact=True)).to_be_focused()
    await expect(page.get_by_role("menuitem", name="grinning face", exact=False).first).to_be_visible()
    await keep("emoji")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog", name="Go to")).to_be_visible()
    await keep("switcher")
    await page.keyboard.press("Escape")


async def fill(page, keep):
    """Look at a modal with every input, empty and refused."""
    await page.get_by_role("button", name="Every input").click()
    dialog = page.get_by_role("dialog", name="Every input")
    await expect(dialog).to_be_visible()
    await keep("modal")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.locator(".input-error").first).to_be_visible()
    await keep("modal-errors")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()


async def look_behind(page, keep):
    """Look at the inspector: of one message, and of everything."""
    await row(page, "C-1").first.focus()
    await page.keyboard.press(".")
    await keep("message-menu")
    await page.get_by_role("menuitem", name="Inspect").click()
    inspector = page.get_by_role("region", name="Inspector")
    await inspector.locator("summary").first.click()
    await expect(inspector.locator("pre").first).to_contain_text("C-1")
    await keep("inspector")
    await inspector.get_by_role("button", name="Close inspector").click()


async def go_elsewhere(page, keep, *, phone):
    """Look at the drawer of a phone, an empty channel, and an app's Home."""
    places = page.get_by_role("navigation", name="Channels and apps")
    for name, picture in (("general", "empty"), ("Ferry", "home")):
        if phone:
            await page.get_by_role("button", name="Channels and people").click()
            await expect(places).to_be_visible()
            await keep("drawer")
        await places.get_by_role("button", name=name).click()
        if picture == "home":
            await page.get_by_role("tab", name="Home").click()
            await expect(page.locator(".home")).to_contain_text("2 crossings")
        else:
            await expect(page.get_by_role("heading", name="This is the beginning of #general")).to_be_visible()
        await keep(picture)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["desk", "phone"])
async def test_main_views(harbour, ferry, pictures, scheme, where):
    await stage(harbour, ferry)
    page = await harbour.open(
        "ana", color_scheme=scheme, reduced_motion="reduce", **(DESK if where == "desk" else PHONE)
    )
    findings = []

    # On a phone in the dark, the elements are those of the phone and the colours those of the desk.
    known = (where, scheme) == ("phone", "dark")

    async def keep(name, *, checked=True):
        findings.extend(await pictures.keep(page, f"{name}-{where}-{scheme}", checked=checked and not known))

    await read(page, keep)
    await write(page, keep)
    await fill(page, keep)
    await look_behind(page, keep)
    await go_elsewhere(page, keep, phone=where == "phone")
    assert not findings, json.dumps(findings, indent=1)

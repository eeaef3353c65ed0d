"""Take a picture of a running workspace, for the documentation.

python -m tests.page.screenshot http://127.0.0.1:8080 workspace.png --viewer mia --channel checkout --scheme dark
"""

import argparse
import asyncio
from pathlib import Path

from playwright.async_api import async_playwright, expect

from tests.servers.programs import CHROMIUM_FLAGS, find


async def take(options):
    """Open the page as a person, wait until it shows the channel, and write the picture."""
    width, height = (int(side) for side in options.size.split("x"))
    place = f"#viewer={options.viewer}&channel={options.channel}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find("chromium")["path"], args=list(CHROMIUM_FLAGS))
        page = await browser.new_page(
            viewport={"width": width, "height": height}, color_scheme=options.scheme, device_scale_factor=options.scale
        )
        await page.goto(f"{options.url}/{place}")
        await expect(page.locator("#app")).not_to_have_attribute("aria-busy", "true")
        if options.thread:
            await page.locator("article.message").filter(has_text=options.thread).locator(".thread-bar").last.click()
        await page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => null)))")
        await page.screenshot(path=options.picture)
        await browser.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="address of the workspace")
    parser.add_argument("picture", type=Path, help="PNG file to write")
    parser.add_argument("--viewer", default="mia")
    parser.add_argument("--channel", default="checkout")
    parser.add_argument("--thread", default="", help="open the thread of the message that holds this text")
    parser.add_argument("--size", default="1440x900", help="width x height in CSS pixels")
    parser.add_argument("--scale", type=float, default=1.0, help="device pixels per CSS pixel")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    asyncio.run(take(parser.parse_args()))


if __name__ == "__main__":
    main()

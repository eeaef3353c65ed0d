"""Text from outside stays text: no markup, no script, no forged link, wherever it is shown."""

import pytest
from playwright.async_api import expect

from tests.page.ferry import mrkdwn, plain
from tests.page.harbour import row, send

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

EVIL = (
    '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script> <javascript:window.pwned=1|click me> '
    "<data:text/html,x|here> <!channel> [md](javascript:window.pwned=1) ![pic](javascript:window.pwned=1)"
)


def everywhere(text):
    leaf = [{"type": "text", "text": text}, {"type": "link", "url": "javascript:window.pwned=1", "text": "rich link"}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": leaf}]}
    return [
        {"type": "header", "text": plain(text[:150])},
        {"type": "section", "text": mrkdwn(text), "fields": [plain(text), mrkdwn(text)]},
        {"type": "context", "elements": [mrkdwn(text), plain(text)]},
        {"type": "markdown", "text": text},
        {"type": "table", "rows": [[{"type": "raw_text", "text": text}], [rich]]},
        {
            "type": "plan",
            "title": text,
            "tasks": [{"type": "task_card", "task_id": "1", "title": text, "status": "error", "details": rich}],
        },
        {"type": "actions", "elements": [{"type": "button", "action_id": "b", "text": plain(text[:75])}]},
    ]


@pytest.mark.parametrize("by", ["app", "person"])
async def test_text_never_becomes_markup(harbour, ferry, by):
    page = await harbour.open()
    if by == "app":
        blocks = [{**block, "block_id": f"b{at}"} for at, block in enumerate(everywhere(EVIL))]
        await ferry.post("checkout", text=EVIL, blocks=blocks)
        await ferry.post("checkout", text=EVIL)
    else:
        await send(page, EVIL)
    shown = row(page, "onerror")
    await expect(shown.first).to_be_visible()
    await expect(shown.first).to_contain_text('<img src=x onerror="window.pwned=1">')
    for link in await shown.locator(".dead-link").all():
        await link.click()
    found = await page.evaluate(
        """() => ({
            pwned: window.pwned ?? null,
            markup: document.querySelectorAll('.message :is(img, script, iframe)').length,
            links: [...document.querySelectorAll('a[href]')].map((link) => new URL(link.href).protocol),
            handlers: [...document.querySelectorAll('*')]
                .filter((node) => node.getAttributeNames().some((name) => name.startsWith('on'))).length,
        })"""
    )
    assert found["pwned"] is None
    assert (found["markup"], found["handlers"]) == (0, 0)
    assert set(found["links"]) <= {"http:", "https:", "mailto:"}


async def test_a_typed_channel_mention_is_a_mention_and_a_forged_one_is_text(harbour):
    page = await harbour.open()
    await send(page, "wake @channel and <!channel>")
    await expect(row(page, "wake").locator(".text")).to_have_text("wake @channel and <!channel>")
    assert harbour.messages()[-1].text == "wake <!channel> and &lt;!channel&gt;"


async def test_names_of_people_and_files_are_text_too(harbour, ferry):
    person = harbour.sandbox.workspace.find_user("tom")
    person.real_name = '<b onclick="window.pwned=1">Tom</b>'
    channel = harbour.sandbox.workspace.find_channel("checkout").id
    await ferry.client.files_upload_v2(
        channel=channel, content="x", filename="a.txt", title="<img src=x onerror=window.pwned=1>"
    )
    await harbour.act("messages", user="tom", channel="checkout", text="me")
    page = await harbour.open("tom")
    await expect(row(page, "me").locator(".author").last).to_have_text(person.real_name)
    await expect(row(page, "onerror")).to_be_visible()
    assert await page.evaluate("window.pwned ?? null") is None


async def test_the_page_asks_no_other_host(harbour):
    asked = []
    page = await harbour.open()
    page.on("request", lambda request: asked.append(request.url))
    await page.reload()
    await expect(page.locator("#app")).not_to_have_attribute("aria-busy", "true")
    assert len(asked) > 10
    assert all(url.startswith(harbour.sandbox.url) for url in asked)


async def test_nodes_are_made_without_handlers_and_bad_addresses(harbour):
    page = await harbour.open()
    found = await page.evaluate(
        """async () => {
            const {h} = await import('/page/dom.js');
            const refused = (name) => { try { h('div', {[name]: 'x'}); return false; } catch { return true; } };
            const bad = ['javascript:x', ' JavaScript:x', '', 'java\\nscript:x', 'data:text/html,x', 'file:///etc/x'];
            return {
                links: bad.filter((url) => h('a', {href: url}).hasAttribute('href')),
                pictures: [...bad, 'mailto:x'].filter((url) => h('img', {src: url}).hasAttribute('src')),
                refused: ['onclick', 'OnError', 'innerHTML', 'srcdoc'].every(refused),
                good: h('a', {href: 'https://a.example/x'}).href,
            };
        }"""
    )
    assert found == {"links": [], "pictures": [], "refused": True, "good": "https://a.example/x"}


async def test_a_button_opens_an_address_without_handing_the_page_over(harbour, ferry):
    button = {"type": "button", "action_id": "go", "text": plain("Build 412"), "url": "https://ci.example/412"}
    await ferry.post("checkout", text="card", blocks=[{"type": "actions", "elements": [button]}])
    page = await harbour.open()
    link = page.get_by_role("link", name="Build 412")
    await expect(link).to_have_attribute("href", "https://ci.example/412")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(link).to_have_attribute("target", "_blank")

"""Links of connected tools: shown below the message that names them, for our own members, where nobody else reads."""

import pytest

from bot.reply import Headline, Message, say
from tests.slack.office import connected, workspace

URL = "https://git.acme.example/shop/-/merge_requests/7"


@pytest.fixture
async def office(url):
    async with workspace() as made, connected(made, url, unfurl=["acme.example"]):
        asked = []

        async def previewer(person, address):
            asked.append((person.user, address))
            return Message(summary="!7", parts=(Headline(say("!7 {}", "Add <!channel>")),)) if "/7" in address else None

        made.gateway.previewer = previewer
        made.asked = asked
        yield made


async def attached(office, channel="checkout"):
    return [one for message in await office.messages(channel) for one in message.get("attachments", ())]


async def test_what_is_behind_a_link_is_shown_below_it(office):
    await office.post("messages", user="mia", channel="checkout", text=f"look: {URL} and https://acme.example/nothing")
    shown = await office.until(lambda: attached(office), "a preview")
    assert [one["from_url"] for one in shown] == [URL]
    assert shown[0]["blocks"][0]["text"]["text"] == "*!7 Add &lt;!channel&gt;*"
    assert [address for _, address in office.asked] == [URL, "https://acme.example/nothing"]


async def test_a_message_without_such_a_link_is_nobodys_business(office):
    await office.post("messages", user="mia", channel="checkout", text="https://elsewhere.example/7")
    await office.post("messages", user="mia", channel="checkout", text=f"and {URL}")
    await office.until(lambda: attached(office), "a preview")
    assert len(office.asked) == 1


async def test_where_another_organisation_reads_along_nothing_is_shown(office):
    await office.post("messages", user="mia", channel="partners", text=URL)
    await office.post("messages", user="pat", channel="partners", text=URL)
    await office.post("messages", user="mia", channel="checkout", text=URL)
    await office.until(lambda: attached(office), "a preview")
    assert await attached(office, "partners") == []
    assert len(office.asked) == 1


async def test_without_domains_no_scope_is_asked_for(url):
    async with workspace() as made, connected(made, url):
        installed = next(iter(made.sandbox.platform.apps.installed.values()))
        assert not {"links:read", "links:write"} & installed.manifest.scopes
        assert "link_shared" not in installed.manifest.bot_events

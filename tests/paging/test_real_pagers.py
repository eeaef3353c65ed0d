"""From an alert's webhook to somebody's telephone and back: the real pagers, over a real SMTP server and stand-ins."""

import importlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from bot.alerts.rules import State
from bot.app.tools import hooks
from bot.paging.records import PageState
from bot.settings import load
from bot.webhooks import Webhooks
from integrations.contract import Resources
from integrations.registry import declared
from tests.alerts.rig import SETTINGS
from tests.deployments.rig import CONFIG
from tests.paging.rig import MIA, SCHEDULES, Rig, up
from tests.servers.pagers import twilio
from tests.servers.pagers.site import serving
from tests.servers.pagers.smtp import Letters, smtp_server
from tests.servers.pagers.twilio import TwilioStandIn

NUMBER, MAILBOX, TOKEN = "+14155550123", "mia@example.org", "token-of-the-alertmanager"
PAGING: dict[str, Any] = {
    "chains": {"primary": [{"notify": {"person": "mia", "important": True}}]},
    "people": {
        "mia": {
            "addresses": {
                "email": {"with": "mail", "to": MAILBOX},
                "call": {"with": "twilio", "to": NUMBER},
                "sms": {"with": "twilio", "to": NUMBER},
            },
            "important": ["email", {"by": "call", "after": "1m"}, {"by": "sms", "after": "30m"}],
        }
    },
    "severities": {"critical": "primary"},
}


class House:
    """The rig with real pagers in it, and its door open."""

    def __init__(self, rig: Rig, letters: Letters, phones: TwilioStandIn, url: str) -> None:
        self.rig = rig
        self.letters = letters
        self.phones = phones
        self._url = url

    async def fires(self) -> None:
        """Have Alertmanager tell of an alert, and do what is due."""
        body = json.dumps(self.rig.body(self.rig.alert("a"))).encode()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession() as http, http.post(self._url, data=body, headers=headers) as answer:
            assert answer.status == 204
        await self.rig.look()

    async def called(self) -> dict[str, Any]:
        """Wait out the minute after which she is called, and return the call."""
        await self.rig.look(minutes=1)
        (call,) = self.phones.calls
        return call


def config(letters: Letters, phones: TwilioStandIn, door: str) -> dict[str, Any]:
    tools = {
        "am": {"type": "alertmanager", "url": "http://127.0.0.1:1", "webhook_token": "${AM_TOKEN}"},
        "mail": {
            "type": "smtp",
            "host": "127.0.0.1",
            "port": letters.port,
            "security": "none",
            "sender": "s@example.org",
        },
        "twilio": {
            "type": "twilio",
            "url": phones.url,
            "account_sid": twilio.ACCOUNT,
            "auth_token": "${TWILIO_TOKEN}",
            "from_number": twilio.FROM,
            "webhook_url": f"{door}/hooks/twilio",
        },
    }
    integrations = {**CONFIG["integrations"], **tools}
    return {**CONFIG, "alerts": SETTINGS, "paging": PAGING, "oncall": SCHEDULES, "integrations": integrations}


@pytest.fixture
async def house(tmp_path) -> AsyncIterator[House]:
    receivers: list[Webhooks] = []

    async def door(request: web.Request) -> web.Response:
        return await receivers[0].receive(request)

    async with (
        up(tmp_path) as rig,
        smtp_server() as letters,
        serving([web.post("/hooks/{instance}", door)]) as url,
    ):
        phones = TwilioStandIn(rig.clock.now())
        async with serving(phones.routes()) as phones.url:
            phones.inbound_url = f"{url}/hooks/twilio"
            path = tmp_path / "shipmate.yaml"
            path.write_text(yaml.safe_dump(config(letters, phones, url)))
            rig.settings = load(path, {"AM_TOKEN": TOKEN, "TWILIO_TOKEN": twilio.AUTH_TOKEN})
            for name in ("mail", "twilio"):
                chosen = rig.settings.integrations[name]
                module, _, connect = declared()[chosen.type].connect.partition(":")
                lent = Resources(state_dir=str(tmp_path), now=rig.clock.now)
                adapter = await getattr(importlib.import_module(module), connect)(name, chosen.settings, lent)
                rig.toolbox.add(adapter)
            handlers = {**rig.alerts.handlers, **rig.paging.answers.handlers}
            receivers.append(Webhooks(rig.store, rig.clock, hooks(rig.settings), handlers))
            yield House(rig, letters, phones, f"{url}/hooks/am")
            await rig.paging.stop()
            await rig.toolbox.close()


async def test_an_alert_is_mailed_then_called_about_and_a_key_acknowledges_it(house: House):
    await house.fires()
    (letter,) = house.letters.received
    assert letter["to"] == MAILBOX
    assert letter["subject"].startswith("A-1 ")
    assert letter["subject"].count("A-1") == 1
    assert "HighErrorRate" in letter["subject"]
    call = await house.called()
    assert call["to"] == NUMBER
    heard = await house.phones.take(call)
    await house.phones.press(call, heard, "1")
    await house.rig.look()
    group = await house.rig.group_row()
    assert (group.state, group.hold.acknowledged_by) == (State.ACKNOWLEDGED, MIA)
    assert [one.via for one in house.rig.submitted] == ["page:call"]
    await house.phones.hang_up(call)
    for _ in range(4):
        await house.rig.look(hours=1)
    assert (len(house.letters.received), len(house.phones.calls), len(house.phones.messages)) == (1, 1, 0)


async def test_a_mailbox_that_takes_the_call_sends_the_page_another_way_and_a_reply_acknowledges(house: House):
    await house.fires()
    call = await house.called()
    await house.phones.take(call, answered_by="machine_start")
    await house.phones.hang_up(call)
    await house.rig.look()
    (message,) = house.phones.messages
    assert "call" in {one.way for one in await house.rig.page_rows(PageState.FAILED)}
    assert (await house.rig.group_row()).state is State.FIRING
    how = message["body"].splitlines()[-1]
    code = how.removeprefix("Reply 1 ").split()[0]
    status, _ = await house.phones.write(NUMBER, f"1 {code}")
    assert status == 200
    await house.rig.look()
    assert (await house.rig.group_row()).state is State.ACKNOWLEDGED


async def test_a_reply_from_somebody_elses_number_acknowledges_nothing(house: House):
    await house.fires()
    await house.called()
    await house.phones.write("+14155550999", "1")
    await house.rig.look()
    assert (await house.rig.group_row()).state is State.FIRING


async def test_a_mail_server_that_refuses_is_passed_over_at_once(house: House):
    house.letters.refuse = {MAILBOX: f"550 5.1.1 <{MAILBOX}> is not known here"}
    await house.fires()
    (call,) = house.phones.calls
    assert call["to"] == NUMBER
    (failed,) = await house.rig.page_rows(PageState.FAILED)
    assert "550" in failed.reason
    assert MAILBOX not in failed.reason
